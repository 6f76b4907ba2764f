import { expect, test } from 'vitest';
import { mainThreadFrom } from '../../../lib/adapters/harper/main-thread.ts';

const OWN = 7;
const PERIOD_MS = 60_000;

interface Row {
	readonly key: unknown;
	readonly value: unknown;
}

/** A table in key order, that counts the rows handed out. */
function fakeTable() {
	const rows: Row[] = [];
	let handedOut = 0;
	return {
		add: (at: number, metric: string, node = OWN, more: object = {}) =>
			rows.push({ key: [at, node], value: { metric, time: at, taskQueueLatency: at / 1000, ...more } }),
		handedOut: () => handedOut,
		*getRange(options: { end?: number }): Iterable<Row> {
			for (const row of rows.toReversed()) {
				const at: unknown = Array.isArray(row.key) ? row.key[0] : row.key;
				if (typeof at === 'number' && at < (options.end ?? 0)) return;
				handedOut++;
				yield row;
			}
		},
	};
}

function reader(now = { at: 100_000 }) {
	const table = fakeTable();
	const facts = mainThreadFrom(
		() => table,
		() => OWN,
		PERIOD_MS,
		{ now: () => now.at }
	);
	return { table, facts, now };
}

test('the newest row of this node is taken, other metrics and other nodes aside', async () => {
	const { table, facts } = reader();
	table.add(50_000, 'main-thread-utilization', OWN, { idle: 3, active: 1 });
	table.add(60_000, 'main-thread-utilization', 8);
	table.add(70_000, 'table-size');
	expect(await facts.latest()).toMatchObject({ measuredAt: 50_000, taskQueueLatencyMs: 50, idleMs: 3, activeMs: 1 });
});

test('rows are looked at once, and the last finding stays until there is a newer one', async () => {
	const { table, facts, now } = reader();
	table.add(50_000, 'main-thread-utilization');
	for (let at = 50_001; at < 50_200; at++) table.add(at, 'table-size');
	await facts.latest();
	const before = table.handedOut();
	now.at = 50_000 + PERIOD_MS;
	expect(await facts.latest()).toMatchObject({ measuredAt: 50_000 });
	expect(table.handedOut() - before).toBeLessThanOrEqual(1);
	table.add(now.at, 'main-thread-utilization');
	expect(await facts.latest()).toMatchObject({ measuredAt: now.at });
});

test('before a period has passed nothing is looked at, unless the clock was set back', async () => {
	const { table, facts, now } = reader();
	table.add(90_000, 'main-thread-utilization');
	await facts.latest();
	table.add(90_001, 'main-thread-utilization');
	now.at = 90_000 + PERIOD_MS - 1;
	expect(await facts.latest()).toMatchObject({ measuredAt: 90_000 });
	now.at = 80_000;
	expect(await facts.latest()).toMatchObject({ measuredAt: 90_001 });
});

test('a measurement older than three periods is no fact of the present', async () => {
	const { table, facts, now } = reader();
	table.add(50_000, 'main-thread-utilization');
	now.at = 50_000 + 3 * PERIOD_MS;
	expect(await facts.latest()).toMatchObject({ measuredAt: 50_000 });
	now.at++;
	expect(await facts.latest()).toBeUndefined();
});

test('without the table, or without knowing which rows are ours, there is none', async () => {
	const clock = { now: () => 100_000 };
	expect(
		await mainThreadFrom(
			() => undefined,
			() => OWN,
			PERIOD_MS,
			clock
		).latest()
	).toBeUndefined();
	const table = fakeTable();
	table.add(50_000, 'main-thread-utilization');
	expect(
		await mainThreadFrom(
			() => table,
			() => undefined,
			PERIOD_MS,
			clock
		).latest()
	).toBeUndefined();
});

test('a row without the latency shows none', async () => {
	const { table, facts } = reader();
	table.add(50_000, 'main-thread-utilization', OWN, { taskQueueLatency: undefined });
	expect(await facts.latest()).toMatchObject({ measuredAt: 50_000, taskQueueLatencyMs: undefined });
});
