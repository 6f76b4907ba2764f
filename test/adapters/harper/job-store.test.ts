import { describe, expect, test } from 'vitest';
import type { Store } from '../../../lib/adapters/harper/host.ts';
import { harperJobStore } from '../../../lib/adapters/harper/job-store.ts';
import { knownRepositories } from '../../../lib/adapters/harper/known-repositories.ts';
import type { State } from '../../../lib/adapters/harper/state.ts';
import { job } from '../../support/memory-jobs.ts';

/** As much of a store of Harper's as is used here: sorted by key, and what is put is there a turn later. */
class FakeStore {
	readonly records = new Map<string, unknown>();
	fails = false;

	get(key: string): unknown {
		return this.records.get(key);
	}

	async put(key: string, record: unknown): Promise<boolean> {
		await this.#commit();
		return this.records.set(key, record).size > 0;
	}

	async remove(key: string): Promise<boolean> {
		await this.#commit();
		return this.records.delete(key);
	}

	*getKeys({ start, end }: { readonly start: string; readonly end: string }): Generator<string> {
		for (const key of [...this.records.keys()].sort()) if (key >= start && key < end) yield key;
	}

	*getRange({ start, end }: { readonly start: string; readonly end: string }): Generator<{ value: unknown }> {
		for (const key of [...this.records.keys()].sort().toReversed()) {
			if (key <= start && key > end) yield { value: this.records.get(key) };
		}
	}

	resetReadTxn(): void {}

	async #commit(): Promise<void> {
		await Promise.resolve();
		if (this.fails) throw new Error('MDB_MAP_FULL');
	}
}

function stateOf(store: FakeStore): State {
	return { store: () => store as unknown as Store, problem: () => undefined };
}

describe('jobs in a table', () => {
	const fake = () => {
		const store = new FakeStore();
		return { store, jobs: harperJobStore(stateOf(store)) };
	};

	test('are read as they were saved, and listed the newest first', async () => {
		const { jobs } = fake();
		await jobs.save(job({ id: 'a', request: { x: [1] } }));
		await jobs.save(job({ id: 'b', state: 'succeeded' }));
		expect(jobs.load('a')).toEqual(job({ id: 'a', request: { x: [1] } }));
		expect(jobs.load('c')).toBeUndefined();
		expect([...jobs.list()].map(({ id }) => id)).toEqual(['b', 'a']);
	});

	test('are active until they have ended, the oldest first, while they are being changed', async () => {
		const { jobs } = fake();
		for (const id of ['b', 'a', 'c']) await jobs.save(job({ id }));
		await jobs.save(job({ id: 'b', state: 'cancelled' }));
		const seen: string[] = [];
		for (const one of jobs.active()) {
			seen.push(one.id);
			await jobs.save({ ...one, state: 'succeeded' });
		}
		expect(seen).toEqual(['a', 'c']);
		expect([...jobs.active()]).toEqual([]);
	});

	test('are gone without a trace when they are removed', async () => {
		const { store, jobs } = fake();
		await jobs.save(job({ id: 'a' }));
		await jobs.requestCancel('a');
		await jobs.remove('a');
		expect(store.records.size).toBe(0);
	});

	test('are cancelled by a mark of its own, which no save takes away', async () => {
		const { jobs } = fake();
		await jobs.save(job({ id: 'a' }));
		expect(jobs.isCancelRequested('a')).toBe(false);
		await jobs.requestCancel('a');
		await jobs.save(job({ id: 'a', state: 'running' }));
		expect([jobs.isCancelRequested('a'), jobs.isCancelRequested('b')]).toEqual([true, false]);
	});

	test('of a later version are passed over', async () => {
		const { store, jobs } = fake();
		store.records.set('job/a', { id: 'job/a', text: JSON.stringify({ ...job(), kind: 'recover' }) });
		store.records.set('active/a', { id: 'active/a' });
		expect([[...jobs.list()], [...jobs.active()], jobs.load('a')]).toEqual([[], [], undefined]);
	});

	test('that cannot be saved are not said to be', async () => {
		const { store, jobs } = fake();
		store.fails = true;
		await expect(jobs.save(job())).rejects.toMatchObject({ code: 'state_not_saved', subject: 'j1' });
		await expect(jobs.requestCancel('a')).rejects.toMatchObject({ code: 'state_not_saved' });
	});
});

describe('the repositories that are known', () => {
	test('are remembered by their place, those of all places that are opened at once', async () => {
		const known = knownRepositories(stateOf(new FakeStore()));
		expect(known.idAt('directory /a')).toBeUndefined();
		await Promise.all(['/a', '/b', '/c'].map((place) => known.remember(`directory ${place}`, `id of ${place}`)));
		const ids = ['/a', '/b', '/c'].map((place) => known.idAt(`directory ${place}`));
		expect(ids).toEqual(['id of /a', 'id of /b', 'id of /c']);
	});

	test('are remembered after one that could not be saved', async () => {
		const store = new FakeStore();
		const known = knownRepositories(stateOf(store));
		store.fails = true;
		await expect(known.remember('a', '1')).rejects.toMatchObject({ code: 'state_not_saved' });
		store.fails = false;
		await known.remember('b', '2');
		expect([known.idAt('a'), known.idAt('b')]).toEqual([undefined, '2']);
	});
});
