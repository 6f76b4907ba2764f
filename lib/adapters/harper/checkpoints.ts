import { CustodianError, messageOf } from '../../errors.ts';
import type { CheckpointStore } from '../../metrics/fold/follower.ts';
import type { LogCountStore } from '../../metrics/log/follower.ts';
import type { State } from './state.ts';

/**
 * Keeps checkpoints as one record of a local table. It goes to the store itself: such a write is atomic, is seen by
 * all workers, makes no audit entry and does not count as traffic.
 */
export function harperCheckpoints(state: State, id: string): SavedCheckpoints {
	const cursorId = `${id}-cursor`;
	return {
		cursor: () => field(read(state, cursorId), 'cursor', 'number'),
		savedAt: () => (state.problem() === undefined ? field(read(state, cursorId), 'savedAt', 'number') : undefined),
		load: () => field(read(state, id), 'text', 'string'),
		save: (cursor, savedAt, text) => write(state, { id, text }, { id: cursorId, cursor, savedAt }),
	};
}

interface SavedCheckpoints extends CheckpointStore {
	/** When a checkpoint was last saved: wall clock, milliseconds; undefined before the first. */
	savedAt(): number | undefined;
}

/** Keeps one text as a record of the same table. */
export function harperLogCount(state: State, id: string): LogCountStore {
	return {
		load: () => field(read(state, id), 'text', 'string'),
		save: (text) => write(state, { id, text }),
	};
}

function read(state: State, id: string): unknown {
	const store = state.store();
	store.resetReadTxn();
	return store.get(id);
}

interface StateRecord {
	readonly id: string;
	readonly [field: string]: unknown;
}

/** All records are queued in the same turn, so LMDB commits them in one transaction. */
async function write(state: State, ...records: readonly StateRecord[]): Promise<void> {
	const store = state.store();
	try {
		await Promise.all(records.map((record) => store.put(record.id, record)));
	} catch (error) {
		const cause = await commitError(error);
		const hint = 'Is the disk full? Nothing is lost for as long as Harper keeps the rows: an hour.';
		throw new CustodianError('state_not_saved', 'custodian.Checkpoint', `${messageOf(cause)}.`, { cause, hint });
	}
}

/** LMDB tells the reason of a failed commit through a promise on the error. */
async function commitError(error: unknown): Promise<unknown> {
	const reason: unknown = error instanceof Error && 'commitError' in error ? error.commitError : error;
	try {
		return (await reason) ?? error;
	} catch (cause) {
		return cause;
	}
}

function field(record: unknown, name: string, type: 'number'): number | undefined;
function field(record: unknown, name: string, type: 'string'): string | undefined;
function field(record: unknown, name: string, type: string): unknown {
	const value: unknown = typeof record === 'object' && record !== null ? Reflect.get(record, name) : undefined;
	return typeof value === type ? value : undefined;
}
