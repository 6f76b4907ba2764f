import type { Collector } from '../collector.ts';
import { type Family, type FamilyDefinition, samples, single, seconds } from '../family.ts';

/** What the operating system says about the Harper process, all threads together. What it does not say is undefined. */
export interface ProcessReading {
	readonly userCpuSeconds?: number | undefined;
	readonly systemCpuSeconds?: number | undefined;
	readonly residentBytes?: number | undefined;
	readonly virtualBytes?: number | undefined;
	readonly minorPageFaults?: number | undefined;
	readonly majorPageFaults?: number | undefined;
	readonly voluntaryContextSwitches?: number | undefined;
	readonly involuntaryContextSwitches?: number | undefined;
	readonly storageReadBytes?: number | undefined;
	readonly storageWrittenBytes?: number | undefined;
	readonly openDescriptors?: number | undefined;
	readonly maxDescriptors?: number | undefined;
	readonly startedAt?: number | undefined;
}

export interface ProcessFacts {
	/** The totals of the whole process since it began, the same from whichever thread asks. */
	read(): ProcessReading | Promise<ProcessReading>;
}

const cpuSeconds: FamilyDefinition = {
	name: 'harper_process_cpu_seconds_total',
	type: 'counter',
	help: 'CPU time that all threads of the Harper process have used, in user and in system mode.',
	labels: ['mode'],
	source: 'getrusage(RUSAGE_SELF)',
};
const residentMemory: FamilyDefinition = {
	name: 'harper_process_resident_memory_bytes',
	type: 'gauge',
	help: 'Memory of the Harper process that is in RAM, the pages of its database files that it has touched included.',
	labels: [],
	source: '/proc/self/stat',
};
const virtualMemory: FamilyDefinition = {
	name: 'harper_process_virtual_memory_bytes',
	type: 'gauge',
	help: 'Address space of the Harper process; memory-mapped databases make it large, and that is harmless.',
	labels: [],
	source: '/proc/self/stat',
};
const pageFaults: FamilyDefinition = {
	name: 'harper_process_page_faults_total',
	type: 'counter',
	help: 'Page faults of the Harper process; a major one waited for storage, so a steady rate means the working set does not fit in RAM.',
	labels: ['kind'],
	source: 'getrusage(RUSAGE_SELF)',
};
const contextSwitches: FamilyDefinition = {
	name: 'harper_process_context_switches_total',
	type: 'counter',
	help: 'Context switches of the Harper process; involuntary ones grow when its threads compete for too few cores.',
	labels: ['kind'],
	source: 'getrusage(RUSAGE_SELF)',
};
const storageBytes: FamilyDefinition = {
	name: 'harper_process_storage_bytes_total',
	type: 'counter',
	help: 'Bytes that the Harper process caused to be read from and written to storage, page cache hits excluded.',
	labels: ['direction'],
	source: '/proc/self/io',
};
const openDescriptors: FamilyDefinition = {
	name: 'harper_process_open_fds',
	type: 'gauge',
	help: 'File descriptors that the Harper process holds open, sockets included.',
	labels: [],
	source: '/proc/self/fd',
};
const maxDescriptors: FamilyDefinition = {
	name: 'harper_process_max_fds',
	type: 'gauge',
	help: 'Limit of open file descriptors; when it is reached Harper refuses connections.',
	labels: [],
	source: '/proc/self/limits',
};
const startTime: FamilyDefinition = {
	name: 'harper_process_start_time_seconds',
	type: 'gauge',
	help: 'When the Harper process began, in seconds since the Unix epoch; a change is a restart.',
	labels: [],
	source: '/proc/self/stat and /proc/stat',
	approximation: 'Resolution 10 ms; it moves with corrections of the system clock.',
};

export function processCollector(facts: ProcessFacts): Collector {
	return {
		name: 'process',
		definitions: [
			cpuSeconds,
			residentMemory,
			virtualMemory,
			pageFaults,
			contextSwitches,
			storageBytes,
			openDescriptors,
			maxDescriptors,
			startTime,
		],
		collect() {
			const reading = facts.read();
			return reading instanceof Promise ? reading.then(show) : show(reading);
		},
	};
}

function show(reading: ProcessReading): readonly Family[] {
	return [
		samples(cpuSeconds, [
			[['user'], reading.userCpuSeconds],
			[['system'], reading.systemCpuSeconds],
		]),
		single(residentMemory, reading.residentBytes),
		single(virtualMemory, reading.virtualBytes),
		samples(pageFaults, [
			[['minor'], reading.minorPageFaults],
			[['major'], reading.majorPageFaults],
		]),
		samples(contextSwitches, [
			[['voluntary'], reading.voluntaryContextSwitches],
			[['involuntary'], reading.involuntaryContextSwitches],
		]),
		samples(storageBytes, [
			[['read'], reading.storageReadBytes],
			[['written'], reading.storageWrittenBytes],
		]),
		single(openDescriptors, reading.openDescriptors),
		single(maxDescriptors, reading.maxDescriptors),
		single(startTime, seconds(reading.startedAt)),
	];
}
