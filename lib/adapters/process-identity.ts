import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
	/** Differs between any two processes of this machine, also where a process id is used again. */
	readonly id: string;
	/** Wall clock, milliseconds since the epoch. */
	readonly startedAt: number;
}

export function processIdentity(): ProcessIdentity {
	return { id: `${process.pid}-${startTicks()}`, startedAt: Date.now() - process.uptime() * 1000 };
}

/** Clock ticks from boot to the start of this process; other systems than Linux go without. */
function startTicks(): string {
	try {
		const stat = readFileSync('/proc/self/stat', 'utf8');
		// The name of the program stands in parentheses and may hold blanks; start time is the 20th field behind it.
		return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
	} catch {
		return '';
	}
}
