import type { PeriodUnit } from '../../lib/calendar.ts';
import type { RetentionPolicy } from '../../lib/snapshot/retention.ts';
import type { RetentionSubject } from '../../lib/snapshot/retention-subject.ts';
import { naivePeriod } from './naive-calendar.ts';

/** For each snapshot the names of the rules that keep it; with none it is pruned. */
export type Verdicts = ReadonlyMap<string, readonly string[]>;

/**
 * The rules of docs/retention.md, each one asked of each snapshot alone by looking at all the others. It sorts nothing,
 * counts no ranks and shares no code with the planner.
 */
export function oracle(all: readonly RetentionSubject[], policy: RetentionPolicy, now: number): Verdicts {
	const ahead = (one: RetentionSubject) => one.takenAt - now > 300_000;
	const newer = (one: RetentionSubject, other: RetentionSubject) =>
		one.takenAt === other.takenAt ? one.id > other.id : one.takenAt > other.takenAt;
	const good = (one: RetentionSubject) => one.state === 'complete';
	const verified = (one: RetentionSubject) => good(one) && one.verifiedAt !== undefined;

	const isNewestThatIs = (quality: (one: RetentionSubject) => boolean, one: RetentionSubject) => {
		const alike = all.filter((other) => other.kind === one.kind && quality(other));
		const current = alike.filter((other) => !ahead(other));
		const candidates = current.length > 0 ? current : alike;
		return candidates.includes(one) && !candidates.some((other) => newer(other, one));
	};
	const newerGood = (one: RetentionSubject) =>
		all.filter((other) => other.kind === one.kind && good(other) && !ahead(other) && newer(other, one));
	const hasPlace = (one: RetentionSubject, count: number | undefined, periodOf: (at: number) => string) => {
		if (count === undefined || !good(one) || ahead(one)) return false;
		const newerPeriods = new Set(newerGood(one).map(({ takenAt }) => periodOf(takenAt)));
		return !newerPeriods.has(periodOf(one.takenAt)) && newerPeriods.size < count;
	};
	const period = (unit: PeriodUnit) => {
		const known = new Map<number, string>();
		return (at: number) => {
			if (!known.has(at)) known.set(at, naivePeriod(unit, at, policy.timezone));
			return known.get(at) ?? '';
		};
	};
	const named = {
		hour: period('hour'),
		day: period('day'),
		week: period('week'),
		month: period('month'),
		year: period('year'),
	};
	const { last, hourly, daily, weekly, monthly, yearly, within } = policy;
	const unset = [last, hourly, daily, weekly, monthly, yearly, within].every(
		(rule) => rule === undefined || rule === 0
	);

	const rules: Readonly<Record<string, (one: RetentionSubject) => boolean>> = {
		'pinned': (one) => one.pinned,
		'newest-good': (one) => isNewestThatIs(good, one),
		'newest-verified': (one) => isNewestThatIs(verified, one),
		'no-policy': () => unset,
		'future': ahead,
		'mendable': (one) =>
			one.state === 'damaged' &&
			all.every((other) => other.kind !== one.kind || !verified(other) || ahead(other) || other.takenAt <= one.takenAt),
		'within': (one) => within !== undefined && within > 0 && one.takenAt >= now - within,
		'last': (one) => last !== undefined && good(one) && !ahead(one) && newerGood(one).length < last,
		'hourly': (one) => hasPlace(one, hourly, named.hour),
		'daily': (one) => hasPlace(one, daily, named.day),
		'weekly': (one) => hasPlace(one, weekly, named.week),
		'monthly': (one) => hasPlace(one, monthly, named.month),
		'yearly': (one) => hasPlace(one, yearly, named.year),
	};
	return new Map(all.map((one) => [one.id, Object.keys(rules).filter((name) => rules[name]?.(one))] as const));
}
