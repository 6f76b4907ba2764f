import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { calendarOf, type PeriodUnit } from '../lib/calendar.ts';
import { naivePeriod } from './support/naive-calendar.ts';

const UNITS: readonly PeriodUnit[] = ['hour', 'day', 'week', 'month', 'year'];

describe('an instant lies in', () => {
	test.each([
		['UTC', '2026-11-22T13:05:06Z', '2026-11-22T13+00:00', '2026-11-22', '2026-W47', '2026-11', '2026'],
		['Europe/Berlin', '2026-11-22T23:30:00Z', '2026-11-23T00+01:00', '2026-11-23', '2026-W48', '2026-11', '2026'],
		['America/New_York', '2027-01-01T04:59:59Z', '2026-12-31T23-05:00', '2026-12-31', '2026-W53', '2026-12', '2026'],
		['Asia/Kathmandu', '2026-03-01T18:14:59Z', '2026-03-01T23+05:45', '2026-03-01', '2026-W09', '2026-03', '2026'],
		['Asia/Kathmandu', '2026-03-01T18:15:00Z', '2026-03-02T00+05:45', '2026-03-02', '2026-W10', '2026-03', '2026'],
		['Pacific/Kiritimati', '2026-06-30T10:00:00Z', '2026-07-01T00+14:00', '2026-07-01', '2026-W27', '2026-07', '2026'],
		// Leap years: 2024 and 2000 have the day, 1900 has not.
		['UTC', '2024-02-29T12:00:00Z', '2024-02-29T12+00:00', '2024-02-29', '2024-W09', '2024-02', '2024'],
		['UTC', '2000-02-29T12:00:00Z', '2000-02-29T12+00:00', '2000-02-29', '2000-W09', '2000-02', '2000'],
		['UTC', '1900-03-01T00:00:00Z', '1900-03-01T00+00:00', '1900-03-01', '1900-W09', '1900-03', '1900'],
		['UTC', '2024-12-31T00:00:00Z', '2024-12-31T00+00:00', '2024-12-31', '2025-W01', '2024-12', '2024'],
		// The year of a week is the one of its Thursday.
		['UTC', '2020-12-31T23:59:59Z', '2020-12-31T23+00:00', '2020-12-31', '2020-W53', '2020-12', '2020'],
		['UTC', '2021-01-03T23:59:59Z', '2021-01-03T23+00:00', '2021-01-03', '2020-W53', '2021-01', '2021'],
		['UTC', '2021-01-04T00:00:00Z', '2021-01-04T00+00:00', '2021-01-04', '2021-W01', '2021-01', '2021'],
		['UTC', '2018-12-31T00:00:00Z', '2018-12-31T00+00:00', '2018-12-31', '2019-W01', '2018-12', '2018'],
		['UTC', '2023-01-01T00:00:00Z', '2023-01-01T00+00:00', '2023-01-01', '2022-W52', '2023-01', '2023'],
		['UTC', '1969-12-31T23:59:59.999Z', '1969-12-31T23+00:00', '1969-12-31', '1970-W01', '1969-12', '1969'],
		// Clocks go forward: there is no 02:00. They go back: there are two.
		['Europe/Berlin', '2026-03-29T00:59:59Z', '2026-03-29T01+01:00', '2026-03-29', '2026-W13', '2026-03', '2026'],
		['Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-29T03+02:00', '2026-03-29', '2026-W13', '2026-03', '2026'],
		['Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25T02+02:00', '2026-10-25', '2026-W43', '2026-10', '2026'],
		['Europe/Berlin', '2026-10-25T01:30:00Z', '2026-10-25T02+01:00', '2026-10-25', '2026-W43', '2026-10', '2026'],
		['Australia/Lord_Howe', '2026-04-04T14:59:59Z', '2026-04-05T01+11:00', '2026-04-05', '2026-W14', '2026-04', '2026'],
		['Australia/Lord_Howe', '2026-04-04T15:00:00Z', '2026-04-05T01+10:30', '2026-04-05', '2026-W14', '2026-04', '2026'],
		// At one minute past midnight, back to the day before.
		['America/St_Johns', '2010-11-07T02:30:30Z', '2010-11-07T00-02:30', '2010-11-07', '2010-W44', '2010-11', '2010'],
		['America/St_Johns', '2010-11-07T02:31:00Z', '2010-11-06T23-03:30', '2010-11-06', '2010-W44', '2010-11', '2010'],
		// A day that never was.
		['Pacific/Apia', '2011-12-30T09:59:59Z', '2011-12-29T23-10:00', '2011-12-29', '2011-W52', '2011-12', '2011'],
		['Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-31T00+14:00', '2011-12-31', '2011-W52', '2011-12', '2011'],
		// Offsets had seconds once.
		['Europe/Berlin', '1890-01-01T00:00:00Z', '1890-01-01T00+00:53:28', '1890-01-01', '1890-W01', '1890-01', '1890'],
	])('%s, %s: %s, %s, %s, %s, %s', (timezone, instant, ...periods) => {
		const calendar = calendarOf(timezone);
		expect(UNITS.map((unit) => calendar.periodOf(unit, Date.parse(instant)))).toEqual(periods);
	});

	test('what the naive calendar says, in any zone', () => {
		const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'), 'UTC', 'Etc/GMT+12');
		const instant = fc.integer({ min: Date.parse('1971-01-01'), max: Date.parse('2099-12-31') });
		fc.assert(
			fc.property(zone, instant, fc.constantFrom(...UNITS), (timezone, at, unit) => {
				expect(calendarOf(timezone).periodOf(unit, at)).toBe(naivePeriod(unit, at, timezone));
			}),
			{ numRuns: 5000 }
		);
	});

	test.each(['Europe/Dublin', 'America/St_Johns', 'Australia/Lord_Howe', 'Africa/Casablanca', 'America/Sao_Paulo'])(
		'what the naive calendar says, each quarter of an hour of years in %s',
		(timezone) => {
			const calendar = calendarOf(timezone);
			const differing: string[] = [];
			for (let at = Date.parse('2009-12-31'); at < Date.parse('2011-01-02'); at += 900_000) {
				const expected = naivePeriod('hour', at, timezone);
				if (calendar.periodOf('hour', at) !== expected) differing.push(expected);
			}
			expect(differing).toEqual([]);
		}
	);
});

test('the days of four centuries follow each other as those of Date do', () => {
	const calendar = calendarOf('UTC');
	const differing: string[] = [];
	for (let at = Date.parse('1799-12-30'); at < Date.parse('2201-01-02'); at += 86_400_000) {
		const expected = new Date(at).toISOString().slice(0, 10);
		if (calendar.periodOf('day', at) !== expected) differing.push(expected);
	}
	expect(differing).toEqual([]);
});

test('more days than are remembered give the same answers again', () => {
	const calendar = calendarOf('Europe/Paris');
	const days = Array.from({ length: 12_000 }, (_, index) => index * 86_400_000);
	const once = days.map((at) => calendar.periodOf('hour', at));
	expect(days.map((at) => calendar.periodOf('hour', at))).toEqual(once);
});

test('what is no time zone is refused by name', () => {
	expect(() => calendarOf('Europe/Atlantis')).toThrow(
		expect.objectContaining({ code: 'timezone_unknown', subject: 'Europe/Atlantis' })
	);
	expect(() => calendarOf('')).toThrow(expect.objectContaining({ code: 'timezone_unknown' }));
});
