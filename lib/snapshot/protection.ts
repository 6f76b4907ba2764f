import { sentenceOf, type Reason } from './retention-reason.ts';
import { isFuture, isGood, isVerified, newestFirst, type RetentionSubject } from './retention-subject.ts';

export interface Protection {
	readonly id: string;
	readonly reasons: readonly Reason[];
	readonly sentence: string;
}

/** The snapshots of one database that no policy prunes, and that are deleted by force alone. Newest first. */
export function protections(snapshots: readonly RetentionSubject[], now: number): readonly Protection[] {
	const ordered = newestFirst(snapshots);
	const newestGood = newestOfEachKind(ordered.filter(isGood), now);
	const newestVerified = newestOfEachKind(ordered.filter(isVerified), now);
	return ordered.flatMap((snapshot) => {
		const reasons: readonly Reason[] = [
			...(snapshot.pinned ? [{ rule: 'pinned' } as const] : []),
			...(newestGood.includes(snapshot) ? [{ rule: 'newest-good' } as const] : []),
			...(newestVerified.includes(snapshot) ? [{ rule: 'newest-verified' } as const] : []),
		];
		return reasons.length === 0
			? []
			: [{ id: snapshot.id, reasons, sentence: sentenceOf(snapshot.id, 'keep', reasons) }];
	});
}

/** One from the future counts where there is no other: the last copy is the last copy, whatever its date. */
function newestOfEachKind(
	ordered: readonly RetentionSubject[],
	now: number
): readonly (RetentionSubject | undefined)[] {
	return (['full', 'external'] as const).map((kind) => {
		const ofKind = ordered.filter((snapshot) => snapshot.kind === kind);
		return ofKind.find((snapshot) => !isFuture(snapshot, now)) ?? ofKind[0];
	});
}
