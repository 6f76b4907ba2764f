import { describe, expect, onTestFinished, test } from 'vitest';
import { runWatcher, type WatcherPorts } from '../../lib/audit/watcher.ts';
import type { Burst, WatchLimits } from '../../lib/audit/watch.ts';
import { parseWatchState } from '../../lib/audit/watch-state.ts';
import { MemoryAuditLog, memoryAuditLogs, type MemoryWrite } from '../support/memory-audit-log.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const T0 = Date.UTC(2026, 0, 1);
const limits: WatchLimits = { deletesPerMinute: 100, overwritesPerMinute: 100, share: 0.5, shareMinimum: 20 };

interface Watched {
	readonly time: VirtualTime;
	readonly bursts: Burst[];
	readonly commit: () => void;
	readonly saved: () => string | undefined;
	readonly stop: () => Promise<void>;
	readonly warnings: string[];
}

/** Watches a log from now on, as long as the test lasts. */
async function watch(log: MemoryAuditLog, given: Partial<WatcherPorts> & { readonly time?: VirtualTime } = {}) {
	const time = given.time ?? new VirtualTime(T0 + 1000);
	const bursts: Burst[] = [];
	const warnings: string[] = [];
	let saved: string | undefined;
	let commit = () => {};
	const office = new AbortController();
	const running = runWatcher(
		{
			logs: memoryAuditLogs(log),
			clock: time,
			pause: async () => {},
			sleep: time.sleep,
			commits: {
				subscribe(_database, onCommit) {
					commit = onCommit;
					return () => {};
				},
			},
			countRecords: async () => 1_000_000,
			load: () => saved,
			save: async (text) => void (saved = text),
			onBurst: async (burst) => void bursts.push(burst),
			warn: (message) => void warnings.push(message),
			...given,
		},
		limits,
		office.signal
	);
	const stop = async () => {
		office.abort();
		await running;
	};
	onTestFinished(stop);
	await time.advance(0);
	const watched: Watched = { time, bursts, commit: () => commit(), saved: () => saved, stop, warnings };
	return watched;
}

function logOf(records: number, writes: readonly MemoryWrite[] = []): MemoryAuditLog {
	const log = new MemoryAuditLog(['Order', 'Item'], 'shop');
	for (let id = 0; id < records; id++)
		log.write({ action: 'put', id, values: { id }, user: 'admin', localTime: T0 + (id + 1) / 10 });
	for (const write of writes) log.write(write);
	log.refresh();
	return log;
}

function removeAll(log: MemoryAuditLog, count: number, from: number, given: Partial<MemoryWrite> = {}): void {
	for (let id = 0; id < count; id++)
		log.write({ action: 'delete', id, user: 'anna', localTime: from + id / 10, ...given });
}

const countsOf = ({ saved }: Watched, table = 'Order') =>
	parseWatchState(saved() ?? '')?.tables.find((one) => one.table === table);

test('a burst is told as soon as it is committed, with who, what and since when', async () => {
	const log = logOf(200);
	const watched = await watch(log);
	removeAll(log, 150, T0 + 1500);
	watched.commit();
	await watched.time.advance(300);
	expect(watched.bursts).toMatchObject([
		{
			database: 'shop',
			table: 'Order',
			user: 'anna',
			kind: 'delete',
			reason: 'rate',
			changes: 101,
			beganAt: T0 + 1500,
		},
	]);
	await watched.time.advance(1000);
	expect(countsOf(watched)).toEqual({
		database: 'shop',
		table: 'Order',
		changes: { create: 0, overwrite: 0, delete: 150 },
		bursts: { delete: { count: 1, lastAt: expect.any(Number) }, overwrite: { count: 0 } },
	});
});

test('no commit needs to be told', async () => {
	const log = logOf(200);
	const watched = await watch(log);
	removeAll(log, 150, T0 + 1500);
	await watched.time.advance(2500);
	expect(watched.bursts).toHaveLength(1);
});

test('what was there before is nothing new', async () => {
	const log = logOf(500);
	removeAll(log, 500, T0 + 100);
	const watched = await watch(log);
	await watched.time.advance(5000);
	expect(watched.bursts).toEqual([]);
	expect(countsOf(watched)).toMatchObject({ changes: { create: 0, overwrite: 0, delete: 0 } });
});

describe('what counts as overwritten', () => {
	test.each<[what: string, before: readonly MemoryWrite[], write: MemoryWrite, counted: object]>([
		['a put of a new record', [], { action: 'put', id: 1, values: {} }, { create: 1, overwrite: 0, delete: 0 }],
		[
			'a put of one that is there',
			[{ action: 'put', id: 1, values: {} }],
			{ action: 'put', id: 1, values: {} },
			{ create: 0, overwrite: 1, delete: 0 },
		],
		[
			'a put of one that was deleted',
			[
				{ action: 'put', id: 1, values: {} },
				{ action: 'delete', id: 1 },
			],
			{ action: 'put', id: 1, values: {} },
			{ create: 1, overwrite: 0, delete: 0 },
		],
		[
			'a patch',
			[{ action: 'put', id: 1, values: {} }],
			{ action: 'patch', id: 1, values: { a: 1 } },
			{ create: 0, overwrite: 1, delete: 0 },
		],
		['a message', [], { action: 'message', id: 1, values: {} }, { create: 0, overwrite: 0, delete: 0 }],
		[
			'a put that came too late',
			[{ action: 'put', id: 1, values: {}, version: T0 + 900_000 }],
			{ action: 'put', id: 1, values: {} },
			{ create: 0, overwrite: 0, delete: 0 },
		],
	])('%s', async (_what, before, write, changes) => {
		const log = logOf(0, before);
		const watched = await watch(log);
		log.write({ ...write, localTime: T0 + 1500 });
		await watched.time.advance(3000);
		expect(countsOf(watched)).toMatchObject({ changes });
	});
});

test('a share of the table is judged by the records that it has', async () => {
	const log = logOf(200);
	const watched = await watch(log, { countRecords: async () => 30 });
	removeAll(log, 25, T0 + 1500);
	await watched.time.advance(2000);
	expect(watched.bursts).toEqual([]);
	removeAll(log, 40, T0 + 3500);
	await watched.time.advance(2000);
	expect(watched.bursts).toMatchObject([{ reason: 'share', limit: 0.5 }]);
});

describe('who goes on', () => {
	test('counts on from where the last one stopped, and does not tell again of what was told', async () => {
		const log = logOf(400);
		const first = await watch(log);
		removeAll(log, 150, T0 + 1500);
		await first.time.advance(2000);
		expect(first.bursts).toHaveLength(1);
		await first.stop();
		// The burst goes on while nobody watches.
		for (let id = 150; id < 300; id++) log.write({ action: 'delete', id, user: 'anna' });
		const next = await watch(log, { time: first.time, load: first.saved });
		await next.time.advance(2500);
		expect(next.bursts).toEqual([]);
		expect(countsOf(next)).toMatchObject({ changes: { delete: 300 }, bursts: { delete: { count: 1 } } });
	});

	test('tells of a burst that came while nobody watched', async () => {
		const log = logOf(400);
		const first = await watch(log);
		await first.stop();
		removeAll(log, 150, T0 + 1500);
		const next = await watch(log, { time: first.time, load: first.saved });
		expect(next.bursts).toHaveLength(1);
	});

	test('tells of none that came long ago, and keeps the counts', async () => {
		const log = logOf(400);
		const first = await watch(log);
		removeAll(log, 50, T0 + 1500);
		await first.time.advance(2000);
		await first.stop();
		removeAll(log, 400, T0 + 5000);
		const next = await watch(log, { time: new VirtualTime(T0 + 3_600_000), load: first.saved });
		await next.time.advance(2500);
		expect(next.bursts).toEqual([]);
		expect(countsOf(next)).toMatchObject({ changes: { delete: 50 } });
	});
});

test('a table that is gone, and bytes that are no entry, are passed over', async () => {
	const log = logOf(200);
	const watched = await watch(log);
	log.write({ table: 'Item', action: 'put', id: 1, values: {} });
	log.dropTable('Item');
	log.putRow({ localTime: T0 + 1400, bytes: new Uint8Array([1, 2]) });
	await watched.time.advance(1000);
	log.write({ action: 'put', id: 'new', values: {} });
	await watched.time.advance(2000);
	expect(countsOf(watched)).toMatchObject({ changes: { create: 1 } });
	expect(watched.warnings).toEqual([]);
});

test('a log that cannot be read is said, and read again', async () => {
	const log = logOf(200);
	const watched = await watch(log);
	const refresh = log.refresh.bind(log);
	log.refresh = () => {
		throw new Error('closed');
	};
	removeAll(log, 150, T0 + 1500);
	await watched.time.advance(1500);
	expect(watched.warnings[0]).toContain('closed');
	log.refresh = refresh;
	await watched.time.advance(3000);
	expect(watched.bursts).toHaveLength(1);
	expect(countsOf(watched)).toMatchObject({ changes: { delete: 150 } });
});
