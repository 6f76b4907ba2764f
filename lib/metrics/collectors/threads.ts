import type { Collector } from '../collector.ts';
import { type Family, type FamilyDefinition, samples, single, seconds } from '../family.ts';

/** What the main thread knows of one worker thread. */
export interface ThreadReading {
	readonly id: number;
	readonly name: string;
	readonly heapTotalBytes?: number | undefined;
	readonly heapUsedBytes?: number | undefined;
	readonly externalBytes?: number | undefined;
	readonly arrayBufferBytes?: number | undefined;
	/** Busy share of the last second, as the main thread measured it from outside. */
	readonly eventLoopUtilization?: number | undefined;
	/** Since the thread itself last reported its memory; it does so every second unless it is blocked. */
	readonly reportAgeMs?: number | undefined;
}

export interface ThreadFacts {
	/** Every worker thread that lives now; the main thread is not among them. */
	read(): Promise<readonly ThreadReading[]>;
}

/** A thread that has been silent for this long is stuck: what it last said about its memory is no longer a fact. */
const STALE_REPORT_MS = 30_000;

const source = 'operation system_information, attribute threads';
const labels = ['thread', 'name'];

const heapTotal: FamilyDefinition = {
	name: 'harper_thread_heap_total_bytes',
	type: 'gauge',
	help: 'JavaScript heap that V8 has reserved for the thread; absent once the thread has not reported for 30 seconds.',
	labels,
	source,
};
const heapUsed: FamilyDefinition = {
	name: 'harper_thread_heap_used_bytes',
	type: 'gauge',
	help: 'JavaScript heap in use by the thread, garbage not yet collected included.',
	labels,
	source,
};
const external: FamilyDefinition = {
	name: 'harper_thread_external_memory_bytes',
	type: 'gauge',
	help: 'Memory outside the heap that objects of the thread hold, array buffers included.',
	labels,
	source,
};
const arrayBuffers: FamilyDefinition = {
	name: 'harper_thread_array_buffers_bytes',
	type: 'gauge',
	help: 'Memory in array buffers and Node buffers of the thread.',
	labels,
	source,
};
const utilization: FamilyDefinition = {
	name: 'harper_thread_event_loop_utilization_ratio',
	type: 'gauge',
	help: 'Share of about the last second in which the event loop of the thread was busy; near 1 means requests wait, but an idle thread shows about 0.7.',
	labels,
	source,
	approximation:
		"Harper's profiler interrupts the waiting of each worker every millisecond, and Node.js counts an interrupted wait as busy. Compare a thread with its own past; for load use harper_process_cpu_seconds_total.",
};
const reportAge: FamilyDefinition = {
	name: 'harper_thread_report_age_seconds',
	type: 'gauge',
	help: 'Since the thread last reported its memory, which it does every second; a growing age means it is blocked.',
	labels,
	source,
};
const httpWorkers: FamilyDefinition = {
	name: 'harper_http_workers',
	type: 'gauge',
	help: 'Worker threads that serve HTTP now; for a moment during a rolling restart there are more.',
	labels: [],
	source,
};

export function threadsCollector(facts: ThreadFacts): Collector {
	return {
		name: 'threads',
		definitions: [heapTotal, heapUsed, external, arrayBuffers, utilization, reportAge, httpWorkers],
		// The main thread has to be woken for the answer, and that costs more than the rest of a scrape.
		minIntervalMs: 10_000,
		async collect() {
			const threads = await facts.read();
			const perThread = (definition: FamilyDefinition, value: (thread: ThreadReading) => number | undefined): Family =>
				samples(
					definition,
					threads.map((thread) => [[String(thread.id), thread.name], value(thread)])
				);
			const whileReporting =
				(value: (thread: ThreadReading) => number | undefined) =>
				(thread: ThreadReading): number | undefined =>
					isReporting(thread) ? value(thread) : undefined;
			return [
				perThread(
					heapTotal,
					whileReporting((thread) => thread.heapTotalBytes)
				),
				perThread(
					heapUsed,
					whileReporting((thread) => thread.heapUsedBytes)
				),
				perThread(
					external,
					whileReporting((thread) => thread.externalBytes)
				),
				perThread(
					arrayBuffers,
					whileReporting((thread) => thread.arrayBufferBytes)
				),
				perThread(utilization, (thread) => thread.eventLoopUtilization),
				perThread(reportAge, (thread) => seconds(thread.reportAgeMs)),
				single(httpWorkers, threads.filter((thread) => thread.name === 'http').length),
			];
		},
	};
}

function isReporting(thread: ThreadReading): boolean {
	return thread.reportAgeMs !== undefined && thread.reportAgeMs < STALE_REPORT_MS;
}
