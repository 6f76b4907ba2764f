import { CustodianError } from './errors.ts';

export type PeriodUnit = 'hour' | 'day' | 'week' | 'month' | 'year';

/** The civil periods of one time zone, from the year 1 to the year 9999. */
export interface Calendar {
	/**
	 * The name of the period that holds the instant: `2026-11-22T13+01:00`, `2026-11-22`, `2026-W47`, `2026-11` or
	 * `2026`. An hour names its offset, since there are two of them when a clock is put back. Weeks are those of ISO 8601.
	 */
	periodOf(unit: PeriodUnit, at: number): string;
}

const calendars = new Map<string, Calendar>();

/** Throws `timezone_unknown` for what is no IANA time zone. */
export function calendarOf(timezone: string): Calendar {
	const known = calendars.get(timezone);
	if (known !== undefined) return known;
	const offsetAt = offsetsOf(timezone);
	const calendar: Calendar = {
		periodOf: (unit, at) => {
			const offsetMs = offsetAt(at);
			return SPELL[unit](at + offsetMs, offsetMs);
		},
	};
	calendars.set(timezone, calendar);
	return calendar;
}

const SPELL: Readonly<Record<PeriodUnit, (localMs: number, offsetMs: number) => string>> = {
	hour: (localMs, offsetMs) => {
		const hour = Math.floor(localMs / HOUR_MS) - Math.floor(localMs / DAY_MS) * 24;
		return `${spellDay(localMs)}T${pad(hour, 2)}${spellOffset(offsetMs)}`;
	},
	day: spellDay,
	week: spellWeek,
	month: (localMs) => spellDay(localMs).slice(0, 7),
	year: (localMs) => spellDay(localMs).slice(0, 4),
};

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Bounds what is remembered; more days than any history of snapshots has. */
const REMEMBERED_DAYS = 10_000;

/** How far the clocks of the zone are ahead of UTC at an instant. */
function offsetsOf(timezone: string): (at: number) => number {
	const format = formatOf(timezone);
	const offsetByDay = new Map<number, number | undefined>();
	return (at) => {
		const day = Math.floor(at / DAY_MS);
		if (!offsetByDay.has(day)) {
			if (offsetByDay.size >= REMEMBERED_DAYS) offsetByDay.clear();
			offsetByDay.set(day, offsetOfDay(format, day));
		}
		return offsetByDay.get(day) ?? readOffset(format, at);
	};
}

/** Undefined where it changes during the day. No zone has changed its clocks and changed them back within a day. */
function offsetOfDay(format: Intl.DateTimeFormat, day: number): number | undefined {
	const first = readOffset(format, day * DAY_MS);
	const last = readOffset(format, (day + 1) * DAY_MS - SECOND_MS);
	return first === last ? first : undefined;
}

function readOffset(format: Intl.DateTimeFormat, at: number): number {
	const wholeSecond = Math.floor(at / SECOND_MS) * SECOND_MS;
	const fields = format.format(wholeSecond).match(/\d+/g)?.map(Number) ?? [];
	const [month = NaN, day = NaN, year = NaN, hour = NaN, minute = NaN, second = NaN] = fields;
	return daysBefore(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * SECOND_MS - wholeSecond;
}

function formatOf(timezone: string): Intl.DateTimeFormat {
	try {
		return new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
			timeZone: timezone,
			hourCycle: 'h23',
			year: 'numeric',
			month: 'numeric',
			day: 'numeric',
			hour: 'numeric',
			minute: 'numeric',
			second: 'numeric',
		});
	} catch (cause) {
		const hint = 'Name one of the IANA time zones, as Europe/Berlin or UTC.';
		throw new CustodianError('timezone_unknown', timezone, `There is no time zone ${timezone}.`, { cause, hint });
	}
}

/** Days from 1970-01-01 to a date. Years are taken to begin with March, so that a leap day is the last of its year. */
function daysBefore(year: number, month: number, day: number): number {
	const shiftedYear = month < 3 ? year - 1 : year;
	const monthsSinceMarch = (month + 9) % 12;
	return daysOfYears(shiftedYear) + Math.floor((153 * monthsSinceMarch + 2) / 5) + day - 1 - DAYS_TO_1970;
}

/** Days from 0000-03-01 to 1970-01-01. */
const DAYS_TO_1970 = 719_468;

function daysOfYears(years: number): number {
	return 365 * years + Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
}

interface CivilDate {
	readonly year: number;
	readonly month: number;
	readonly day: number;
}

/** The inverse of `daysBefore`. */
function dateOf(days: number): CivilDate {
	const sinceMarch = days + DAYS_TO_1970;
	let shiftedYear = Math.floor(sinceMarch / 365.2425);
	if (daysOfYears(shiftedYear) > sinceMarch) shiftedYear -= 1;
	else if (daysOfYears(shiftedYear + 1) <= sinceMarch) shiftedYear += 1;
	const dayOfYear = sinceMarch - daysOfYears(shiftedYear);
	const monthsSinceMarch = Math.floor((5 * dayOfYear + 2) / 153);
	const month = ((monthsSinceMarch + 2) % 12) + 1;
	return {
		year: month < 3 ? shiftedYear + 1 : shiftedYear,
		month,
		day: dayOfYear - Math.floor((153 * monthsSinceMarch + 2) / 5) + 1,
	};
}

function spellDay(localMs: number): string {
	const { year, month, day } = dateOf(Math.floor(localMs / DAY_MS));
	return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** A week belongs to the year that has its Thursday. 1970-01-01 was one. */
function spellWeek(localMs: number): string {
	const days = Math.floor(localMs / DAY_MS);
	const thursday = Math.floor((days + 3) / 7) * 7;
	const { year } = dateOf(thursday);
	const week = Math.floor((thursday - daysBefore(year, 1, 1)) / 7) + 1;
	return `${pad(year, 4)}-W${pad(week, 2)}`;
}

/** Offsets had seconds before there were time zones. */
function spellOffset(offsetMs: number): string {
	const seconds = Math.abs(offsetMs) / SECOND_MS;
	const fields = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
	const shown = seconds % 60 === 0 ? fields.slice(0, 2) : fields;
	return (offsetMs < 0 ? '-' : '+') + shown.map((field) => pad(field, 2)).join(':');
}

function pad(value: number, width: number): string {
	return String(value).padStart(width, '0');
}
