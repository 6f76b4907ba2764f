import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MinuteWindow } from '../../lib/audit/minute-window.ts';
import { Watch, type Burst, type WatchedChange, type WatchLimits } from '../../lib/audit/watch.ts';

const T0 = Date.UTC(2026, 0, 1);
const limits: WatchLimits = { deletesPerMinute: 100, overwritesPerMinute: 300, share: 0.25, shareMinimum: 20 };

const change = (at: number, over: Partial<WatchedChange> = {}): WatchedChange => ({
	database: 'shop',
	table: 'Order',
	user: 'anna',
	kind: 'delete',
	at: T0 + at,
	previousAt: T0 - 1_000_000,
	...over,
});

/** So many changes, evenly over a span; what they raise. */
function feed(watch: Watch, count: number, spanMs: number, from = 0, over: Partial<WatchedChange> = {}): Burst[] {
	const bursts: Burst[] = [];
	for (let i = 0; i < count; i++) {
		const burst = watch.add(change(from + (i * spanMs) / count, over));
		if (burst) bursts.push(burst);
	}
	return bursts;
}

describe('a rate', () => {
	test.each<[what: string, count: number, spanMs: number, kind: 'delete' | 'overwrite', raised: number]>([
		['as many deletes as are allowed', 100, 1000, 'delete', 0],
		['one delete more', 101, 1000, 'delete', 1],
		['ten times as many', 1000, 1000, 'delete', 1],
		['more than allowed, but over two minutes', 190, 120_000, 'delete', 0],
		['as many overwrites as are allowed', 300, 1000, 'overwrite', 0],
		['one overwrite more', 301, 1000, 'overwrite', 1],
		['too many for a quarter of an hour', 2000, 900_000, 'delete', 1],
	])('%s', (_what, count, spanMs, kind, raised) => {
		expect(feed(new Watch(limits), count, spanMs, 0, { kind })).toHaveLength(raised);
	});

	test('says who, where, how much and since when', () => {
		const watch = new Watch(limits);
		// One each second, and then a hundred at once.
		expect(feed(watch, 30, 30_000)).toEqual([]);
		const [burst] = feed(watch, 200, 500, 30_200);
		expect(burst).toEqual({
			database: 'shop',
			table: 'Order',
			user: 'anna',
			kind: 'delete',
			reason: 'rate',
			limit: 100,
			changes: 101,
			records: 101,
			beganAt: T0 + 30_200,
			noticedAt: T0 + 30_200 + 70 * 2.5,
		});
	});

	test('of one user is not that of two, nor that of two tables', () => {
		const watch = new Watch(limits);
		expect(feed(watch, 80, 1000)).toEqual([]);
		expect(feed(watch, 80, 1000, 0, { user: 'ben' })).toEqual([]);
		expect(feed(watch, 80, 1000, 0, { table: 'Item' })).toEqual([]);
		expect(feed(watch, 80, 1000, 0, { user: undefined })).toEqual([]);
		expect(feed(watch, 80, 1000, 0, { kind: 'overwrite' })).toEqual([]);
	});

	test('of those whom the log does not name is one', () => {
		expect(feed(new Watch(limits), 101, 1000, 0, { user: undefined })).toMatchObject([{ user: undefined }]);
	});
});

describe('an alarm', () => {
	test('is raised once while it lasts, and again after it calmed down', () => {
		const watch = new Watch(limits);
		expect(feed(watch, 5000, 600_000)).toHaveLength(1);
		expect(feed(watch, 200, 1000, 640_000)).toHaveLength(0);
		expect(feed(watch, 200, 1000, 800_000)).toHaveLength(1);
	});

	test('is known to who watches next', () => {
		const watch = new Watch(limits);
		feed(watch, 150, 1000);
		const next = new Watch(limits);
		next.restore(watch.alarms());
		expect(feed(next, 150, 1000, 1500)).toEqual([]);
		expect(feed(new Watch(limits), 150, 1000, 1500)).toHaveLength(1);
		expect(next.alarms()).toMatchObject([{ user: 'anna', table: 'Order', kind: 'delete' }]);
	});

	test('is over when the clock was set back by more than a minute', () => {
		const watch = new Watch(limits);
		expect(feed(watch, 150, 1000)).toHaveLength(1);
		expect(feed(watch, 150, 1000, -3_600_000)).toHaveLength(1);
	});
});

describe('a share', () => {
	const judged = (watch: Watch, records: number) =>
		watch.takeSuspects().flatMap((suspect) => watch.judge(suspect, records) ?? []);

	test.each<[what: string, changes: number, recordsNow: number, raised: boolean]>([
		['a third of a table', 50, 100, true],
		['a tenth of a table', 50, 450, false],
		['a quarter, not more', 50, 150, false],
		['all of a tiny table', 19, 0, false],
		['all of a small table', 20, 0, true],
	])('%s', (_what, changes, recordsNow, raised) => {
		const watch = new Watch(limits);
		expect(feed(watch, changes, 1000)).toEqual([]);
		expect(judged(watch, recordsNow)).toHaveLength(raised ? 1 : 0);
	});

	test('counts a record that is overwritten again and again as one', () => {
		const watch = new Watch(limits);
		for (let i = 0; i < 90; i++)
			watch.add(change(i * 10, { kind: 'overwrite', previousAt: i === 0 ? T0 - 1 : T0 + (i - 1) * 10 }));
		expect(watch.takeSuspects()).toEqual([]);
	});

	test('is that of the records which the table had', () => {
		const watch = new Watch(limits);
		feed(watch, 50, 1000);
		expect(judged(watch, 100)).toMatchObject([{ reason: 'share', limit: 0.25, tableRecords: 150, changes: 50 }]);
		expect(judged(watch, 100)).toEqual([]);
	});
});

test('memory does not grow with users', () => {
	const watch = new Watch(limits, { maxSubjects: 10 });
	for (let i = 0; i < 1000; i++) watch.add(change(i, { user: `user ${i}` }));
	// Whoever acts is not forgotten, however many others come and go.
	let raised = 0;
	for (let i = 0; i < 150; i++) {
		if (watch.add(change(2000 + i))) raised++;
		watch.add(change(2000 + i, { user: `another ${i}` }));
	}
	expect(raised).toBe(1);
});

describe('a window', () => {
	const arrivals = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 200 });

	test('holds what came in the last minute, to the second', () => {
		fc.assert(
			fc.property(arrivals, (gaps) => {
				const window = new MinuteWindow();
				const moments: number[] = [];
				for (const gap of gaps) {
					const at = (moments.at(-1) ?? T0) + gap;
					moments.push(at);
					window.add(at, undefined);
					const since = (ms: number) => moments.filter((moment) => moment > at - ms).length;
					expect(window.changes).toBeLessThanOrEqual(since(60_000));
					expect(window.changes).toBeGreaterThanOrEqual(since(59_000));
					const began = window.burstBeganAt();
					expect(moments).toContain(began);
					expect(at - (began ?? 0)).toBeLessThan(60_000);
				}
			})
		);
	});

	test('holds each record once, unless it left the window', () => {
		fc.assert(
			fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), fc.nat(5)), { maxLength: 140 }), (changes) => {
				const window = new MinuteWindow();
				const last = new Map<number, number>();
				let at = T0;
				for (const [gap, id] of changes) {
					at += gap;
					window.add(at, last.get(id));
					last.set(id, at);
				}
				// All of it happens within a minute.
				expect(window.records).toBe(last.size);
			})
		);
	});

	test('begins anew when the clock is set back by an hour, and not by a second', () => {
		const window = new MinuteWindow();
		for (let i = 0; i < 10; i++) window.add(T0 + i, undefined);
		window.add(T0 - 1000, undefined);
		expect(window.changes).toBe(11);
		expect(window.burstBeganAt()).toBe(T0 - 1000);
		window.add(T0 - 3_600_000, undefined);
		expect(window.changes).toBe(1);
	});
});
