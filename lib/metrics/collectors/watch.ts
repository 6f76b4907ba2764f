import type { Collector } from '../collector.ts';
import { samples, seconds, type FamilyDefinition } from '../family.ts';

/** What was counted of one table. Instants are milliseconds. */
export interface WatchedTable {
	readonly database: string;
	readonly table: string;
	/** By what became of the record that was there. */
	readonly changes: Readonly<Record<string, number>>;
	readonly bursts: Readonly<Record<string, { readonly count: number; readonly lastAt?: number | undefined }>>;
}

const SOURCE = 'the audit log, as the elected worker reads it';
const LABELS = ['database', 'table', 'change'];
const SINCE =
	'Counted since this component first saw the table; what is written while Harper runs without the component, or is watched again only after ten minutes, is missing.';

const changesTotal: FamilyDefinition = {
	name: 'harper_custodian_watch_changes_total',
	type: 'counter',
	help: 'Changes in the audit log by table: create, overwrite (a put of a record that was there, or a patch) and delete; those that other nodes sent are among them.',
	labels: LABELS,
	source: SOURCE,
	approximation: SINCE,
	openLabels: ['database', 'table'],
};
const burstsTotal: FamilyDefinition = {
	name: 'harper_custodian_watch_bursts_total',
	type: 'counter',
	help: 'How often one user deleted or overwrote more of the table within a minute than the configuration allows. Each has a bookmark before it.',
	labels: LABELS,
	source: SOURCE,
	openLabels: ['database', 'table'],
};
const lastBurst: FamilyDefinition = {
	name: 'harper_custodian_watch_last_burst_timestamp_seconds',
	type: 'gauge',
	help: 'When the last such burst was noticed.',
	labels: LABELS,
	source: SOURCE,
};

/** Shows what the elected worker counts; nothing before it began. */
export function watchCollector(read: () => readonly WatchedTable[]): Collector {
	return {
		name: 'watch',
		definitions: [changesTotal, burstsTotal, lastBurst],
		collect() {
			const tables = read();
			return [
				samples(
					changesTotal,
					tables.flatMap(({ database, table, changes }) =>
						Object.entries(changes).map(([change, count]) => [[database, table, change], count] as const)
					)
				),
				samples(
					burstsTotal,
					burstsOf(tables, ({ count }) => count)
				),
				samples(
					lastBurst,
					burstsOf(tables, ({ lastAt }) => seconds(lastAt))
				),
			];
		},
	};
}

function burstsOf(
	tables: readonly WatchedTable[],
	valueOf: (bursts: WatchedTable['bursts'][string]) => number | undefined
) {
	return tables.flatMap(({ database, table, bursts }) =>
		Object.entries(bursts).map(([change, burst]) => [[database, table, change], valueOf(burst)] as const)
	);
}
