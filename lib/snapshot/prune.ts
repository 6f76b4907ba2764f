import { CustodianError } from '../errors.ts';
import type { RetentionPlan } from './retention.ts';

export interface SnapshotDeletion {
	readonly id: string;
	/** In the order of removal, each when the one before it is gone. */
	readonly keys: readonly string[];
	/** Why. */
	readonly sentence: string;
}

/** The deletions of a plan, oldest snapshot first, each with the objects that it removes. */
export function planPrune(
	{ decisions, deletions }: RetentionPlan,
	objectsOf: (id: string) => readonly string[]
): readonly SnapshotDeletion[] {
	const sentences = new Map(decisions.map(({ snapshot, sentence }) => [snapshot.id, sentence]));
	return deletions.map((id) => ({ id, keys: deletionOrder(id, objectsOf(id)), sentence: sentences.get(id) ?? '' }));
}

/**
 * How one snapshot is deleted: its manifest first. A snapshot is listed by its manifest, and what is listed must restore.
 * A stop half-way leaves orphans that reconciliation removes; with the data first it would leave a snapshot that
 * recovery chooses and cannot read.
 *
 * Throws `foreign_object` where a key lies outside of the folder of the snapshot.
 */
export function deletionOrder(id: string, keys: readonly string[]): readonly string[] {
	const foreign = keys.find((key) => /^[^/]+\/[^/]+\/snapshots\/([^/]+)\/./.exec(key)?.[1] !== id);
	if (foreign !== undefined) {
		throw new CustodianError('foreign_object', foreign, `${foreign} is no object of the snapshot ${id}.`);
	}
	const isManifest = (key: string) => key.endsWith(`/${id}/manifest.json`);
	return [...keys.filter(isManifest), ...keys.filter((key) => !isManifest(key)).sort()];
}
