import { protections } from '../../lib/snapshot/protection.ts';
import { planRetention, type RetentionPolicy } from '../../lib/snapshot/retention.ts';
import type { RetentionSubject } from '../../lib/snapshot/retention-subject.ts';
import { oracle } from './retention-oracle.ts';

interface History {
	readonly snapshots: readonly RetentionSubject[];
	readonly policy: RetentionPolicy;
	readonly now: number;
}

/** Plans as many random histories as told, and gives the first that the oracle sees otherwise, with both views. */
export function firstDisagreement(histories: number, seed: number): object | undefined {
	const random = generator(seed);
	for (let index = 0; index < histories; index++) {
		const history = randomHistory(random);
		const disagreement = disagreementOn(history);
		if (disagreement !== undefined) return { index, seed, ...history, ...disagreement };
	}
	return undefined;
}

function disagreementOn({ snapshots, policy, now }: History): object | undefined {
	const { decisions, deletions } = planRetention(snapshots, policy, now);
	const expected = oracle(snapshots, policy, now);
	for (const { snapshot, action, reasons, sentence } of decisions) {
		const rules = expected.get(snapshot.id)?.join() ?? 'unknown';
		const planned = action === 'keep' ? reasons.map(({ rule }) => rule).join() : '';
		if (planned !== rules || reasons.length === 0) return { id: snapshot.id, sentence, planned, rules };
	}
	const pruned = snapshots.filter(({ id }) => expected.get(id)?.length === 0);
	const oldestFirst = pruned.sort((a, b) => a.takenAt - b.takenAt || (a.id < b.id ? -1 : 1)).map(({ id }) => id);
	if (oldestFirst.join() !== deletions.join()) return { deletions, oldestFirst };
	const shielded = protections(snapshots, now).map(({ id, reasons }) =>
		[id, ...reasons.map(({ rule }) => rule)].join()
	);
	const expectedShielded = [...expected]
		.map(([id, rules]) => [id, ...rules.filter((rule) => PROTECTING.includes(rule))])
		.flatMap((line) => (line.length === 1 ? [] : [line.join()]));
	if (expectedShielded.sort().join(';') !== shielded.sort().join(';')) return { shielded, expectedShielded };
	return decisions.length === snapshots.length ? undefined : { decisions };
}

const PROTECTING = ['pinned', 'newest-good', 'newest-verified'];

type Random = () => number;

/** mulberry32: the same histories for the same seed, on every machine. */
function generator(seed: number): Random {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Zones, each with a moment after which something odd lies in its recent past. */
const PLACES: readonly (readonly [timezone: string, now: string])[] = [
	['UTC', '2024-03-01T00:00:00Z'],
	['Europe/Berlin', '2026-10-25T06:00:00Z'],
	['Europe/Berlin', '2026-03-29T06:00:00Z'],
	['America/New_York', '2027-01-04T04:59:59Z'],
	['America/St_Johns', '2010-11-07T05:00:00Z'],
	['Asia/Kathmandu', '2021-01-03T18:15:00Z'],
	['Australia/Lord_Howe', '2026-04-04T20:00:00Z'],
	['Pacific/Apia', '2011-12-31T12:00:00Z'],
	['America/Sao_Paulo', '2018-02-18T08:00:00Z'],
];

function randomHistory(random: Random): History {
	const below = (limit: number) => Math.floor(random() * limit);
	const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)] as T;
	const [timezone, base] = pick(PLACES);
	const now = Date.parse(base) + (random() < 0.3 ? below(400 * DAY) : 0);
	// One history lies within hours, another within years.
	const step = pick([600_000, HOUR / 2, HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY]);
	const mostlyGood = random() < 0.7;
	const takenAt = [
		() => now - below(14) * step,
		() => now - Math.floor(random() * 14 * step),
		() => now - below(400 * DAY),
		() => now + pick([0, 1, 300_000, 300_001, DAY, 365 * DAY]),
	];
	const snapshots = Array.from({ length: below(14) }, (_, index): RetentionSubject => {
		const odd = random() < (mostlyGood ? 0.1 : 0.6);
		return {
			// Not in the order of time, so that ties are settled by something random.
			id: `${below(90) + 10}-${index}`,
			takenAt: takenAt[random() < 0.5 ? 0 : below(takenAt.length)]?.() ?? now,
			state: odd ? pick(['failed', 'damaged', 'complete']) : 'complete',
			verifiedAt: random() < 0.4 ? now - below(DAY) : undefined,
			pinned: random() < 0.07,
			kind: random() < 0.1 ? 'external' : 'full',
		};
	});
	const count = (chance: number) => (random() < chance ? below(5) : undefined);
	const policy: RetentionPolicy = {
		timezone,
		last: count(0.3),
		hourly: count(0.3),
		daily: count(0.5),
		weekly: count(0.3),
		monthly: count(0.3),
		yearly: count(0.2),
		within: random() < 0.2 ? below(8) * step : undefined,
	};
	return { snapshots, policy, now };
}
