import type { RawLog } from '../../metrics/fold/follower.ts';
import { systemTable } from './stores.ts';

/** Harper's raw analytics log. Rows are read from the store itself, which is not metered as reads of a table are. */
export function harperRawLog(): RawLog {
	return {
		read(after, limit) {
			const store = systemTable('hdb_raw_analytics')?.primaryStore;
			// The table appears with the first row that Harper records.
			if (!store) return [];
			store.resetReadTxn();
			const rows: [number, unknown][] = [];
			for (const { key, value } of store.getRange({ start: after, exclusiveStart: true, end: Infinity, limit })) {
				if (typeof key === 'number') rows.push([key, value]);
			}
			return rows;
		},
	};
}
