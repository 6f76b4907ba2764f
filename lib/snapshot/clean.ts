import type { Leftover, Repository } from '../repository/repository.ts';
import { parseSnapshotId } from '../repository/snapshot-id.ts';
import { parseSnapshotKey } from '../repository/keys.ts';
import { planReconciliation, type ReconciliationPlan } from './reconcile.ts';
import { MANIFEST } from './store.ts';

/**
 * Looks for what belongs to no snapshot below a prefix: what lies elsewhere another node may still be writing. What is
 * younger than a day may be in the making here, unless the caller knows better and gives another time.
 */
export async function planCleaning(
	repository: Repository,
	below: string,
	now: number,
	{ graceMs, signal }: { readonly graceMs?: number; readonly signal?: AbortSignal } = {}
): Promise<ReconciliationPlan<Leftover>> {
	const objects = [];
	const leftovers = [];
	for await (const object of repository.list(below, signal)) objects.push(object);
	for await (const leftover of repository.leftovers(signal)) {
		if (isLeftoverBelow(below, leftover.name)) leftovers.push(leftover);
	}
	return planReconciliation({ objects, leftovers, now, graceMs }, parseSnapshotId);
}

/** Carries a plan out. An object whose snapshot has got its manifest meanwhile stays. Resolves with how much went. */
export async function clean(
	repository: Repository,
	{ objects, leftovers }: ReconciliationPlan<Leftover>,
	signal?: AbortSignal
): Promise<{ readonly removed: number; readonly removedBytes: number }> {
	let removed = 0;
	let removedBytes = 0;
	for (const { key, sizeBytes, action } of objects) {
		const prefix = parseSnapshotKey(key)?.prefix;
		if (action !== 'remove' || prefix === undefined) continue;
		if (await repository.stat(`${prefix}${MANIFEST}`, signal)) continue;
		await repository.remove(key, signal);
		removed++;
		removedBytes += sizeBytes;
	}
	for (const { leftover, action } of leftovers) {
		if (action !== 'remove') continue;
		await repository.removeLeftover(leftover, signal);
		removed++;
		removedBytes += leftover.sizeBytes ?? 0;
	}
	return { removed, removedBytes };
}

/**
 * Takes back what was stored of snapshots whose making ended with its process: whoever calls knows that nobody makes
 * them any more. A snapshot that got its manifest is complete, and stays.
 */
export async function takeBack(
	repository: Repository,
	below: string,
	ids: ReadonlySet<string>,
	signal?: AbortSignal
): Promise<void> {
	if (ids.size === 0) return;
	const objects: { readonly prefix: string; readonly key: string }[] = [];
	const complete = new Set<string>();
	for await (const { key } of repository.list(below, signal)) {
		const place = parseSnapshotKey(key);
		if (place === undefined || !ids.has(place.id)) continue;
		if (place.name === MANIFEST) complete.add(place.prefix);
		objects.push({ prefix: place.prefix, key });
	}
	for (const { prefix, key } of objects) if (!complete.has(prefix)) await repository.remove(key, signal);
	for await (const leftover of repository.leftovers(signal)) {
		if ([...ids].some((id) => leftover.name.includes(id))) await repository.removeLeftover(leftover, signal);
	}
}

/** How much of the end of a key the name of a temporary file of a directory holds. */
const NAMED_CHARACTERS = 150;

/**
 * Whether what was being written has a key below the prefix, as the name of a leftover tells: it begins with the key, or
 * has the end of it behind a time and a number, with `+` for `/`. A key whose beginning may be cut off is anybody's.
 */
function isLeftoverBelow(below: string, name: string): boolean {
	if (name.startsWith(below)) return true;
	const [, key = ''] = /^\d+-[\da-f]{16}-(.+)$/.exec(name) ?? [];
	return key.length < NAMED_CHARACTERS && key.startsWith(below.replaceAll('/', '+'));
}
