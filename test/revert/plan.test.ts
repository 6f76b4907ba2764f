import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/time.ts';
import { DoneRecords } from '../../lib/revert/done-records.ts';
import { RevertPlanning, type PlanProgress } from '../../lib/revert/plan.ts';
import type { Policy, RecordPlan } from '../../lib/revert/record-plan.ts';
import { keyBytes, type Selection } from '../../lib/revert/select.ts';
import type { LiveRecord, LogRow, LogSpan } from '../../lib/audit/log.ts';
import { MemoryAuditLog } from '../support/memory-audit-log.ts';

const after = (ms: number) => Date.UTC(2026, 0, 1) + ms;

async function planned(log: MemoryAuditLog, selection: Selection, policy: Policy = 'merge') {
	const planning = new RevertPlanning(log, selection, policy, { pause: async () => {}, clock: { monotonic: () => 0 } });
	const plans: RecordPlan[] = [];
	for await (const plan of planning.records()) plans.push(plan);
	return { plans, totals: planning.totals };
}

/** Shows what was written once, however often it is asked to look again: that takes long in a large log. */
class StillLog extends MemoryAuditLog {
	#isRead = false;
	override refresh(): void {
		if (!this.#isRead) super.refresh();
		this.#isRead = true;
	}
}

describe('a plan', () => {
	test('has each record once, the latest first, and adds them up', async () => {
		const log = new MemoryAuditLog(['One', 'Two']);
		log.write({ action: 'put', id: 'x', user: 'good', values: { a: 1, b: 1 } });
		log.write({ action: 'patch', id: 'x', user: 'bad', values: { a: 2, b: 2 } });
		log.write({ action: 'put', id: 'y', user: 'bad', table: 'Two', values: { a: 2 } });
		log.write({ action: 'patch', id: 'x', user: 'bad', values: { a: 3 } });
		log.write({ action: 'patch', id: 'x', user: 'other', values: { b: 3 } });
		log.write({ action: 'message', id: 'z', user: 'bad', values: {} });
		const { plans, totals } = await planned(log, { users: ['bad'] });
		expect(plans.map(({ table, id }) => [table, id])).toEqual([
			['One', 'z'],
			['One', 'x'],
			['Two', 'y'],
		]);
		expect(totals).toMatchObject({
			records: 3,
			selectedChanges: 4,
			byDecision: { write: 1, delete: 1, leave: 1, impossible: 0 },
			byTable: { One: 2, Two: 1 },
			conflicts: { records: 1, attributes: 1, byUser: { other: 1 } },
			isAborted: false,
			isComplete: true,
			gaps: [],
		});
	});

	test('does not call itself complete where tables that it means are not logged', async () => {
		const log = new MemoryAuditLog(['One', { name: 'Silent', isAudited: false }]);
		log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 1 } });
		const gaps = [{ reason: 'not_logged', table: 'Silent' }];
		for (const [selection, expected] of [
			[{ users: ['bad'] }, gaps],
			[{ ids: [{ table: 'Silent', id: 'x' }] }, gaps],
			[{ tables: ['One'] }, []],
			[{ ids: [{ table: 'One', id: 'x' }] }, []],
			[{ revert: [1] }, []],
		] as const) {
			const { totals } = await planned(log, selection);
			expect(totals, JSON.stringify(selection)).toMatchObject({ isComplete: expected.length === 0, gaps: expected });
		}
	});

	test.each([0, ''])('does not delete record %j where Harper did not see that it was there', async (id) => {
		const log = new MemoryAuditLog(['One']);
		log.write({ action: 'put', id, user: 'good', values: { a: 1 } });
		log.evict(1, id);
		log.write({ action: 'put', id, user: 'bad', values: { a: 2 } });
		const { plans } = await planned(log, { users: ['bad'] });
		expect(plans.map(({ decision }) => decision)).toMatchObject([{ kind: 'write', values: { a: 1 } }]);
	});

	test('does not take a change for the first one where no entry names the one before it', async () => {
		const log = new MemoryAuditLog();
		log.namesPrevious = false;
		log.write({ action: 'put', id: 'x', user: 'good', values: { a: 1 } });
		const good = log.write({ action: 'put', id: 'y', user: 'good', values: { a: 1 } });
		log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 2 } });
		log.write({ action: 'put', id: 'z', user: 'bad', values: { a: 3 } });
		const decided = async () => {
			const { plans } = await planned(log, { users: ['bad'] });
			return new Map(plans.map(({ id, decision }) => [id, decision]));
		};
		expect(Object.fromEntries(await decided())).toMatchObject({
			x: { kind: 'write', values: { a: 1 } },
			z: { kind: 'delete' },
		});
		log.removeBefore(good + 1);
		expect(Object.fromEntries(await decided())).toMatchObject({
			x: { kind: 'impossible', code: 'history_purged' },
			z: { kind: 'impossible', code: 'history_purged' },
		});
	});

	test('aborts as a whole where there is a conflict', async () => {
		const log = new MemoryAuditLog();
		log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 1 } });
		expect((await planned(log, { users: ['bad'] }, 'abort')).totals.isAborted).toBe(false);
		log.write({ action: 'patch', id: 'x', user: 'good', values: { a: 2 } });
		expect((await planned(log, { users: ['bad'] }, 'abort')).totals.isAborted).toBe(true);
	});

	test('takes whole transactions that stand in the way, and what stands in the way of these', async () => {
		const log = new MemoryAuditLog(['One', 'Two']);
		for (const id of ['x', 'y', 'z']) log.write({ action: 'put', id, user: 'good', values: { a: 1 } });
		log.write({ action: 'patch', id: 'x', user: 'bad', values: { a: 2 } });
		log.write({ action: 'patch', id: 'x', user: 'good', values: { a: 3 }, version: after(50), localTime: after(50) });
		log.write({ action: 'patch', id: 'y', user: 'good', values: { a: 3 }, version: after(50) });
		log.write({ action: 'patch', id: 'y', user: 'other', values: { a: 4 } });
		log.write({ action: 'patch', id: 'z', user: 'other', values: { a: 4 } });
		const { plans, totals } = await planned(log, { users: ['bad'] }, 'cascade');
		expect(plans.map(({ id, decision }) => [id, decision.kind === 'write' && decision.values])).toEqual([
			['y', { a: 1 }],
			['x', { a: 1 }],
		]);
		expect(totals).toMatchObject({ cascadedTransactions: 2, conflicts: { records: 0 } });
	});

	test('does not cascade without end', async () => {
		const log = new MemoryAuditLog();
		for (let i = 0; i <= 40; i++) {
			const id = `r${i}`;
			log.write({
				action: 'put',
				id,
				user: 'bad',
				values: { a: 1 },
				localTime: after(10 * i + 1),
				version: after(10 * i + 1),
			});
		}
		// Each transaction edits the record that the one before it edited, and the next.
		for (let i = 0; i < 40; i++) {
			const version = after(1000 + 10 * i);
			log.write({ action: 'patch', id: `r${i}`, user: `u${i}`, values: { a: i + 2 }, localTime: version, version });
			log.write({ action: 'patch', id: `r${i + 1}`, user: `u${i}`, values: { b: i }, localTime: version + 1, version });
		}
		const { totals } = await planned(log, { users: ['bad'] }, 'cascade');
		expect(totals.cascadedTransactions).toBe(40);
		const chain = new MemoryAuditLog();
		for (let i = 0; i <= 40; i++) chain.write({ action: 'put', id: `r${i}`, user: 'good', values: { a: 0, b: 0 } });
		chain.write({ action: 'patch', id: 'r0', user: 'bad', values: { a: 1 } });
		for (let i = 0; i < 40; i++) {
			const version = after(1000 + 10 * i);
			chain.write({ action: 'patch', id: `r${i}`, user: 'good', values: { a: 9 }, localTime: version, version });
			chain.write({
				action: 'patch',
				id: `r${i + 1}`,
				user: 'good',
				values: { a: 8 },
				localTime: version + 1,
				version,
			});
		}
		await expect(planned(chain, { users: ['bad'] }, 'cascade')).rejects.toMatchObject({ code: 'cascade_too_large' });
	});

	test('finds what nobody points at any more', async () => {
		const log = new MemoryAuditLog();
		log.write({ action: 'put', id: 'x', user: 'good', values: { a: 1 } });
		log.write({ action: 'delete', id: 'x', user: 'bad' });
		log.write({ action: 'put', id: 'y', user: 'good', values: { a: 1 } });
		log.write({ action: 'patch', id: 'y', user: 'bad', values: { a: 2 } });
		for (const id of ['x', 'y']) log.evict(1, id);
		for (const selection of [
			{ users: ['bad'] },
			{ users: ['bad'], ids: ['x', 'y'].map((id) => ({ table: 'Thing', id })) },
		]) {
			const { plans } = await planned(log, selection);
			expect(new Map(plans.map(({ id, decision }) => [id, decision.kind]))).toEqual(
				new Map([
					['x', 'write'],
					['y', 'leave'],
				])
			);
		}
	});

	test('counts what was superseded when it arrived, and does nothing about it', async () => {
		const log = new MemoryAuditLog();
		log.write({ action: 'put', id: 'x', user: 'good', values: { a: 1 }, localTime: after(10) });
		log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 2 }, localTime: after(20), version: after(5) });
		const { plans, totals } = await planned(log, { users: ['bad'] });
		expect(plans).toEqual([]);
		expect(totals.superseded).toBe(1);
	});

	test('says that a table is gone', async () => {
		const log = new MemoryAuditLog(['One', 'Two']);
		log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 1 } });
		log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 2 } });
		log.write({ action: 'put', id: 'x', user: 'bad', table: 'Two', values: { a: 1 } });
		log.dropTable('One');
		const { plans, totals } = await planned(log, { users: ['bad'] });
		expect(plans.map(({ decision }) => decision.kind)).toEqual(['delete', 'impossible']);
		expect(totals.impossible).toEqual({ table_missing: 1 });
	});

	test('says what has been removed, where that was asked for', async () => {
		const log = new MemoryAuditLog();
		const first = log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 1 }, localTime: after(1) });
		const later = log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 2 }, localTime: after(100_000_000) });
		log.removeBefore(later);
		const gap = { isComplete: false, gaps: [{ reason: 'purged', until: first }] };
		expect((await planned(log, { users: ['bad'] })).totals).toMatchObject(gap);
		expect((await planned(log, { users: ['bad'], since: later })).totals).toMatchObject({ isComplete: true });
		expect((await planned(log, { transactions: [first] })).totals).toMatchObject(gap);
	});

	test('passes over damaged entries, and says so', async () => {
		const log = new MemoryAuditLog();
		log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 1 }, localTime: after(1) });
		log.putRow({ localTime: after(2), bytes: Uint8Array.of(7) });
		const { plans, totals } = await planned(log, { users: ['bad'] });
		expect(plans).toHaveLength(1);
		expect(totals.gaps).toEqual([{ reason: 'unreadable', entries: 1 }]);
	});

	test('stops where it is told to', async () => {
		const log = new MemoryAuditLog();
		log.write({ action: 'put', id: 'x', user: 'bad', values: { a: 1 } });
		let now = 0;
		const options = { pause: async () => {}, clock: { monotonic: () => (now += 10) }, signal: AbortSignal.abort() };
		await expect(new RevertPlanning(log, { users: ['bad'] }, 'merge', options).records().next()).rejects.toThrow(
			'aborted'
		);
	});
});

describe('a large log', () => {
	test('is planned in slices, 50,000 records in seconds', { timeout: 120_000 }, async () => {
		const log = new StillLog();
		for (let i = 0; i < 50_000; i++)
			log.write({ action: 'put', id: i, user: 'bad', values: { id: i, a: i, b: 'text' } });
		const seen: PlanProgress[] = [];
		let pauses = 0;
		const pause = async () => void pauses++;
		const options = { pause, clock: systemClock, onProgress: (progress: PlanProgress) => seen.push(progress) };
		const planning = new RevertPlanning(log, { users: ['bad'] }, 'merge', options);
		const began = process.cpuUsage();
		let records = 0;
		for await (const { decision } of planning.records()) records += Number(decision.kind === 'delete');
		const { user, system } = process.cpuUsage(began);
		expect(records).toBe(50_000);
		expect(pauses).toBeGreaterThan(10);
		expect(seen.at(-1)?.scanned).toBeGreaterThan(40_000);
		expect((user + system) / 1000).toBeLessThan(8000);
	});

	test('follows a record of many changes once', async () => {
		const changes = 20_000;
		const log = new HotLog(changes);
		const { plans } = await planned(log, { users: ['bad'] });
		expect(plans.map(({ selected }) => selected.changes)).toEqual([changes / 2]);
		expect(log.reads).toBeLessThan(2 * changes);
	});

	test('follows a record only as far as the selection goes back', async () => {
		const log = new StillLog();
		const hour = 3_600_000;
		for (let i = 0; i < 50; i++) {
			const action = i === 20 ? 'put' : 'patch';
			log.write({ action, id: 'x', user: 'good', values: { a: i }, localTime: after((i + 1) * hour) });
		}
		log.write({ action: 'patch', id: 'x', user: 'bad', values: { a: -1 }, localTime: after(51 * hour) });
		let reads = 0;
		const row = log.row.bind(log);
		log.row = (localTime) => {
			reads++;
			return row(localTime);
		};
		const { plans } = await planned(log, { since: after(51 * hour) });
		expect(plans[0]?.decision).toMatchObject({ kind: 'write', values: { a: 49 } });
		expect(reads).toBe(32);
	});
});

/** One record in a chain of patches. The log in memory would replay it at each write; this one is told where it ends. */
class HotLog extends StillLog {
	readonly #chained = new Map<number, LogRow>();
	readonly #live: LiveRecord;
	reads = 0;

	constructor(changes: number) {
		super();
		let values: Record<string, unknown> = {};
		let localTime: number | undefined;
		for (let i = 0; i < changes; i++) {
			this.evict(1, 'hot');
			const written = { a: i, [`b${i % 10}`]: i };
			values = { ...values, ...written };
			const user = i % 4 < 2 ? 'bad' : 'good';
			const next = this.write({ action: 'patch', id: 'hot', user, values: written });
			this.#chained.set(next, { localTime: next, bytes: new Uint8Array(previousBytes(localTime)) });
			localTime = next;
		}
		this.#live = { version: localTime!, localTime, values, isInvalidated: false, expiresAt: undefined };
		this.refresh();
		for (const { localTime: at, bytes } of super.rows({ from: 0, to: Infinity, newestFirst: false })) {
			const previous = this.#chained.get(at)!.bytes;
			this.#chained.set(at, { localTime: at, bytes: Buffer.concat([previous, bytes]) });
		}
	}

	override *rows(span: LogSpan): Iterable<LogRow> {
		for (const { localTime } of super.rows(span)) yield this.#chained.get(localTime)!;
	}

	override row(localTime: number): Uint8Array | undefined {
		this.reads++;
		return this.#chained.get(localTime)?.bytes;
	}

	override live(): LiveRecord {
		return this.#live;
	}
}

function previousBytes(localTime: number | undefined): Uint8Array {
	const bytes = Buffer.alloc(localTime === undefined ? 0 : 8);
	if (localTime !== undefined) bytes.writeDoubleBE(localTime);
	return bytes;
}

describe('records that are done', () => {
	test('are known again, and no other ones', () => {
		const key = fc.oneof(fc.string({ maxLength: 6 }), fc.integer());
		fc.assert(
			fc.property(fc.uniqueArray(fc.tuple(fc.nat(2), key), { selector: String, maxLength: 300 }), (records) => {
				const names = records.map(([tableId, id]) => `${tableId} ${keyBytes(id).join()}`);
				const done = new DoneRecords((place, tableId, id) => names[place - 1] === `${tableId} ${id.join()}`);
				for (const [index, [tableId, id]] of records.entries()) {
					const isKnown = names.indexOf(names[index]!) < index;
					expect(done.has(tableId, keyBytes(id))).toBe(isKnown);
					if (!isKnown) done.add(tableId, keyBytes(id), index + 1);
				}
				for (const [tableId, id] of records) expect(done.has(tableId, keyBytes(id))).toBe(true);
				expect(done.has(9, keyBytes('none'))).toBe(false);
			})
		);
	});

	test('are told apart where their hashes are the same', () => {
		const done = new DoneRecords((place, tableId) => place === tableId);
		const id = keyBytes('x');
		// Whatever the hash, the place decides.
		done.add(1, id, 2);
		expect(done.has(1, id)).toBe(false);
		done.add(1, id, 1);
		expect(done.has(1, id)).toBe(true);
	});
});
