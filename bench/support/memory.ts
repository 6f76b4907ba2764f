import { readFileSync } from 'node:fs';
import type { Harper } from '../../test/support/harper.ts';
import { childrenOf } from './host.ts';

interface Memory {
	readonly resident: number;
	/** Without the pages of files that are mapped, as a database is. */
	readonly anonymous: number;
}

/** Looks at the memory of Harper and of the process beside it, twenty times a second. In bytes. */
export function watchMemory(harper: Harper): {
	stop(): { readonly host: { readonly before: Memory; readonly most: Memory }; readonly child: Memory };
} {
	const host = harper.pid!;
	const before = memoryOf(host);
	let most = before;
	let child: Memory = { resident: 0, anonymous: 0 };
	const timer = setInterval(() => {
		most = larger(most, memoryOf(host));
		for (const pid of childrenOf(host)) child = larger(child, memoryOf(Number(pid)));
	}, 50);
	return {
		stop() {
			clearInterval(timer);
			return { host: { before, most }, child };
		},
	};
}

function larger(one: Memory, other: Memory): Memory {
	return {
		resident: Math.max(one.resident, other.resident),
		anonymous: Math.max(one.anonymous, other.anonymous),
	};
}

function memoryOf(pid: number): Memory {
	try {
		const status = readFileSync(`/proc/${pid}/status`, 'utf8');
		const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
		return { resident: bytes('VmRSS'), anonymous: bytes('RssAnon') };
	} catch {
		// It has ended since.
		return { resident: 0, anonymous: 0 };
	}
}
