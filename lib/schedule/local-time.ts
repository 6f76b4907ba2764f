/**
 * What the clocks on the wall show in one time zone. A *reading* is the number of milliseconds at which clocks in UTC
 * show the same date and time.
 */
export interface LocalTime {
	/** What the clocks show at a moment. */
	read(at: number): number;
	/**
	 * The first moment at which the clocks show a reading; where they are set forward past it, the moment at which that
	 * happens. Never falls as readings rise.
	 */
	firstAt(reading: number): number;
	/** The highest reading that any moment up to this one has shown: clocks that were set back show less. */
	highest(at: number): number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** No zone ever set its clocks back by more: Manila, in 1844, by changing sides of the date line. */
const LONGEST_SET_BACK_MS = DAY_MS;

/** Throws a RangeError where nobody knows the zone. */
export function localTimeIn(timezone: string): LocalTime {
	const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
	const offset = (at: number) => offsetIn(format.format(at));
	const read = (at: number) => at + offset(at);
	return {
		read,
		firstAt(reading) {
			const before = offset(reading - DAY_MS);
			const after = offset(reading + DAY_MS);
			const shown = [reading - before, reading - after].filter((at) => read(at) === reading);
			if (shown.length > 0) return Math.min(...shown);
			return firstWhere(reading - after, reading - before, (at) => read(at) > reading);
		},
		highest(at) {
			const start = at - LONGEST_SET_BACK_MS;
			if (offset(start) <= offset(at)) return read(at);
			const setBackAt = firstWhere(start, at, (moment) => offset(moment) !== offset(start));
			return Math.max(read(at), setBackAt - 1 + offset(start));
		},
	};
}

/** From the end of a formatted date: `GMT`, `GMT+02:00`, and `GMT-00:44:30` as Liberia had it until 1972. */
function offsetIn(formatted: string): number {
	const [, sign, hours = 0, minutes = 0, seconds = 0] = /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(formatted) ?? [];
	const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
	return sign === '-' ? -ms : ms;
}

/** The first of the moments after `low` up to `high` from which on something holds. */
function firstWhere(low: number, high: number, holds: (at: number) => boolean): number {
	while (high - low > 1) {
		const middle = Math.floor((low + high) / 2);
		if (holds(middle)) high = middle;
		else low = middle;
	}
	return high;
}
