import { spellSpan } from '../span.ts';
import { parseSnapshotObjectKey, type ParseSnapshotId, type SnapshotObjectKey } from './snapshot-object-key.ts';

interface StoredObject {
	readonly key: string;
	readonly sizeBytes: number;
	/** When it was written, by the repository's clock, where that tells. */
	readonly seenAt?: number | undefined;
}

/** What a crash or a cancelled write left behind: no object, but space that is taken. */
interface Leftover {
	readonly name: string;
	readonly startedAt: number;
	readonly sizeBytes: number | undefined;
}

/** What there is. */
export interface Findings<L extends Leftover> {
	readonly objects: readonly StoredObject[];
	readonly leftovers: readonly L[];
	readonly now: number;
	/** How old something is before it is removed: longer than making a snapshot takes, and than clocks differ. */
	readonly graceMs?: number | undefined;
}

interface Removal {
	readonly action: 'remove';
	readonly rule: 'no-manifest' | 'verification-of-none' | 'leftover';
	readonly sentence: string;
}

interface Exemption {
	readonly action: 'keep';
	readonly rule: 'young' | 'unknown';
	readonly sentence: string;
}

type Verdict = Removal | Exemption;

export interface ReconciliationPlan<L extends Leftover> {
	/**
	 * Everything that belongs to no snapshot, in the order of the keys. Who removes one makes sure that its folder has no
	 * manifest still.
	 */
	readonly objects: readonly (StoredObject & Verdict)[];
	readonly leftovers: readonly ({ readonly leftover: L } & Verdict)[];
}

const GRACE_MS = 86_400_000;

/** Decides about what belongs to no snapshot. What it does not recognise stays, and is reported. */
export function planReconciliation<L extends Leftover>(
	{ objects, leftovers, now, graceMs = GRACE_MS }: Findings<L>,
	parseSnapshotId: ParseSnapshotId
): ReconciliationPlan<L> {
	const facts: Facts = { now, graceMs };
	const recognised = objects.map((object) => ({ object, place: parseSnapshotObjectKey(object.key, parseSnapshotId) }));
	const complete = new Set(recognised.flatMap(({ place }) => (place?.role === 'manifest' ? [place.folder] : [])));
	const changedAt = lastChanges(recognised);
	return {
		objects: recognised
			.filter(({ object, place }) => object.key !== MARKER && !complete.has(place?.folder ?? ''))
			.map(({ object, place }) => ({ ...object, ...onObject(object.key, place, changedAt, facts) }))
			.sort((a, b) => (a.key < b.key ? -1 : 1)),
		leftovers: leftovers.map((leftover) => ({ leftover, ...onLeftover(leftover, facts) })),
	};
}

/** The object that makes a place a repository. */
const MARKER = 'custodian.json';

interface Facts {
	readonly now: number;
	readonly graceMs: number;
}

interface Recognised {
	readonly object: StoredObject;
	readonly place: SnapshotObjectKey | undefined;
}

/** By folder. Of two clocks, that of the id and that of the repository, the one is believed that makes it younger. */
function lastChanges(recognised: readonly Recognised[]): ReadonlyMap<string, number> {
	const changes = new Map<string, number>();
	for (const { object, place } of recognised) {
		if (place === undefined) continue;
		const { folder, at } = place;
		changes.set(folder, Math.max(changes.get(folder) ?? at, object.seenAt ?? at));
	}
	return changes;
}

function onObject(
	key: string,
	place: SnapshotObjectKey | undefined,
	changedAt: ReadonlyMap<string, number>,
	facts: Facts
): Verdict {
	if (place === undefined) return keep('unknown', `${key} is kept: nothing here writes such an object.`);
	const { folder, at, role } = place;
	if (isYoung(changedAt.get(folder) ?? at, facts)) return tooYoung(key, facts);
	return role === 'verification'
		? remove('verification-of-none', `${key} is removed: it verifies a snapshot that is no more.`)
		: remove('no-manifest', `${key} is removed: its snapshot has no manifest, and nobody is making it.`);
}

function onLeftover({ name, startedAt }: Leftover, facts: Facts): Verdict {
	if (isYoung(startedAt, facts)) return tooYoung(name, facts);
	return remove('leftover', `${name} is removed: a write that began and never ended.`);
}

function isYoung(since: number, { now, graceMs }: Facts): boolean {
	return now - since <= graceMs;
}

function tooYoung(name: string, { graceMs }: Facts): Exemption {
	return keep('young', `${name} is kept: it is not older than ${spellSpan(graceMs)}, and may still be written.`);
}

function keep(rule: Exemption['rule'], sentence: string): Exemption {
	return { action: 'keep', rule, sentence };
}

function remove(rule: Removal['rule'], sentence: string): Removal {
	return { action: 'remove', rule, sentence };
}
