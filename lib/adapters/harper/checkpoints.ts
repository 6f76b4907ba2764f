import type { CheckpointStore } from '../../metrics/fold/follower.ts';
import type { LogCountStore } from '../../metrics/log-follower.ts';
import type { Store } from './host.ts';

/**
 * Keeps checkpoints as one record of a local table. It goes to the store itself: such a write is atomic, is seen by
 * all workers, makes no audit entry and does not count as traffic.
 */
export function harperCheckpoints(store: Store, id: string): CheckpointStore {
	const cursorId = `${id}-cursor`;
	return {
		cursor() {
			store.resetReadTxn();
			return field(store.get(cursorId), 'cursor', 'number');
		},
		load() {
			store.resetReadTxn();
			return field(store.get(id), 'text', 'string');
		},
		async save(cursor, text) {
			// Both are queued in the same turn, so LMDB commits them in one transaction.
			await Promise.all([store.put(id, { id, text }), store.put(cursorId, { id: cursorId, cursor })]);
		},
	};
}

/** Keeps one text as a record of the same table. */
export function harperLogCount(store: Store, id: string): LogCountStore {
	return {
		load() {
			store.resetReadTxn();
			return field(store.get(id), 'text', 'string');
		},
		async save(text) {
			await store.put(id, { id, text });
		},
	};
}

function field(record: unknown, name: string, type: 'number'): number | undefined;
function field(record: unknown, name: string, type: 'string'): string | undefined;
function field(record: unknown, name: string, type: string): unknown {
	const value: unknown = typeof record === 'object' && record !== null ? Reflect.get(record, name) : undefined;
	return typeof value === type ? value : undefined;
}
