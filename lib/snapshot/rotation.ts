import type { CatalogueEntry } from './catalogue.ts';
import type { Holding } from './holdings.ts';

/** What the rotation knows of a snapshot. Instants are wall clock, milliseconds. */
export interface RotationSubject {
	readonly id: string;
	/** When somebody last tried to open and compare all of it, whatever came of it; when it was taken, where nobody did. */
	readonly readAt: number;
}

/**
 * The snapshots whose turn comes in the rotation. One whose key is not there cannot be opened, and trying leaves no
 * record: it would be tried at every look.
 */
export function rotationSubjects(
	snapshots: readonly Holding[],
	knownKeys: ReadonlySet<string>
): readonly RotationSubject[] {
	return snapshots
		.filter(({ copies }) => copies.some(({ entry: { summary } }) => summary?.kind === 'full'))
		.filter(({ copies }) =>
			copies.every(({ entry: { summary } }) => !summary?.sealing || knownKeys.has(summary.sealing.keyId))
		)
		.map(({ id, copies }) => {
			// The copy that nobody has read for the longest time decides; all of them are read then.
			return { id, readAt: Math.min(...copies.map(({ entry }) => readAtOf(entry))) };
		});
}

/** A copy without a readable manifest cannot be opened at all. */
function readAtOf({ verification, deeplyVerifiedAt, summary }: CatalogueEntry): number {
	if (verification?.depth === 'deep') return verification.at;
	return deeplyVerifiedAt ?? summary?.takenAt ?? Infinity;
}

/**
 * Which snapshots to verify deeply now, the longest unread first, so that each one is read within `withinMs` when
 * this is asked every `everyMs`. An even share of all is due at each look; whatever would come too late at the next
 * look is due as well.
 */
export function dueForReading(
	subjects: readonly RotationSubject[],
	now: number,
	{ withinMs, everyMs }: { readonly withinMs: number; readonly everyMs: number }
): readonly string[] {
	const share = Math.ceil((subjects.length * everyMs) / withinMs);
	const longestUnread = subjects.toSorted((a, b) => a.readAt - b.readAt);
	return longestUnread
		.filter(({ readAt }, index) => {
			const age = now - readAt;
			const late = age > withinMs - 2 * everyMs;
			// Below half the period there is no haste: few snapshots would otherwise be read at every look.
			return late || (index < share && age > withinMs / 2);
		})
		.map(({ id }) => id);
}
