import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planRetention, type RetentionPolicy } from '../../lib/snapshot/retention.ts';
import {
	isFuture,
	isGood,
	isVerified,
	newestFirst,
	type RetentionSubject,
} from '../../lib/snapshot/retention-subject.ts';
import { firstDisagreement } from '../support/retention-histories.ts';
import { anyPolicy, anySnapshots, NOW, taken } from './subjects.ts';

const UTC = { timezone: 'UTC' };

function keptBy(snapshots: readonly RetentionSubject[], policy: RetentionPolicy, now = NOW): Record<string, string[]> {
	const kept = planRetention(snapshots, policy, now).decisions.filter(({ action }) => action === 'keep');
	return Object.fromEntries(kept.map(({ snapshot, reasons }) => [snapshot.id, reasons.map(({ rule }) => rule)]));
}

function sentences(snapshots: readonly RetentionSubject[], policy: RetentionPolicy, now = NOW): readonly string[] {
	return planRetention(snapshots, policy, now).decisions.map(({ sentence }) => sentence);
}

describe('a policy', () => {
	test('without rules keeps everything, in whatever state', () => {
		const all = [taken('2026-11-22T02:00Z'), taken('2020-01-01T02:00Z', { state: 'failed' })];
		for (const policy of [UTC, { ...UTC, daily: 0, within: 0 }]) {
			expect(planRetention(all, policy, NOW).deletions).toEqual([]);
			expect(sentences(all, policy)[1]).toBe('2020-01-01T02:00Z is kept: no rule is set, and so everything is kept.');
		}
	});

	test('of no snapshots decides nothing', () => {
		expect(planRetention([], { ...UTC, daily: 7 }, NOW)).toEqual({ decisions: [], deletions: [] });
	});

	test('keeps the newest of each period, and counts only periods that have one', () => {
		const all = [
			taken('2026-11-23T02:00Z'),
			taken('2026-11-22T14:00Z'),
			taken('2026-11-22T02:00Z'),
			taken('2026-11-15T02:00Z'),
			taken('2026-11-01T02:00Z'),
			taken('2026-10-31T02:00Z'),
			taken('2025-12-31T02:00Z'),
		];
		expect(keptBy(all, { ...UTC, daily: 3, monthly: 2 })).toEqual({
			'2026-11-23T02:00Z': ['newest-good', 'daily', 'monthly'],
			'2026-11-22T14:00Z': ['daily'],
			'2026-11-15T02:00Z': ['daily'],
			'2026-10-31T02:00Z': ['monthly'],
		});
		expect(planRetention(all, { ...UTC, daily: 3, monthly: 2 }, NOW).deletions).toEqual([
			'2025-12-31T02:00Z',
			'2026-11-01T02:00Z',
			'2026-11-22T02:00Z',
		]);
	});

	test('gives its reasons as data, and as a sentence', () => {
		const all = [taken('2026-11-23T02:00Z'), taken('2026-11-22T14:00Z'), taken('2026-11-22T02:00Z', { pinned: true })];
		const [, second] = planRetention(all, { ...UTC, last: 2, weekly: 1, daily: 7 }, NOW).decisions;
		expect(second?.reasons).toEqual([
			{ rule: 'last', rank: 2, count: 2 },
			{ rule: 'daily', period: '2026-11-22', rank: 2, count: 7, holder: '2026-11-22T14:00Z' },
		]);
		expect(sentences(all, { ...UTC, last: 2, daily: 7 })).toEqual([
			'2026-11-23T02:00Z is kept: it is the newest good one; it is the 1st of the last 2; ' +
				'it holds the day 2026-11-23, the 1st of 7.',
			'2026-11-22T14:00Z is kept: it is the 2nd of the last 2; it holds the day 2026-11-22, the 2nd of 7.',
			'2026-11-22T02:00Z is kept: it is pinned.',
		]);
	});

	test('says of what it prunes why each rule lets it go', () => {
		const all = [
			taken('2026-11-23T02:00Z', { verifiedAt: NOW }),
			taken('2026-11-22T14:00Z'),
			taken('2026-11-22T02:00Z'),
			taken('2026-11-21T02:00Z', { state: 'failed' }),
			taken('2026-11-20T02:00Z', { state: 'damaged' }),
		];
		expect(sentences(all, { ...UTC, last: 1, daily: 1, weekly: 4, within: 3_600_000 }).slice(1)).toEqual([
			'2026-11-22T14:00Z is kept: it holds the week 2026-W47, the 2nd of 4.',
			'2026-11-22T02:00Z is pruned: it is older than 1h; it is the 3rd, and the policy keeps the last 1; ' +
				'the day 2026-11-22 is held by 2026-11-22T14:00Z; the week 2026-W47 is held by 2026-11-22T14:00Z.',
			'2026-11-21T02:00Z is pruned: it failed, and nothing can be recovered from it; it is older than 1h.',
			'2026-11-20T02:00Z is pruned: it is damaged, and 2026-11-23T02:00Z is newer and verified; it is older than 1h.',
		]);
		expect(sentences(all, { ...UTC, daily: 1 })[1]).toBe(
			'2026-11-22T14:00Z is pruned: the day 2026-11-22 is the 2nd, and the policy keeps 1.'
		);
	});

	test('keeps what is exactly as old as it says', () => {
		const all = [taken('2026-11-23T11:00Z'), taken('2026-11-22T12:00Z'), taken('2026-11-22T11:59:59.999Z')];
		expect(Object.keys(keptBy(all, { ...UTC, within: 86_400_000 }))).toEqual([
			'2026-11-23T11:00Z',
			'2026-11-22T12:00Z',
		]);
	});
});

describe('periods are those of the zone:', () => {
	test.each([
		['UTC', ['2026-11-22T23:30Z', '2026-11-21T23:30Z']],
		['Europe/Berlin', ['2026-11-22T23:30Z', '2026-11-22T22:30Z']],
	])('days in %s', (timezone, kept) => {
		const all = ['2026-11-22T23:30Z', '2026-11-22T22:30Z', '2026-11-21T23:30Z'].map((at) => taken(at));
		expect(Object.keys(keptBy(all, { timezone, daily: 2 }))).toEqual(kept);
	});

	test('the hour that comes twice when clocks go back is two hours', () => {
		const all = ['2026-10-25T01:30Z', '2026-10-25T00:30Z', '2026-10-25T00:10Z'].map((at) => taken(at));
		expect(Object.keys(keptBy(all, { timezone: 'Europe/Berlin', hourly: 3 }))).toEqual([
			'2026-10-25T01:30Z',
			'2026-10-25T00:30Z',
		]);
	});

	test('a day of 25 hours is one day', () => {
		const all = ['2026-10-25T22:59Z', '2026-10-24T22:00Z', '2026-10-24T21:59Z'].map((at) => taken(at));
		expect(Object.keys(keptBy(all, { timezone: 'Europe/Berlin', daily: 2 }))).toEqual([
			'2026-10-25T22:59Z',
			'2026-10-24T21:59Z',
		]);
	});

	test('a day that clocks went back to from the next one is one day still', () => {
		// In St. John's: 01:00 on the 7th, 23:10 on the 6th for the second time, 00:00:30 on the 7th, 22:00 on the 6th.
		const all = ['2010-11-07T04:30Z', '2010-11-07T02:40Z', '2010-11-07T02:30:30Z', '2010-11-07T00:30Z'];
		const now = Date.parse('2010-11-08T00:00Z');
		const kept = keptBy(
			all.map((at) => taken(at)),
			{ timezone: 'America/St_Johns', daily: 9 },
			now
		);
		expect(Object.keys(kept)).toEqual(['2010-11-07T04:30Z', '2010-11-07T02:40Z']);
	});

	test('the 53rd week ends on a Sunday in January', () => {
		const all = ['2027-01-04T00:00Z', '2027-01-03T23:59Z', '2026-12-28T00:00Z', '2026-12-27T23:59Z'];
		const now = Date.parse('2027-01-05T00:00Z');
		const { decisions } = planRetention(
			all.map((at) => taken(at)),
			{ ...UTC, weekly: 3 },
			now
		);
		const weeks = decisions.map(({ action, reasons }) => [
			action,
			reasons.map((reason) => 'period' in reason && reason.period),
		]);
		expect(weeks).toEqual([
			['keep', [false, '2027-W01']],
			['keep', ['2026-W53']],
			['prune', ['2026-W53']],
			['keep', ['2026-W52']],
		]);
	});

	test('a leap day is a day of its month', () => {
		const all = ['2024-03-01T00:00Z', '2024-02-29T23:59Z', '2024-02-28T12:00Z'].map((at) => taken(at));
		expect(Object.keys(keptBy(all, { ...UTC, monthly: 5 }))).toEqual(['2024-03-01T00:00Z', '2024-02-29T23:59Z']);
		expect(Object.keys(keptBy(all, { ...UTC, daily: 5 }))).toHaveLength(3);
	});
});

describe('what is no good snapshot', () => {
	test('holds no place', () => {
		const all = [
			taken('2026-11-23T03:00Z', { state: 'damaged' }),
			taken('2026-11-23T02:30Z', { state: 'failed' }),
			taken('2026-11-23T02:00Z'),
			taken('2026-11-22T02:00Z'),
		];
		expect(keptBy(all, { ...UTC, last: 2, daily: 2 })).toEqual({
			'2026-11-23T03:00Z': ['mendable'],
			'2026-11-23T02:00Z': ['newest-good', 'last', 'daily'],
			'2026-11-22T02:00Z': ['last', 'daily'],
		});
	});

	test.each([
		['nothing is newer', {}, '2026-11-19T02:00Z', ['mendable']],
		['a newer one is good and not verified', {}, '2026-11-22T02:00Z', ['mendable']],
		['a newer one is verified', { verifiedAt: NOW }, '2026-11-22T02:00Z', undefined],
		[
			'a newer one was verified and is damaged',
			{ verifiedAt: NOW, state: 'damaged' },
			'2026-11-22T02:00Z',
			['mendable'],
		],
		['a verified one is dated in the future', { verifiedAt: NOW }, '2027-11-22T02:00Z', ['mendable']],
		['a verified one is older', { verifiedAt: NOW }, '2026-11-19T02:00Z', ['mendable']],
	] as const)('and damaged: %s', (_, changes, at, expected) => {
		const all = [taken('2026-11-20T02:00Z', { state: 'damaged' }), taken(at, changes)];
		expect(keptBy(all, { ...UTC, last: 1 })['2026-11-20T02:00Z']).toEqual(expected);
	});

	test('is kept while it is young', () => {
		const all = [taken('2026-11-23T02:00Z'), taken('2026-11-22T02:00Z', { state: 'failed' })];
		expect(keptBy(all, { ...UTC, within: 2 * 86_400_000 })['2026-11-22T02:00Z']).toEqual(['within']);
	});
});

describe('a snapshot from the future', () => {
	test('is kept, holds no place, and is not the newest good one', () => {
		const all = [
			taken('2099-01-01T00:00Z', { verifiedAt: NOW }),
			taken('2026-11-23T02:00Z'),
			taken('2026-11-22T02:00Z'),
		];
		expect(keptBy(all, { ...UTC, yearly: 1 })).toEqual({
			'2099-01-01T00:00Z': ['newest-verified', 'future'],
			'2026-11-23T02:00Z': ['newest-good', 'yearly'],
		});
	});

	test('begins after five minutes, for clocks differ', () => {
		const all = [taken('2026-11-23T12:05:00.001Z'), taken('2026-11-23T12:05:00Z'), taken('2026-11-23T12:00Z')];
		expect(keptBy(all, { ...UTC, last: 1 })).toEqual({
			'2026-11-23T12:05:00.001Z': ['future'],
			'2026-11-23T12:05:00Z': ['newest-good', 'last'],
		});
	});
});

test('external and full snapshots do not take places from each other', () => {
	const all = [
		taken('2026-11-23T03:00Z', { kind: 'external' }),
		taken('2026-11-23T02:00Z'),
		taken('2026-11-22T02:00Z'),
	];
	expect(keptBy(all, { ...UTC, last: 1 })).toEqual({
		'2026-11-23T03:00Z': ['newest-good', 'last'],
		'2026-11-23T02:00Z': ['newest-good', 'last'],
	});
});

describe('law:', () => {
	const histories = fc.record({ snapshots: anySnapshots, policy: anyPolicy });

	test('wherever the deletions stop, the newest good, the newest verified and all that is pinned are left', () => {
		fc.assert(
			fc.property(histories, ({ snapshots, policy }) => {
				const present = newestFirst(snapshots).filter((one) => !isFuture(one, NOW) && one.kind === 'full');
				const needed = [present.find(isGood), present.find(isVerified), ...snapshots.filter(({ pinned }) => pinned)];
				forEachStop(snapshots, policy, (left) => {
					expect(needed.filter((one) => one !== undefined && !left.includes(one))).toEqual([]);
				});
			})
		);
	});

	test('wherever the deletions stop, planning anew decides the same', () => {
		fc.assert(
			fc.property(histories, ({ snapshots, policy }) => {
				const plan = planRetention(snapshots, policy, NOW);
				const kept = plan.decisions.filter(({ action }) => action === 'keep').map(({ snapshot }) => snapshot.id);
				forEachStop(snapshots, policy, (left, done) => {
					const again = planRetention(left, policy, NOW);
					expect(again.deletions).toEqual(plan.deletions.slice(done));
					const keptAgain = again.decisions.filter(({ action }) => action === 'keep');
					expect(keptAgain.map(({ snapshot }) => snapshot.id)).toEqual(kept);
				});
			})
		);
	});

	test('what is deleted was taken in that order', () => {
		fc.assert(
			fc.property(histories, ({ snapshots, policy }) => {
				const times = planRetention(snapshots, policy, NOW).deletions.map(
					(id) => snapshots.find((one) => one.id === id)?.takenAt ?? NaN
				);
				expect(times).toEqual([...times].sort((a, b) => a - b));
			})
		);
	});

	test('the order in which snapshots are given means nothing', () => {
		fc.assert(
			fc.property(histories, ({ snapshots, policy }) => {
				expect(planRetention(snapshots.toReversed(), policy, NOW)).toEqual(planRetention(snapshots, policy, NOW));
			})
		);
	});

	test('each snapshot is decided about once, with a reason', () => {
		fc.assert(
			fc.property(histories, ({ snapshots, policy }) => {
				const { decisions, deletions } = planRetention(snapshots, policy, NOW);
				expect(decisions.map(({ snapshot }) => snapshot)).toEqual(newestFirst(snapshots));
				expect(decisions.filter(({ reasons }) => reasons.length === 0)).toEqual([]);
				expect(decisions.filter(({ action }) => action === 'prune')).toHaveLength(deletions.length);
			})
		);
	});

	test('a policy that asks for more keeps no less', () => {
		const rule = fc.constantFrom('last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly');
		fc.assert(
			fc.property(histories, rule, ({ snapshots, policy }, more) => {
				// Where no rule was set everything was kept, which is more than any policy asks for.
				const some = { ...policy, last: policy.last === undefined || policy.last === 0 ? 1 : policy.last };
				const greater = { ...some, [more]: (some[more] ?? 0) + 1 };
				const kept = Object.keys(keptBy(snapshots, some));
				expect(Object.keys(keptBy(snapshots, greater))).toEqual(expect.arrayContaining(kept));
			})
		);
	});

	test('a part of the snapshots is judged no more harshly in what is protected', () => {
		fc.assert(
			fc.property(histories, fc.infiniteStream(fc.boolean()), ({ snapshots, policy }, coins) => {
				const part = snapshots.filter(() => coins.next().value);
				const shielding = ['pinned', 'newest-good', 'newest-verified'];
				const whole = planRetention(snapshots, policy, NOW).decisions.filter(
					({ snapshot, reasons }) => part.includes(snapshot) && reasons.some(({ rule }) => shielding.includes(rule))
				);
				const { deletions } = planRetention(part, policy, NOW);
				for (const { snapshot } of whole) expect(deletions).not.toContain(snapshot.id);
			})
		);
	});
});

test('planner and oracle agree on random histories', () => {
	const histories = Number(process.env['LONG_HISTORIES'] ?? 2000);
	expect(firstDisagreement(histories, Math.floor(Math.random() * 2 ** 32))).toBeUndefined();
});

function forEachStop(
	snapshots: readonly RetentionSubject[],
	policy: RetentionPolicy,
	check: (left: readonly RetentionSubject[], done: number) => void
): void {
	const { deletions } = planRetention(snapshots, policy, NOW);
	for (let done = 0; done <= deletions.length; done++) {
		const gone = new Set(deletions.slice(0, done));
		check(
			snapshots.filter(({ id }) => !gone.has(id)),
			done
		);
	}
}
