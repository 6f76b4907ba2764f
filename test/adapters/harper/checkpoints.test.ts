import { expect, test } from 'vitest';
import { harperCheckpoints, harperText } from '../../../lib/adapters/harper/checkpoints.ts';
import type { Store } from '../../../lib/adapters/harper/host.ts';
import type { State } from '../../../lib/adapters/harper/state.ts';

/** A state table in memory, with memory that threads share, and a count of the readings of each record. */
function stateTable() {
	const records = new Map<unknown, unknown>();
	const memory = new Map<string, ArrayBuffer>();
	const readings = new Map<unknown, number>();
	let dropped = false;
	// Only what the checkpoints call.
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	const store = {
		resetReadTxn: () => {},
		get(key: string) {
			readings.set(key, (readings.get(key) ?? 0) + 1);
			return records.get(key);
		},
		put: async (key: string, record: object) => !!records.set(key, record),
		getUserSharedBuffer(key: readonly string[], initial: ArrayBuffer) {
			const shared = memory.get(key.join()) ?? initial;
			memory.set(key.join(), shared);
			return shared;
		},
	} as unknown as Store;
	const state: State = {
		store() {
			if (dropped) throw new Error('gone');
			return store;
		},
		problem: () => (dropped ? 'gone' : undefined),
	};
	return { state, drop: () => (dropped = true), readingsOf: (id: string) => readings.get(id) ?? 0 };
}

test('a worker reads the cursor again only when some worker has saved', async () => {
	const { state, readingsOf } = stateTable();
	const [leader, other] = [harperCheckpoints(state, 'x'), harperCheckpoints(state, 'x')];
	expect([other.cursor(), other.savedAt()]).toEqual([undefined, undefined]);
	expect(readingsOf('x-cursor')).toBe(1);
	await leader.save(5, 1000, 'text');
	expect([other.cursor(), other.savedAt(), other.cursor(), other.load()]).toEqual([5, 1000, 5, 'text']);
	expect(readingsOf('x-cursor')).toBe(2);
	await leader.save(6, 2000, 'more');
	expect([other.cursor(), other.savedAt(), other.load()]).toEqual([6, 2000, 'more']);
});

test('without its table the count of the log is not found, and no failure', async () => {
	const { state, drop } = stateTable();
	const count = harperText(state, 'log');
	await count.save('one');
	expect(count.load()).toBe('one');
	drop();
	expect(count.load()).toBeUndefined();
	await expect(count.save('two')).rejects.toThrow('gone');
});
