import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCron } from '../../lib/adapters/cron.ts';
import type { Timing } from '../../lib/schedule/occurrence.ts';
import { A_NIGHT_MS, tries } from '../support/long-runs.ts';
import { daysOfChange, dueMoments, expressionOf } from '../support/wall-clock.ts';

const HOUR = 3_600_000;
const at = (iso: string) => Date.parse(iso);

function cron(expression: string, timezone: string): Timing {
	const parsed = parseCron(expression, timezone);
	if ('problem' in parsed) throw new Error(parsed.problem);
	return parsed;
}

function forward(timing: Timing, after: number, until: number): number[] {
	const found: number[] = [];
	for (let next = timing.next(after); next !== undefined && next <= until; next = timing.next(next)) found.push(next);
	return found;
}

function backward(timing: Timing, after: number, until: number): number[] {
	const found: number[] = [];
	for (let one = timing.previous(until); one !== undefined && one > after; one = timing.previous(one - 1)) {
		found.unshift(one);
	}
	return found;
}

const iso = (moments: readonly number[]) => moments.map((moment) => new Date(moment).toISOString());

describe('a cron expression', () => {
	it.each([
		['a winter day', '30 2 * * *', 'Europe/Berlin', '2026-01-05T12:00Z', ['2026-01-06T01:30']],
		[
			'a gap: the first moment after it',
			'30 2 * * *',
			'Europe/Berlin',
			'2026-03-28T12:00Z',
			['2026-03-29T01:00', '2026-03-30T00:30'],
		],
		[
			'several in one gap: once',
			'*/20 2 * * *',
			'Europe/Berlin',
			'2026-03-28T12:00Z',
			['2026-03-29T01:00', '2026-03-30T00:00'],
		],
		[
			'one in a gap and one at its end: once',
			'0 2,3 * * *',
			'Europe/Berlin',
			'2026-03-28T12:00Z',
			['2026-03-29T01:00', '2026-03-30T00:00'],
		],
		[
			'a time that comes twice: the first',
			'30 2 * * *',
			'Europe/Berlin',
			'2026-10-24T12:00Z',
			['2026-10-25T00:30', '2026-10-26T01:30'],
		],
		[
			'a list that comes twice: the first of each',
			'0,30 2 * * *',
			'Europe/Berlin',
			'2026-10-24T12:00Z',
			['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-26T01:00'],
		],
		[
			'every hour, also that which comes twice: once',
			'0 * * * *',
			'Europe/Berlin',
			'2026-10-24T23:30Z',
			['2026-10-25T00:00', '2026-10-25T02:00'],
		],
		[
			'a midnight that does not exist',
			'0 0 * * *',
			'Africa/Cairo',
			'2026-04-23T12:00Z',
			['2026-04-23T22:00', '2026-04-24T21:00'],
		],
		[
			'a day that does not exist',
			'0 12 * * *',
			'Pacific/Apia',
			'2011-12-29T12:00Z',
			['2011-12-29T22:00', '2011-12-30T10:00', '2011-12-30T22:00'],
		],
		[
			'a change of half an hour',
			'15 2 * * *',
			'Australia/Lord_Howe',
			'2026-10-03T00:00Z',
			['2026-10-03T15:30', '2026-10-04T15:15'],
		],
		['the 29th of February', '0 0 29 2 *', 'UTC', '2097-01-01T00:00Z', ['2104-02-29T00:00', '2108-02-29T00:00']],
		['the last day of a month', '0 2 L * *', 'UTC', '2026-02-01T00:00Z', ['2026-02-28T02:00', '2026-03-31T02:00']],
		['a nickname', '@daily', 'UTC', '2026-02-01T00:00Z', ['2026-02-02T00:00']],
	])('names the right moments: %s', (_, expression, timezone, from, expected) => {
		const timing = cron(expression, timezone);
		let moment = at(from);
		const found = expected.map(() => (moment = timing.next(moment) ?? NaN));
		expect(iso(found)).toEqual(expected.map((one) => `${one}:00.000Z`));
		expect(iso(backward(timing, at(from), moment))).toEqual(iso(found));
	});

	it('looks ahead and back from within an hour that is repeated', () => {
		const timing = cron('0,30 2 * * *', 'Europe/Berlin');
		for (const moment of ['2026-10-25T01:00Z', '2026-10-25T01:10Z', '2026-10-25T01:59Z']) {
			expect(iso([timing.next(at(moment)) ?? NaN])).toEqual(['2026-10-26T01:00:00.000Z']);
			expect(iso([timing.previous(at(moment)) ?? NaN])).toEqual(['2026-10-25T00:30:00.000Z']);
		}
	});

	it.each([
		['', 'UTC', /five fields/],
		['0 2 * *', 'UTC', /five fields/],
		['0 0 2 * * *', 'UTC', /five fields/],
		['2026-01-01T00:00:00', 'UTC', /five fields/],
		['@reboot', 'UTC', /five fields/],
		['? * * * *', 'UTC', /question mark/],
		['60 * * * *', 'UTC', /60/],
		['0 0 30 2 *', 'UTC', /never/],
		['0 2 * * *', 'Europe/Nowhere', /"Europe\/Nowhere"/],
		['0 2 * * *', '', /time zone/],
	])('that makes no sense is refused with what is wrong: `%s` in `%s`', (expression, timezone, problem) => {
		expect(parseCron(expression, timezone)).toEqual({ problem: expect.stringMatching(problem) });
	});

	const some = (minimum: number, maximum: number) =>
		fc
			.uniqueArray(fc.integer({ min: minimum, max: maximum }), { maxLength: 4 })
			.map((list) => list.sort((a, b) => a - b));
	const rarely = <T>(list: fc.Arbitrary<T[]>) => fc.oneof({ arbitrary: fc.constant<T[]>([]), weight: 5 }, list);
	const fields = fc.record({
		minutes: some(0, 59).filter((list) => list.length > 0),
		hours: fc.oneof(some(0, 4), fc.constant([])),
		days: rarely(some(1, 31)),
		weekdays: rarely(some(0, 6)),
	});
	const zone = fc.oneof(
		fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'Africa/Cairo'),
		fc.constantFrom('Asia/Beirut', 'America/Havana', 'Atlantic/Azores', 'America/Santiago', 'Asia/Tehran'),
		fc.constantFrom(...Intl.supportedValuesOf('timeZone'), 'UTC', 'Etc/GMT+12')
	);

	it(
		'is due at exactly the moments that an oracle finds on the wall, around changes of the clocks in any zone',
		() => {
			fc.assert(
				fc.property(fields, zone, fc.integer({ min: 1975, max: 2040 }), fc.nat(), (given, timezone, year, pick) => {
					const changes = daysOfChange(timezone, year);
					const centre = changes[pick % changes.length] ?? Date.UTC(year, pick % 12, 1);
					const [from, until] = [centre - 20 * HOUR, centre + 44 * HOUR];
					const timing = cron(expressionOf(given), timezone);
					const expected = dueMoments(given, timezone, from, until);
					expect(iso(forward(timing, from, until))).toEqual(iso(expected));
					expect(iso(backward(timing, from, until))).toEqual(iso(expected));
					// Also from where nothing is due, as in an hour that is repeated.
					const probes = Array.from({ length: 64 * 4 }, (_, i) => from + i * (HOUR / 4) + (pick % (HOUR / 4)));
					const wrong = probes.filter((probe) => {
						const next = expected.find((one) => one > probe);
						const previous = expected.findLast((one) => one <= probe);
						return (
							(next !== undefined && timing.next(probe) !== next) ||
							(previous !== undefined && timing.previous(probe) !== previous)
						);
					});
					expect(iso(wrong)).toEqual([]);
				}),
				tries(40)
			);
		},
		A_NIGHT_MS
	);

	const special = fc.constantFrom(
		'0 2 L * *',
		'30 2 15W * *',
		'0 2 LW * *',
		'0 2 * * MON#2',
		'30 1 * * 5L',
		'*/7 */5 1-7 */2 MON-FRI',
		'0 0 1 * +1',
		'0 0 29 2 *',
		'@yearly',
		'* * * * *'
	);

	it('has the same moments from wherever one looks', () => {
		fc.assert(
			fc.property(
				fc.oneof(fields.map(expressionOf), special),
				zone,
				fc.integer({ min: at('1975-01-01'), max: at('2040-01-01') }),
				(given, timezone, moment) => {
					const timing = cron(given, timezone);
					const next = timing.next(moment) ?? NaN;
					expect(next).toBeGreaterThan(moment);
					expect(timing.previous(next)).toBe(next);
					const previous = timing.previous(next - 1) ?? NaN;
					expect(previous).toBeLessThanOrEqual(moment);
					expect(timing.next(previous)).toBe(next);
				}
			),
			tries(300)
		);
	});
});
