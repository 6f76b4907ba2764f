import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LogTail, newestUntil } from '../../lib/audit/tail.ts';
import { PlainLog } from '../support/plain-log.ts';

const T0 = Date.UTC(2026, 0, 1);

/** A log, who reads it, and the clock on the wall. */
function tailOf(log: PlainLog, cursor?: number, clock = { at: T0 }) {
	const ports = { clock: { now: () => clock.at, monotonic: () => 0 }, pause: async () => {} };
	const tail = new LogTail(log, ports, cursor);
	const read = async () => {
		const keys: number[] = [];
		await tail.read(({ localTime }) => void keys.push(localTime), new AbortController().signal);
		return keys;
	};
	return { tail, read, clock };
}

test('begins behind what was there, and reads each row once', async () => {
	const log = new PlainLog();
	log.arrive(T0 - 3, T0 - 2.5);
	const { read, tail } = tailOf(log);
	expect(await read()).toEqual([]);
	log.arrive(T0 + 0.25, T0 + 0.5);
	expect(await read()).toEqual([T0 + 0.25, T0 + 0.5]);
	expect(await read()).toEqual([]);
	expect(tail.cursor).toBe(T0 + 0.5);
});

test('goes on from a cursor', async () => {
	const log = new PlainLog();
	log.arrive(T0 - 3, T0 - 2, T0 - 1);
	expect(await tailOf(log, T0 - 3).read()).toEqual([T0 - 2, T0 - 1]);
	expect(await tailOf(log, T0 - 2.5).read()).toEqual([T0 - 2, T0 - 1]);
});

test('reads a long backlog in slices, in which others have their turn', async () => {
	const log = new PlainLog();
	log.arrive(...Array.from({ length: 1700 }, (_, index) => T0 + index));
	let pauses = 0;
	let slices = 0;
	const clock = { now: () => T0 + 2000, monotonic: () => 0 };
	const tail = new LogTail(log, { clock, pause: async () => void pauses++ }, T0 - 1);
	let rows = 0;
	const afterSlice = async () => void slices++;
	await tail.read(() => rows++, new AbortController().signal, afterSlice);
	expect([rows, pauses, slices]).toEqual([1700, 3, 4]);
});

test('stops when it is told to', async () => {
	const log = new PlainLog();
	log.arrive(...Array.from({ length: 1700 }, (_, index) => T0 + index));
	const office = new AbortController();
	const clock = { now: () => T0 + 2000, monotonic: () => 0 };
	const tail = new LogTail(log, { clock, pause: async () => {} }, T0 - 1);
	let rows = 0;
	await tail.read(() => void (++rows === 600 && office.abort()), office.signal);
	expect(rows).toBeLessThanOrEqual(1000);
	await tail.read(() => rows++, new AbortController().signal);
	expect(rows).toBe(1700);
});

describe('a clock that is set back', () => {
	test('hides no row, and shows none twice', async () => {
		const log = new PlainLog();
		const { read, clock } = tailOf(log);
		log.arrive(T0 + 1, T0 + 10_000, T0 + 20_000);
		clock.at = T0 + 20_000;
		expect(await read()).toHaveLength(3);
		clock.at = T0 + 500;
		log.arrive(T0 + 499);
		expect(await read()).toEqual([T0 + 499]);
		clock.at = T0 + 10_500;
		log.arrive(T0 + 9999, T0 + 10_001);
		expect(await read()).toEqual([T0 + 9999, T0 + 10_001]);
		clock.at = T0 + 30_000;
		log.arrive(T0 + 29_000);
		expect(await read()).toEqual([T0 + 29_000]);
		expect(await read()).toEqual([]);
	});

	test('before it began to read, either', async () => {
		const log = new PlainLog();
		log.arrive(T0 - 60_000, T0 + 60_000, T0 + 70_000);
		const { read } = tailOf(log);
		expect(await read()).toEqual([]);
		log.arrive(T0 + 1);
		expect(await read()).toEqual([T0 + 1]);
	});

	test('by whatever it is: each row is read once', async () => {
		const step = fc.record({ seconds: fc.integer({ min: -100, max: 100 }), rows: fc.nat(4) });
		await fc.assert(
			fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
				const log = new PlainLog();
				const { read, clock } = tailOf(log);
				const written: number[] = [];
				const got: number[] = [];
				for (const [index, { seconds, rows }] of steps.entries()) {
					clock.at += seconds * 1000;
					for (let row = 0; row < rows; row++) {
						const key = clock.at + index / 100 + row / 1000;
						written.push(key);
						log.arrive(key);
					}
					got.push(...(await read()));
				}
				expect(got.toSorted((a, b) => a - b)).toEqual(written.toSorted((a, b) => a - b));
			})
		);
	});
});

test('the newest row until a moment is the last one that does not come after it', () => {
	const log = new PlainLog();
	log.arrive(T0 + 1, T0 + 2, T0 + 3);
	log.refresh();
	expect([T0, T0 + 1, T0 + 2.5, Infinity].map((at) => newestUntil(log, at))).toEqual([
		undefined,
		T0 + 1,
		T0 + 2,
		T0 + 3,
	]);
});
