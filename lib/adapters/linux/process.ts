import { readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { ProcessFacts, ProcessReading } from '../../metrics/collectors/process.ts';

/** USER_HZ, in which the kernel reports times to programs: 100 on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Off Linux there is no /proc, and what comes from there is undefined. */
export function linuxProcess(): ProcessFacts {
	const constants = readConstants();
	return {
		async read() {
			const usage = process.resourceUsage();
			const stat = readIfThere('/proc/self/stat');
			const io = readIfThere('/proc/self/io');
			return {
				userCpuSeconds: usage.userCPUTime / 1e6,
				systemCpuSeconds: usage.systemCPUTime / 1e6,
				minorPageFaults: usage.minorPageFault,
				majorPageFaults: usage.majorPageFault,
				voluntaryContextSwitches: usage.voluntaryContextSwitches,
				involuntaryContextSwitches: usage.involuntaryContextSwitches,
				residentBytes: process.memoryUsage.rss(),
				...(stat === undefined ? {} : { virtualBytes: parseStat(stat).virtualBytes }),
				...(io === undefined ? {} : parseIo(io)),
				openDescriptors: await countDescriptors(),
				...constants,
			};
		},
	};
}

interface ProcessIdentity {
	/** Differs between any two processes of this machine, also where a process id is used again. */
	readonly id: string;
	/** Wall clock, milliseconds since the epoch. */
	readonly startedAt: number;
}

/** Without /proc a process is told apart by its number alone. */
export function processIdentity(): ProcessIdentity {
	const stat = readIfThere('/proc/self/stat');
	const startTicks = stat === undefined ? undefined : parseStat(stat).startTicks;
	return { id: `${process.pid}-${startTicks ?? ''}`, startedAt: Date.now() - process.uptime() * 1000 };
}

/** Since Linux 6.2 the directory's size is the number. Before, thousands may have to be listed, by another thread. */
async function countDescriptors(): Promise<number | undefined> {
	const size = statSync('/proc/self/fd', { throwIfNoEntry: false })?.size ?? 0;
	if (size > 0) return size;
	const listed = await readdir('/proc/self/fd').catch(() => undefined);
	// One of them is the directory being read.
	return listed && listed.length - 1;
}

function readConstants(): Pick<ProcessReading, 'startedAt' | 'maxDescriptors'> {
	const own = readIfThere('/proc/self/stat');
	const system = readIfThere('/proc/stat');
	const limits = readIfThere('/proc/self/limits');
	const startTicks = own === undefined ? undefined : parseStat(own).startTicks;
	const bootSeconds = numberAfter(/^btime (\d+)$/m, system);
	return {
		startedAt:
			startTicks === undefined || bootSeconds === undefined
				? undefined
				: bootSeconds * 1000 + (startTicks / TICKS_PER_SECOND) * 1000,
		maxDescriptors: numberAfter(/^Max open files\s+(\d+)/m, limits),
	};
}

/** The name of the program stands in parentheses and may hold anything, parentheses and spaces included. */
export function parseStat(text: string): { virtualBytes: number | undefined; startTicks: number | undefined } {
	// Fields are counted from 1 in proc(5); the first after the name is number 3.
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
	return { startTicks: parse(fields[22 - 3]), virtualBytes: parse(fields[23 - 3]) };
}

export function parseIo(text: string): Pick<ProcessReading, 'storageReadBytes' | 'storageWrittenBytes'> {
	return {
		storageReadBytes: numberAfter(/^read_bytes: (\d+)$/m, text),
		storageWrittenBytes: numberAfter(/^write_bytes: (\d+)$/m, text),
	};
}

function numberAfter(pattern: RegExp, text: string | undefined): number | undefined {
	return text === undefined ? undefined : parse(pattern.exec(text)?.[1]);
}

function parse(digits: string | undefined): number | undefined {
	return digits === undefined || !/^\d+$/.test(digits) ? undefined : Number(digits);
}

/**
 * Not there, or not ours to read (/proc/self/io in some containers): unknown either way. Synchronous, since the kernel
 * answers from memory and a detour over the thread pool costs more than the reading.
 */
function readIfThere(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}
