import { protections } from './protection.ts';
import { sentenceOf, type Action, type Reason } from './retention-reason.ts';
import { isFuture, isGood, isVerified, newestFirst, type RetentionSubject } from './retention-subject.ts';
import { countsNothing, standingsOf, type Counts, type Standing } from './standing.ts';

/** A policy without rules keeps everything. */
export interface RetentionPolicy extends Counts {
	/** Milliseconds: what is not older is kept, in whatever state. */
	readonly within?: number | undefined;
	/** The IANA time zone whose hours, days, weeks, months and years are meant. */
	readonly timezone: string;
}

export interface RetentionDecision {
	readonly snapshot: RetentionSubject;
	readonly action: Action;
	/** Everything that keeps it; or why each rule lets it go. Never empty. */
	readonly reasons: readonly Reason[];
	readonly sentence: string;
}

export interface RetentionPlan {
	/** Newest first. */
	readonly decisions: readonly RetentionDecision[];
	/** Ids to delete, oldest first. Stopping anywhere, and planning anew from there, keeps what this plan keeps. */
	readonly deletions: readonly string[];
}

/**
 * Decides about the snapshots of one database that one policy answers for. These may be a part of the database's
 * snapshots: what is protected among all of them is protected in any part that it is in.
 */
export function planRetention(
	snapshots: readonly RetentionSubject[],
	policy: RetentionPolicy,
	now: number
): RetentionPlan {
	const verdictsOn = judge(snapshots, policy, now);
	const decisions = newestFirst(snapshots).map((snapshot): RetentionDecision => {
		const verdicts = verdictsOn(snapshot);
		const kept = verdicts.some(({ keeps }) => keeps);
		const action = kept ? 'keep' : 'prune';
		const reasons = verdicts.filter(({ keeps }) => keeps === kept).map(({ reason }) => reason);
		return { snapshot, action, reasons, sentence: sentenceOf(snapshot.id, action, reasons) };
	});
	const pruned = decisions.filter(({ action }) => action === 'prune');
	return { decisions, deletions: pruned.map(({ snapshot }) => snapshot.id).toReversed() };
}

/** What each rule says of a snapshot. One rule that keeps it is enough. */
function judge(
	snapshots: readonly RetentionSubject[],
	policy: RetentionPolicy,
	now: number
): (snapshot: RetentionSubject) => readonly Standing[] {
	const reasonsToProtect = new Map(protections(snapshots, now).map(({ id, reasons }) => [id, reasons]));
	const present = newestFirst(snapshots).filter((snapshot) => !isFuture(snapshot, now));
	const verified = present.filter(isVerified);
	const standings = (['full', 'external'] as const).map((kind) =>
		standingsOf(
			present.filter((snapshot) => snapshot.kind === kind && isGood(snapshot)),
			policy,
			policy.timezone
		)
	);
	return (snapshot) => [
		...(reasonsToProtect.get(snapshot.id) ?? []).map(keeping),
		...(countsNothing(policy) && !((policy.within ?? 0) > 0) ? [keeping({ rule: 'no-policy' })] : []),
		...(isFuture(snapshot, now) ? [keeping({ rule: 'future' })] : []),
		...onState(snapshot, verified),
		...onAge(snapshot, policy, now),
		...standings.flatMap((ofKind) => ofKind.get(snapshot.id) ?? []),
	];
}

function keeping(reason: Reason): Standing {
	return { keeps: true, reason };
}

/** A damaged one may hold what nothing else holds, until a newer one is known to be whole. */
function onState(snapshot: RetentionSubject, verified: readonly RetentionSubject[]): readonly Standing[] {
	if (snapshot.state === 'failed') return [{ keeps: false, reason: { rule: 'failed' } }];
	if (snapshot.state === 'complete') return [];
	const newest = verified.find(({ kind }) => kind === snapshot.kind);
	return newest === undefined || newest.takenAt <= snapshot.takenAt
		? [keeping({ rule: 'mendable' })]
		: [{ keeps: false, reason: { rule: 'replaced', by: newest.id } }];
}

function onAge({ takenAt }: RetentionSubject, { within = 0 }: RetentionPolicy, now: number): readonly Standing[] {
	if (!(within > 0)) return [];
	const ageMs = now - takenAt;
	return [{ keeps: ageMs <= within, reason: { rule: 'within', ageMs, withinMs: within } }];
}
