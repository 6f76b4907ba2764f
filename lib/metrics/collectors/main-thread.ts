import type { Collector } from '../collector.ts';
import { type FamilyDefinition, single, seconds } from '../family.ts';

/** What Harper last measured on its main thread, about once per aggregation period. */
export interface MainThreadReading {
	readonly measuredAt: number;
	readonly taskQueueLatencyMs?: number | undefined;
	/** Milliseconds of the event loop since the measurement before. */
	readonly idleMs?: number | undefined;
	readonly activeMs?: number | undefined;
	readonly heapTotalBytes?: number | undefined;
	readonly heapUsedBytes?: number | undefined;
}

export interface MainThreadFacts {
	/**
	 * The newest measurement of this node, never another's; undefined when there is none, or only one so old that it
	 * says nothing of the present (Harper writes none while it is idle).
	 */
	latest(): Promise<MainThreadReading | undefined>;
}

const source = 'main-thread-utilization row of system.hdb_analytics';

const queueLatency: FamilyDefinition = {
	name: 'harper_main_thread_task_queue_latency_seconds',
	type: 'gauge',
	help: "How long a task waited in the main thread's queue at one moment, at most about 90 seconds ago; absent while Harper is idle.",
	labels: [],
	source,
	approximation: 'One measurement per aggregation period (60 s by default, in effect up to 90 s), not an average.',
};
const utilization: FamilyDefinition = {
	name: 'harper_main_thread_event_loop_utilization_ratio',
	type: 'gauge',
	help: 'Busy share of the event loop of the main thread over the last aggregation period, at most about 90 seconds ago.',
	labels: [],
	source,
};
const heapTotal: FamilyDefinition = {
	name: 'harper_main_thread_heap_total_bytes',
	type: 'gauge',
	help: 'JavaScript heap reserved for the main thread, at most about 90 seconds ago.',
	labels: [],
	source,
};
const heapUsed: FamilyDefinition = {
	name: 'harper_main_thread_heap_used_bytes',
	type: 'gauge',
	help: 'JavaScript heap in use by the main thread, at most about 90 seconds ago.',
	labels: [],
	source,
};
const measuredAt: FamilyDefinition = {
	name: 'harper_main_thread_measured_timestamp_seconds',
	type: 'gauge',
	help: 'When Harper made the measurement that the other harper_main_thread_ families show.',
	labels: [],
	source,
};

export function mainThreadCollector(facts: MainThreadFacts): Collector {
	return {
		name: 'main_thread',
		definitions: [queueLatency, utilization, heapTotal, heapUsed, measuredAt],
		minIntervalMs: 5_000,
		async collect() {
			const reading = await facts.latest();
			if (reading === undefined) return [];
			return [
				single(queueLatency, seconds(reading.taskQueueLatencyMs)),
				single(utilization, busyRatio(reading)),
				single(heapTotal, reading.heapTotalBytes),
				single(heapUsed, reading.heapUsedBytes),
				single(measuredAt, seconds(reading.measuredAt)),
			];
		},
	};
}

function busyRatio({ idleMs, activeMs }: MainThreadReading): number | undefined {
	if (idleMs === undefined || activeMs === undefined || idleMs + activeMs <= 0) return undefined;
	return activeMs / (idleMs + activeMs);
}
