import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	findLate,
	formatLateness,
	parseLateness,
	type LatenessMemory,
	type Watched,
} from '../../lib/notify/lateness.ts';
import { everyInterval, Occurrences, type Timing } from '../../lib/schedule/occurrence.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A midnight, and so a multiple of each interval here. */
const T0 = 20_000 * DAY;

interface Options {
	readonly every?: number;
	readonly enabled?: boolean;
	readonly succeeded?: number;
	readonly timing?: Timing;
	readonly name?: string;
}

function watched({ every = DAY, enabled = true, succeeded, timing, name = 'nightly' }: Options = {}): Watched {
	const occurrences = new Occurrences({ schedule: name, node: 'n1', timing: timing ?? everyInterval(every) });
	const lastSuccess = succeeded === undefined ? undefined : { nominalAt: succeeded, endedAt: succeeded + MINUTE };
	return { schedule: { name, timing: `every ${every}`, enabled, occurrences }, state: { lastSuccess } };
}

/** What is told at each of these moments, one look after the other. */
function told(looks: readonly (readonly [at: number, one: Watched])[]): string[] {
	let memory: LatenessMemory = {};
	return looks.flatMap(([at, one]) => {
		const found = findLate([one], memory, at);
		memory = parseLateness(formatLateness(found.memory));
		return found.late.map(({ occurrence }) => occurrence);
	});
}

const id = (at: number) => `nightly@${new Date(at).toISOString()}`;

describe('an occurrence is late', () => {
	test.each([
		['ten minutes after it was due, where it comes often', HOUR, 10 * MINUTE],
		['after a tenth of its period, where it comes seldom', DAY, 2.4 * HOUR],
		['after ten minutes also where it comes every minute', MINUTE, 10 * MINUTE],
	])('%s', (_, every, grace) => {
		const due = T0 + DAY;
		const before = watched({ every, succeeded: due - every });
		const look = (at: number) =>
			told([
				[T0 - 1, before],
				[at, before],
			]);
		expect(look(due + grace - 1)).not.toContain(id(due));
		expect(look(due + grace)).toEqual([id(due)]);
	});

	test('and says when it was due, how long it was given, and when it last went well', () => {
		const one = watched({ succeeded: T0 });
		const { memory } = findLate([one], {}, T0 + HOUR);
		expect(findLate([one], memory, T0 + DAY + 3 * HOUR).late).toEqual([
			{
				schedule: 'nightly',
				occurrence: id(T0 + DAY),
				dueAt: T0 + DAY,
				graceMs: 2.4 * HOUR,
				lastSuccessAt: T0 + MINUTE,
			},
		]);
	});

	test('where there will be no next one, after ten minutes', () => {
		const once: Timing = { next: (at) => (at < T0 ? T0 : undefined), previous: (at) => (at >= T0 ? T0 : undefined) };
		const one = watched({ timing: once });
		expect(
			told([
				[T0 - 1, one],
				[T0 + 10 * MINUTE - 1, one],
			])
		).toEqual([]);
		expect(
			told([
				[T0 - 1, one],
				[T0 + 10 * MINUTE, one],
			])
		).toEqual([id(T0)]);
	});
});

describe('an occurrence is not late', () => {
	const late = T0 + DAY + 3 * HOUR;

	test('once it or a later one has succeeded', () => {
		for (const succeeded of [T0 + DAY, T0 + 2 * DAY]) {
			const one = watched({ succeeded });
			expect(
				told([
					[T0, one],
					[late, one],
				])
			).toEqual([]);
		}
	});

	test('where it was due before anybody watched', () => {
		expect(
			told([
				[late, watched()],
				[late + HOUR, watched()],
			])
		).toEqual([]);
	});

	test('where the schedule was changed after it was due', () => {
		const before = watched({ succeeded: T0 });
		const after = watched({ every: DAY / 2, succeeded: T0 });
		expect(
			told([
				[T0, before],
				[T0 + DAY + HOUR, after],
				[T0 + DAY + 5 * HOUR, after],
			])
		).toEqual([]);
		expect(
			told([
				[T0, before],
				[T0 + DAY + HOUR, after],
				[T0 + 1.5 * DAY + 2 * HOUR, after],
			])
		).toEqual([id(T0 + 1.5 * DAY)]);
	});

	test('where the schedule is disabled, nor for the time in which it was', () => {
		const off = watched({ enabled: false });
		const on = watched();
		expect(
			told([
				[T0, on],
				[late, off],
				[late + HOUR, on],
				[late + 2 * HOUR, on],
			])
		).toEqual([]);
	});
});

test('what was missed while the process was down is told at the first look', () => {
	const one = watched({ succeeded: T0 });
	expect(
		told([
			[T0 + HOUR, one],
			[T0 + 4 * DAY + 3 * HOUR, one],
		])
	).toEqual([id(T0 + 4 * DAY)]);
});

test('a schedule that was taken away is forgotten', () => {
	const { memory } = findLate([watched()], {}, T0);
	expect(Object.keys(memory)).toEqual(['nightly']);
	expect(findLate([], memory, T0)).toEqual({ late: [], memory: {} });
});

test.each(['constructor', 'toString', 'hasOwnProperty'])('a schedule may be called %s', (name) => {
	const one = watched({ name });
	const { memory } = findLate([one], {}, T0);
	expect(findLate([one], memory, T0 + DAY + 3 * HOUR).late).toHaveLength(1);
});

test.each(['', 'no JSON', '{}', '[]', '{"version":2,"schedules":{}}', '{"version":1,"schedules":{"a":{"since":"x"}}}'])(
	'a memory that reads %j is none',
	(text) => {
		expect(parseLateness(text)).toEqual({});
	}
);

describe('however often somebody looks, and whatever succeeds when,', () => {
	const history = fc.record({
		every: fc.constantFrom(MINUTE, 7 * MINUTE, HOUR, DAY),
		steps: fc.array(fc.record({ waits: fc.integer({ min: 1, max: 3 * DAY }), succeeds: fc.boolean() }), {
			minLength: 1,
			maxLength: 40,
		}),
	});

	test('no occurrence is told twice, nor one that succeeded or whose time is not up', () => {
		fc.assert(
			fc.property(history, ({ every, steps }) => {
				const seen = new Set<string>();
				let memory: LatenessMemory = {};
				let succeeded: number | undefined;
				let now = T0;
				for (const { waits, succeeds } of steps) {
					now += waits;
					if (succeeds) succeeded = Math.floor(now / every) * every;
					const found = findLate([watched({ every, ...(succeeded === undefined ? {} : { succeeded }) })], memory, now);
					memory = parseLateness(formatLateness(found.memory));
					for (const { occurrence, dueAt } of found.late) {
						expect(seen.has(occurrence)).toBe(false);
						seen.add(occurrence);
						expect(dueAt).toBeGreaterThan(succeeded ?? -Infinity);
						expect(now - dueAt).toBeGreaterThanOrEqual(Math.max(10 * MINUTE, every / 10));
					}
				}
			})
		);
	});

	test('a schedule that never succeeds is told of at every look behind another occurrence', () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 20 }), (days) => {
				let at = T0;
				const looks = days.map((count) => [(at += count * DAY) + 3 * HOUR, watched()] as const);
				expect(told(looks)).toHaveLength(days.length - 1);
			})
		);
	});
});
