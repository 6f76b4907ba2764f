import type { RawLog } from '../../metrics/fold/follower.ts';
import { systemTable } from './stores.ts';

/** Harper's raw analytics log. It is read at the store itself, which is not metered as reads of a table are. */
export function harperRawLog(): RawLog {
	// The table appears with the first row that Harper records.
	const store = () => systemTable('hdb_raw_analytics')?.primaryStore;
	return {
		keys(after, limit) {
			store()?.resetReadTxn();
			const keys = store()?.getKeys({ start: after, exclusiveStart: true, end: Infinity, limit }) ?? [];
			return [...keys].filter((key) => typeof key === 'number');
		},
		row: (key) => store()?.get(key),
	};
}
