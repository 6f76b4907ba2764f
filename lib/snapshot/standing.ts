import { calendarOf, type PeriodUnit } from '../calendar.ts';
import type { PeriodRule, Reason } from './retention-reason.ts';
import type { RetentionSubject } from './retention-subject.ts';

/** How many snapshots, or periods with one, are kept. What is absent or zero is no rule. */
export type Counts = Readonly<Partial<Record<PeriodRule | 'last', number | undefined>>>;

const PERIODS: readonly (readonly [rule: PeriodRule, unit: PeriodUnit])[] = [
	['hourly', 'hour'],
	['daily', 'day'],
	['weekly', 'week'],
	['monthly', 'month'],
	['yearly', 'year'],
];

/** Where a snapshot stands under one count, and whether that keeps it. */
export interface Standing {
	readonly keeps: boolean;
	readonly reason: Reason;
}

/** The standings of snapshots of one kind by id, under every count that is set. They come newest first. */
export function standingsOf(
	ordered: readonly RetentionSubject[],
	counts: Counts,
	timezone: string
): ReadonlyMap<string, readonly Standing[]> {
	const { last = 0 } = counts;
	const columns = last > 0 ? [inLine(ordered, last)] : [];
	for (const [rule, unit] of PERIODS) {
		const count = counts[rule] ?? 0;
		if (count > 0) columns.push(inPeriods(ordered, rule, count, periodNames(timezone, unit)));
	}
	return new Map(ordered.map(({ id }, index) => [id, columns.flatMap((column) => column[index] ?? [])]));
}

export function countsNothing(counts: Counts): boolean {
	return ['last' as const, ...PERIODS.map(([rule]) => rule)].every((rule) => !((counts[rule] ?? 0) > 0));
}

function inLine(ordered: readonly RetentionSubject[], count: number): readonly Standing[] {
	return ordered.map((_, index) => ({ keeps: index < count, reason: { rule: 'last', rank: index + 1, count } }));
}

/** Found by name and not by neighbourhood: a clock that is put back over midnight returns to the day before. */
function inPeriods(
	ordered: readonly RetentionSubject[],
	rule: PeriodRule,
	count: number,
	periodOf: (at: number) => string
): readonly Standing[] {
	const places = new Map<string, { readonly rank: number; readonly holder: string }>();
	return ordered.map(({ id, takenAt }) => {
		const period = periodOf(takenAt);
		const place = places.get(period) ?? { rank: places.size + 1, holder: id };
		places.set(period, place);
		const keeps = place.holder === id && place.rank <= count;
		return { keeps, reason: { rule, period, count, ...place } };
	});
}

function periodNames(timezone: string, unit: PeriodUnit): (at: number) => string {
	const calendar = calendarOf(timezone);
	return (at) => calendar.periodOf(unit, at);
}
