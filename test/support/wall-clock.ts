/**
 * An oracle for cron in time zones, written without looking at the code: it walks minute by minute through a span of
 * time, reads the wall clock with Intl and asks which readings appeared for the first time.
 */
export interface Fields {
	readonly minutes: readonly number[];
	readonly hours: readonly number[];
	/** Days of the month; every day where there are none. */
	readonly days: readonly number[];
	/** 0 is Sunday; every day where there are none. */
	readonly weekdays: readonly number[];
}

const MINUTE = 60_000;

export function expressionOf({ minutes, hours, days, weekdays }: Fields): string {
	return [minutes, hours, days, [], weekdays].map((list) => (list.length > 0 ? list.join(',') : '*')).join(' ');
}

/** Every moment from `from` (exclusive) to `until` (inclusive), both whole minutes, at which something is due. */
export function dueMoments(fields: Fields, timezone: string, from: number, until: number): number[] {
	const read = wallClock(timezone);
	let highest = -Infinity;
	const due: number[] = [];
	for (let at = from - 2 * 24 * 60 * MINUTE; at <= until; at += MINUTE) {
		const reading = read(at);
		if (reading <= highest) continue;
		if (at > from) {
			for (let appeared = highest + MINUTE; appeared <= reading; appeared += MINUTE) {
				if (matches(fields, appeared) && due.at(-1) !== at) due.push(at);
			}
		}
		highest = reading;
	}
	return due;
}

/** The moments of a year before which the clocks of a zone were changed, to the day. */
export function daysOfChange(timezone: string, year: number): number[] {
	const read = wallClock(timezone);
	const days = Array.from({ length: 366 }, (_, day) => Date.UTC(year, 0, day));
	return days.filter((at) => read(at) - at !== read(at + 24 * 60 * MINUTE) - (at + 24 * 60 * MINUTE));
}

function wallClock(timezone: string): (at: number) => number {
	const format = new Intl.DateTimeFormat('en-US', {
		timeZone: timezone,
		hourCycle: 'h23',
		year: 'numeric',
		month: 'numeric',
		day: 'numeric',
		hour: 'numeric',
		minute: 'numeric',
		second: 'numeric',
	});
	return (at) => {
		const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
		const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
		return Date.UTC(year, month - 1, day, hour, minute, second);
	};
}

function matches({ minutes, hours, days, weekdays }: Fields, reading: number): boolean {
	const date = new Date(reading);
	const onDay = days.includes(date.getUTCDate());
	const onWeekday = weekdays.includes(date.getUTCDay());
	// As cron has it: where both are given, either will do.
	const dayMatches =
		days.length > 0 && weekdays.length > 0
			? onDay || onWeekday
			: (days.length === 0 || onDay) && (weekdays.length === 0 || onWeekday);
	return (
		dayMatches &&
		(minutes.length === 0 || minutes.includes(date.getUTCMinutes())) &&
		(hours.length === 0 || hours.includes(date.getUTCHours()))
	);
}
