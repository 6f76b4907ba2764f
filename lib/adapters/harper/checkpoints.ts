import { CustodianError, messageOf } from '../../errors.ts';
import type { CheckpointStore } from '../../metrics/fold/follower.ts';
import type { LogCountStore } from '../../metrics/log/follower.ts';
import { sharedCount } from './shared-count.ts';
import type { State } from './state.ts';

/**
 * Keeps checkpoints as one record of a local table. It goes to the store itself: such a write is atomic, is seen by
 * all workers, makes no audit entry and does not count as traffic.
 */
export function harperCheckpoints(state: State, id: string): SavedCheckpoints {
	const place = remembered(state, `${id}-cursor`);
	return {
		cursor: () => field(place.read(), 'cursor', 'number'),
		savedAt: () => (state.problem() === undefined ? field(place.read(), 'savedAt', 'number') : undefined),
		load: () => field(read(state, id), 'text', 'string'),
		save: (cursor, savedAt, text) => place.write({ cursor, savedAt }, { id, text }),
	};
}

interface SavedCheckpoints extends CheckpointStore {
	/** When a checkpoint was last saved: wall clock, milliseconds; undefined before the first. */
	savedAt(): number | undefined;
}

/** Keeps one text as a record of the same table. */
export function harperText(state: State, id: string): LogCountStore {
	const record = remembered(state, id);
	return {
		load: () => (state.problem() === undefined ? field(record.read(), 'text', 'string') : undefined),
		save: (text) => record.write({ text }),
	};
}

/**
 * A small record that every scrape asks for and that is saved once a minute. It is read again only when a thread of this
 * process has saved since; no other process writes it.
 */
function remembered(state: State, id: string) {
	const saves = sharedCount(state, ['saves', id]);
	let seen: number | undefined;
	let record: unknown;
	return {
		read(): unknown {
			const current = saves?.current();
			if (current === undefined || current !== seen) record = read(state, id);
			seen = current;
			return record;
		},
		/** Together with other records: all of them or none. */
		async write(fields: object, ...others: readonly StateRecord[]): Promise<void> {
			await write(state, ...others, { ...fields, id });
			saves?.take();
		},
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
