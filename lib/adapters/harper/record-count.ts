import { pause } from '../timers.ts';
import type { Store } from './host.ts';
import { listDatabases } from './stores.ts';

/** Entries looked at from either end of a table. */
const SAMPLE = 5000;
const SLICE = 250;
/** Keys of records come after the symbols under which Harper keeps its own. */
const FIRST_KEY = true;
const BEHIND_ALL_KEYS = '\u{FFFF}';

/**
 * About how many records a table has: LMDB counts entries, tombstones included, and what share of them are records is
 * told by those at both ends of the table. Exact for a small one; undefined for one that is gone.
 */
export async function countRecords(database: string, table: string): Promise<number | undefined> {
	const store = listDatabases()
		.find(({ name }) => name === database)
		?.tables.find(([name]) => name === table)?.[1].primaryStore;
	if (store === undefined) return undefined;
	store.resetReadTxn();
	store.rootStore.getStats();
	const entries = store.db.stat().entryCount;
	const first = await sample(store, { start: FIRST_KEY, limit: SAMPLE });
	if (first.entries < SAMPLE) return first.records;
	const last = await sample(store, { start: BEHIND_ALL_KEYS, end: FIRST_KEY, reverse: true, limit: SAMPLE });
	return Math.round((entries * (first.records + last.records)) / (first.entries + last.entries));
}

async function sample(store: Store, range: object): Promise<{ readonly entries: number; readonly records: number }> {
	let entries = 0;
	let records = 0;
	// The values are not decoded, and what is committed meanwhile may show.
	for (const { value } of store.getRange({ ...range, lazy: true, snapshot: false })) {
		entries++;
		if (value !== null && value !== undefined) records++;
		if (entries % SLICE === 0) await pause();
	}
	return { entries, records };
}
