import type { PeriodUnit } from '../../lib/calendar.ts';

const formats = new Map<string, Intl.DateTimeFormat>();

/** The periods of an instant, as one would write them who has `Date` and does not mind the time it takes. */
export function naivePeriod(unit: PeriodUnit, at: number, timezone: string): string {
	const { year, month, day, hour, offset } = wallClock(at, timezone);
	if (unit === 'hour') return `${year}-${month}-${day}T${hour}${offset}`;
	if (unit === 'day') return `${year}-${month}-${day}`;
	if (unit === 'month') return `${year}-${month}`;
	return unit === 'year' ? year : isoWeek(new Date(`${year}-${month}-${day}T12:00:00Z`));
}

function wallClock(at: number, timezone: string) {
	let format = formats.get(timezone);
	if (format === undefined) {
		format = new Intl.DateTimeFormat('sv-SE', {
			timeZone: timezone,
			year: 'numeric',
			month: '2-digit',
			day: '2-digit',
			hour: '2-digit',
			minute: '2-digit',
			timeZoneName: 'longOffset',
		});
		formats.set(timezone, format);
	}
	// As `2026-11-22 13:05 GMT+01:00`, or `GMT` alone.
	const [, year = '', month = '', day = '', hour = '', offset = ''] =
		/^(\d+)-(\d\d)-(\d\d) (\d\d):\d\d GMT(.*)$/.exec(format.format(at)) ?? [];
	return { year: year.padStart(4, '0'), month, day, hour, offset: offset === '' ? '+00:00' : offset.replace('−', '-') };
}

/** Counts Thursdays back to the beginning of the year. */
function isoWeek(date: Date): string {
	const thursday = new Date(date);
	// Friday, Saturday and Sunday look back for it.
	const step = [5, 6, 0].includes(date.getUTCDay()) ? -1 : 1;
	while (thursday.getUTCDay() !== 4) thursday.setUTCDate(thursday.getUTCDate() + step);
	const year = thursday.getUTCFullYear();
	let week = 0;
	for (let day = thursday; day.getUTCFullYear() === year; day = new Date(day.getTime() - 7 * 86_400_000)) week++;
	return `${String(year).padStart(4, '0')}-W${String(week).padStart(2, '0')}`;
}
