/** A snapshot of one database, as far as retention looks at it. */
export interface RetentionSubject {
	readonly id: string;
	readonly takenAt: number;
	readonly state: 'complete' | 'failed' | 'damaged';
	/** When it was last read and found whole. */
	readonly verifiedAt?: number | undefined;
	readonly pinned: boolean;
	/** Shown and not judged: whose policy answers for a snapshot, the caller has decided. */
	readonly schedule?: string | undefined;
	/** The two kinds never stand in for each other: of an external one nothing lies here that could be verified. */
	readonly kind: 'full' | 'external';
}

/** Clocks of nodes differ a little. What is further ahead than this was dated by a clock that was wrong. */
const AHEAD_MS = 5 * 60_000;

export function isFuture({ takenAt }: RetentionSubject, now: number): boolean {
	return takenAt > now + AHEAD_MS;
}

export function isGood({ state }: RetentionSubject): boolean {
	return state === 'complete';
}

export function isVerified(snapshot: RetentionSubject): boolean {
	return isGood(snapshot) && snapshot.verifiedAt !== undefined;
}

/** Ids settle the order of what was taken in the same millisecond, so that the same snapshots give the same plan. */
export function newestFirst(snapshots: readonly RetentionSubject[]): RetentionSubject[] {
	return [...snapshots].sort((a, b) => b.takenAt - a.takenAt || (a.id < b.id ? 1 : -1));
}
