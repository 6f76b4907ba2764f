import type { MainThreadFacts, MainThreadReading } from '../../metrics/collectors/main-thread.ts';
import type { Clock } from '../../time.ts';
import { asFields, numberIn } from './fields.ts';
import { configSection, hostname } from './in-process.ts';
import type { Store } from './host.ts';
import { systemTable } from './stores.ts';

/** Harper aggregates every 1.5 periods; after three without a row it is idle, and the last row is history. */
const PERIODS_KEPT = 3;

type Rows = Pick<Store, 'getRange'>;

export function harperMainThread(clock: Pick<Clock, 'now'>): MainThreadFacts {
	return mainThreadFrom(
		() => systemTable('hdb_analytics')?.primaryStore,
		() => ownNodeId(systemTable('hdb_analytics_hostname')?.primaryStore),
		aggregatePeriodMs(),
		clock
	);
}

/** Each row is decoded once: a reading looks only at what was added since the one before, and not before it can be there. */
export function mainThreadFrom(
	rows: () => Rows | undefined,
	ownId: () => number | undefined,
	periodMs: number,
	clock: Pick<Clock, 'now'>
): MainThreadFacts {
	let nodeId: number | undefined;
	let newestSeen = 0;
	let latest: MainThreadReading | undefined;
	return {
		async latest() {
			const now = clock.now();
			if (latest !== undefined && now >= latest.measuredAt && now < latest.measuredAt + periodMs) return latest;
			const oldest = now - PERIODS_KEPT * periodMs;
			nodeId ??= ownId();
			let newest = newestSeen;
			// Read at the store: a reading through the table is charged to the license.
			const added = rows()?.getRange({ start: Infinity, end: Math.max(newestSeen, oldest), reverse: true }) ?? [];
			for (const { key, value } of added) {
				const [at, node]: readonly unknown[] = Array.isArray(key) ? key : [];
				if (typeof at !== 'number' || at <= newestSeen) continue;
				newest = Math.max(newest, at);
				// With analytics.replicate the rows of other nodes stand here too.
				const reading = node === nodeId ? parseRow(at, value) : undefined;
				if (reading !== undefined) {
					latest = reading;
					break;
				}
			}
			newestSeen = newest;
			return latest !== undefined && latest.measuredAt >= oldest ? latest : undefined;
		},
	};
}

function parseRow(at: number, value: unknown): MainThreadReading | undefined {
	const row = asFields(value);
	if (row['metric'] !== 'main-thread-utilization') return undefined;
	return {
		measuredAt: numberIn(row, 'time') ?? at,
		taskQueueLatencyMs: numberIn(row, 'taskQueueLatency'),
		idleMs: numberIn(row, 'idle'),
		activeMs: numberIn(row, 'active'),
		heapTotalBytes: numberIn(row, 'heapTotal'),
		heapUsedBytes: numberIn(row, 'heapUsed'),
	};
}

/** The number under which this node writes its analytics, as Harper recorded it beside its host name. */
function ownNodeId(hostnames: Rows | undefined): number | undefined {
	for (const { key, value } of hostnames?.getRange({}) ?? []) {
		if (typeof key === 'number' && asFields(value)['hostname'] === hostname()) return key;
	}
	return undefined;
}

function aggregatePeriodMs(): number {
	const seconds = numberIn(configSection('analytics'), 'aggregatePeriod');
	return (seconds !== undefined && seconds > 0 ? seconds : 60) * 1000;
}
