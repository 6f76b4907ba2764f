import { openSync, readFileSync, readSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { ProcessFacts, ProcessReading } from '../../metrics/collectors/process.ts';

/** USER_HZ, in which the kernel reports times to programs: 100 on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Off Linux there is no /proc, and what comes from there is undefined. */
export function linuxProcess(): ProcessFacts {
	const constants = readConstants();
	const stat = kernelFile('/proc/self/stat');
	const io = kernelFile('/proc/self/io');
	const pageBytes = pageSize(parseStat(stat()).residentPages);
	return {
		read() {
			const usage = process.resourceUsage();
			const { virtualBytes, residentPages } = parseStat(stat());
			const reading = {
				userCpuSeconds: usage.userCPUTime / 1e6,
				systemCpuSeconds: usage.systemCPUTime / 1e6,
				minorPageFaults: usage.minorPageFault,
				majorPageFaults: usage.majorPageFault,
				voluntaryContextSwitches: usage.voluntaryContextSwitches,
				involuntaryContextSwitches: usage.involuntaryContextSwitches,
				residentBytes: residentPages === undefined ? process.memoryUsage.rss() : residentPages * pageBytes,
				virtualBytes,
				...parseIo(io()),
				...constants,
			};
			const openDescriptors = statSync('/proc/self/fd', { throwIfNoEntry: false })?.size;
			return openDescriptors === 0 ? listDescriptors(reading) : { ...reading, openDescriptors };
		},
	};
}

/** The kernel says it to programs at their start only, but it is a power of two. */
function pageSize(residentPages = 1): number {
	return 2 ** Math.round(Math.log2(process.memoryUsage.rss() / residentPages));
}

interface ProcessIdentity {
	/** Differs between any two processes of this machine, also where a process id is used again. */
	readonly id: string;
	/** Wall clock, milliseconds since the epoch. */
	readonly startedAt: number;
}

/** Without /proc a process is told apart by its number alone. */
export function processIdentity(): ProcessIdentity {
	const { startTicks } = parseStat(readIfThere('/proc/self/stat'));
	return { id: `${process.pid}-${startTicks ?? ''}`, startedAt: Date.now() - process.uptime() * 1000 };
}

/** Before Linux 6.2 the directory's size is not the number, and thousands may have to be listed, by another thread. */
async function listDescriptors(reading: ProcessReading): Promise<ProcessReading> {
	const listed = await readdir('/proc/self/fd').catch(() => undefined);
	// One of them is the directory being read.
	return { ...reading, openDescriptors: listed && listed.length - 1 };
}

function readConstants(): Pick<ProcessReading, 'startedAt' | 'maxDescriptors'> {
	const system = readIfThere('/proc/stat');
	const limits = readIfThere('/proc/self/limits');
	const { startTicks } = parseStat(readIfThere('/proc/self/stat'));
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
export function parseStat(
	text = ''
): Readonly<Record<'startTicks' | 'virtualBytes' | 'residentPages', number | undefined>> {
	// Fields are counted from 1 in proc(5); the first after the name is number 3.
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
	return {
		startTicks: parse(fields[22 - 3]),
		virtualBytes: parse(fields[23 - 3]),
		residentPages: parse(fields[24 - 3]),
	};
}

export function parseIo(text: string | undefined): Pick<ProcessReading, 'storageReadBytes' | 'storageWrittenBytes'> {
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

/** What a file of the kernel says now. It stays open: to look up its path takes longer than to read it. */
function kernelFile(path: string): () => string | undefined {
	const buffer = Buffer.alloc(4096);
	const descriptor = ifThere(() => openSync(path, 'r'));
	if (descriptor === undefined) return () => undefined;
	return () => ifThere(() => buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, buffer.length, 0)));
}

function readIfThere(path: string): string | undefined {
	return ifThere(() => readFileSync(path, 'utf8'));
}

/**
 * Not there, or not ours to read (/proc/self/io in some containers): unknown either way. Synchronous, since the kernel
 * answers from memory and a detour over the thread pool costs more than the reading.
 */
function ifThere<T>(read: () => T): T | undefined {
	try {
		return read();
	} catch {
		return undefined;
	}
}
