import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyPlan, type RecordWrite, type RecordWriter, type WriteOutcome } from '../../lib/revert/apply.ts';
import { JournalTally, sumOf, type Journal, type JournalEntry } from '../../lib/revert/journal.ts';
import { BlobReference } from '../../lib/record/blob.ts';
import type { RecordPlan } from '../../lib/revert/record-plan.ts';
import { headerOf, memoryPlan } from '../support/memory-reverts.ts';

/** A plan for record `id`, which had this version when it was planned. */
function planned(id: number, liveVersion: number, kind: 'write' | 'delete' | 'leave'): RecordPlan {
	const decision =
		kind === 'write'
			? ({ kind, values: { id, price: 'base' }, expiresAt: undefined, reason: 'r' } as const)
			: ({ kind, reason: 'r' } as const);
	return {
		table: id % 2 === 0 ? 'even' : 'odd',
		tableId: id % 2,
		id,
		liveVersion,
		liveLocalTime: liveVersion,
		selected: { changes: 1, firstVersion: 1, lastVersion: 1 },
		decision,
		attributes: [],
		conflicts: [],
	};
}

class Died extends Error {}

/** A database of versions: a write that is let through gives the record the version of its transaction. */
class Database implements RecordWriter {
	readonly versions = new Map<unknown, number[]>();
	/** Called before and after each commit; throws where the process dies there. */
	onCommit: () => void = () => {};
	heldMs = 1;
	readonly sizes: number[] = [];

	async write(writes: readonly RecordWrite[], { version }: { readonly version: number }) {
		this.sizes.push(writes.length);
		this.onCommit();
		const outcomes = writes.map(({ id, expected }): WriteOutcome => {
			const versions = this.versions.get(id) ?? [];
			if (versions.at(-1) !== expected?.version) return { kind: 'drifted' };
			if (version <= (versions.at(-1) ?? 0)) throw new Error('Harper would drop it');
			this.versions.set(id, [...versions, version]);
			return { kind: 'written' };
		});
		this.onCommit();
		return { outcomes, heldMs: this.heldMs };
	}

	hasChange({ id }: RecordWrite, version: number): boolean {
		return this.versions.get(id)?.includes(version) === true;
	}
}

class MemoryJournal implements Journal {
	readonly written: JournalEntry[] = [];
	onAppend: () => void = () => {};

	async *entries(): AsyncIterable<JournalEntry> {
		for (const entry of Array.from(this.written)) yield entry;
	}

	async append(...entries: readonly JournalEntry[]): Promise<void> {
		this.onAppend();
		this.written.push(...entries);
		this.onAppend();
	}

	async close(): Promise<void> {}
}

const clock = { now: () => 1_000_000, monotonic: () => 0 };

async function run(plans: readonly RecordPlan[], database: Database, journal: Journal, signal?: AbortSignal) {
	const tally = new JournalTally();
	const ports = { writer: database, journal, clock, random: Math.random, pause: async () => {} };
	const plan = memoryPlan(headerOf('r'), plans);
	await applyPlan(plan, 'u', ports, tally, () => {}, signal ?? new AbortController().signal);
	return { tally, counts: sumOf(tally.tables([])) };
}

describe('applying a plan', () => {
	test('writes each record once, and leaves what has drifted, wherever it dies and goes on', async () => {
		const kind = fc.constantFrom('write', 'delete', 'leave');
		// Often enough that nothing of a batch is written.
		const drifting = fc.constantFrom(true, true, true, false);
		const records = fc.array(fc.record({ kind, drifts: drifting }), { minLength: 200, maxLength: 300 });
		await fc.assert(
			fc.asyncProperty(records, fc.array(fc.nat(60), { maxLength: 6 }), async (wanted, deaths) => {
				const database = new Database();
				// Few records to a batch.
				database.heldMs = 50;
				const journal = new MemoryJournal();
				const plans = wanted.map((one, id) => planned(id, 10, one.kind));
				for (const [id, { drifts }] of wanted.entries()) database.versions.set(id, drifts ? [10, 20] : [10]);
				for (const death of deaths) {
					let left = death;
					const step = () => {
						if (left-- === 0) throw new Died();
					};
					database.onCommit = step;
					journal.onAppend = step;
					await run(plans, database, journal).catch((error: unknown) => {
						if (!(error instanceof Died)) throw error;
					});
				}
				database.onCommit = () => {};
				journal.onAppend = () => {};
				const { counts } = await run(plans, database, journal);
				const toDo = wanted.filter((one) => one.kind !== 'leave');
				const drifted = toDo.filter(({ drifts }) => drifts).length;
				const writes = toDo.filter((one) => one.kind === 'write' && !one.drifts).length;
				expect(counts).toMatchObject({ written: writes, deleted: toDo.length - drifted - writes, drifted });
				for (const [id, { kind: what, drifts }] of wanted.entries()) {
					const isWritten = what !== 'leave' && !drifts;
					expect(database.versions.get(id)).toHaveLength(drifts || isWritten ? 2 : 1);
				}
			}),
			{ numRuns: 100, endOnFailure: true }
		);
	});

	test('counts a batch that wrote nothing, also where only the end of the next one was saved', async () => {
		const database = new Database();
		const plans = [0, 1, 2, 3].map((id) => planned(id, 10, 'write'));
		for (const id of [0, 1]) database.versions.set(id, [10, 20]);
		for (const id of [2, 3]) database.versions.set(id, [10, 8.5]);
		const journal = new MemoryJournal();
		const second = { first: 2, count: 2, version: 8.5 };
		await journal.append(
			{ kind: 'begun', first: 0, count: 2, version: 7.5 },
			{ kind: 'begun', ...second },
			{ kind: 'done', ...second, tables: { even: { written: 1, deleted: 0 } }, drifted: [], impossible: [] }
		);
		expect((await run(plans, database, journal)).counts).toMatchObject({ written: 1, drifted: 2 });
	});

	test('counts a table by whatever name', async () => {
		const database = new Database();
		database.versions.set(0, [10]);
		const plan = { ...planned(0, 10, 'write'), table: 'constructor' };
		const { counts, tally } = await run([plan], database, new MemoryJournal());
		expect([counts.written, tally.versions.length]).toEqual([1, 1]);
	});

	test('gives each transaction a version of its own, behind all that it replaces', async () => {
		const database = new Database();
		const plans = Array.from({ length: 300 }, (_, id) => planned(id, 2_000_000 + id, 'write'));
		for (const { id, liveVersion = 0 } of plans) database.versions.set(id, [liveVersion]);
		const { tally } = await run(plans, database, new MemoryJournal());
		expect(new Set(tally.versions).size).toBe(database.sizes.length);
		expect(tally.versions).toEqual(tally.versions.toSorted((a, b) => a - b));
		expect(tally.versions[0]).toBeGreaterThan(2_000_000);
	});

	test('writes fewer records at once where they hold the event loop, and more where they do not', async () => {
		const sizes = async (heldMs: number) => {
			const database = new Database();
			database.heldMs = heldMs;
			const plans = Array.from({ length: 3000 }, (_, id) => planned(id, 1, 'write'));
			for (const { id } of plans) database.versions.set(id, [1]);
			await run(plans, database, new MemoryJournal());
			return database.sizes;
		};
		expect((await sizes(20)).at(-2)).toBeLessThan(10);
		expect(Math.max(...(await sizes(1)))).toBeGreaterThan(200);
	});

	test('stops between two batches when it is cancelled, and tells what was done', async () => {
		const database = new Database();
		const journal = new MemoryJournal();
		const plans = Array.from({ length: 300 }, (_, id) => planned(id, 1, 'write'));
		for (const { id } of plans) database.versions.set(id, [1]);
		const cancel = new AbortController();
		database.onCommit = () => cancel.abort(new Died());
		await expect(run(plans, database, journal, cancel.signal)).rejects.toThrow(Died);
		expect(database.sizes).toHaveLength(1);
		expect(journal.written.at(-1)?.kind).toBe('done');
	});

	test('waits for what is being written also where the journal fails, and counts it', async () => {
		const database = new Database();
		const journal = new MemoryJournal();
		const plans = Array.from({ length: 2000 }, (_, id) => planned(id, 1, 'write'));
		for (const { id } of plans) database.versions.set(id, [1]);
		let appended = 0;
		journal.onAppend = () => {
			if (appended++ === 2) throw new Error('the disk is full');
		};
		const slow: RecordWriter = {
			hasChange: (one, version) => database.hasChange(one, version),
			async write(writes, transaction) {
				await new Promise((resolve) => setImmediate(resolve));
				return database.write(writes, transaction);
			},
		};
		const tally = new JournalTally();
		const ports = { writer: slow, journal, clock, random: Math.random, pause: async () => {} };
		const applying = applyPlan(
			memoryPlan(headerOf('r'), plans),
			'u',
			ports,
			tally,
			() => {},
			new AbortController().signal
		);
		await expect(applying).rejects.toThrow('the disk is full');
		const [begun, done] = ['begun', 'done'].map((wanted) => journal.written.filter(({ kind }) => kind === wanted));
		expect(begun?.length).toBeGreaterThan(1);
		expect(done?.map(({ first }) => first)).toEqual(begun?.map(({ first }) => first));
		expect(sumOf(tally.tables([])).written).toBe(begun?.reduce((sum, { count }) => sum + count, 0));
	});

	test('counts what is written to a table that is called like what objects inherit', async () => {
		const database = new Database();
		database.versions.set(1, [1]);
		const { tally } = await run([{ ...planned(1, 1, 'write'), table: 'constructor' }], database, new MemoryJournal());
		expect(tally.tables([])).toMatchObject({ constructor: { written: 1 } });
		expect(tally.versions).toHaveLength(1);
	});

	test('keeps blobs in few records to a batch, however deep they stand', async () => {
		const database = new Database();
		const blob = new BlobReference({ size: 3 * 2 ** 20 }, { fileId: 'a1', storageIndex: 0 });
		const plans = Array.from({ length: 4 }, (_, id): RecordPlan => {
			const decision = { kind: 'write', values: { deep: [{ blob }] }, expiresAt: undefined, reason: 'r' } as const;
			return { ...planned(id, 1, 'write'), decision };
		});
		for (const { id } of plans) database.versions.set(id, [1]);
		await run(plans, database, new MemoryJournal());
		expect(database.sizes).toEqual([1, 1, 1, 1]);
	});
});
