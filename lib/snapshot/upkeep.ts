import { CustodianError } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import { parseSnapshotId } from '../repository/snapshot-id.ts';
import type { CatalogueEntry } from './catalogue.ts';
import { deletionOrder } from './prune.ts';
import type { RetentionSubject } from './retention-subject.ts';
import { planRetention, type RetentionDecision, type RetentionPolicy } from './retention.ts';

/** What a policy says of one snapshot, and whose policy it is. */
export interface UpkeepDecision extends Pick<RetentionDecision, 'action' | 'reasons' | 'sentence'> {
	readonly entry: CatalogueEntry;
	/** Undefined where no schedule of the configuration answers for it: it stays until somebody deletes it. */
	readonly schedule: string | undefined;
}

/** The schedules that have a policy, by name. */
export type Policies = ReadonlyMap<string, RetentionPolicy>;

/**
 * Decides what happens to the snapshots that lie in one place: each schedule keeps what its own policy says of the
 * snapshots that it took of one database, and whatever is protected among all that there are of the database stays.
 */
export function planUpkeep(
	entries: readonly CatalogueEntry[],
	policies: Policies,
	now: number
): readonly UpkeepDecision[] {
	const decisions: UpkeepDecision[] = [];
	for (const group of grouped(entries)) {
		const schedule = scheduleOf(group[0]);
		const policy = schedule === undefined ? undefined : policies.get(schedule);
		if (policy === undefined) {
			decisions.push(...group.map((entry) => ({ ...untouched(entry), entry, schedule: undefined })));
			continue;
		}
		const byId = new Map(group.map((entry) => [entry.id, entry]));
		for (const { snapshot, action, reasons, sentence } of planRetention(group.map(subjectOf), policy, now).decisions) {
			const entry = byId.get(snapshot.id);
			if (entry) decisions.push({ entry, schedule, action, reasons, sentence });
		}
	}
	return decisions;
}

/** Removes a snapshot, its manifest first, so that what is listed restores wherever this stops. */
export async function removeSnapshot(
	repository: Repository,
	{ id, prefix }: Pick<CatalogueEntry, 'id' | 'prefix'>,
	signal?: AbortSignal
): Promise<void> {
	const keys: string[] = [];
	for await (const { key } of repository.list(prefix, signal)) keys.push(key);
	for (const key of deletionOrder(id, keys)) await repository.remove(key, signal);
}

/** A snapshot as retention looks at it. One that cannot be read at all is damaged, and as old as its id says. */
export function subjectOf(entry: CatalogueEntry): RetentionSubject {
	const { id, summary, problem, verifiedAt, pinned } = entry;
	return {
		id,
		takenAt: summary?.takenAt ?? takenAtOf(id),
		state: problem === undefined ? 'complete' : 'damaged',
		verifiedAt,
		pinned,
		schedule: scheduleOf(entry),
		kind: summary?.kind ?? 'full',
	};
}

/** Snapshots of one database of one node that one schedule took. */
function grouped(entries: readonly CatalogueEntry[]): Iterable<CatalogueEntry[]> {
	const groups = new Map<string, CatalogueEntry[]>();
	for (const entry of entries) {
		const key = JSON.stringify([entry.node, entry.database, scheduleOf(entry)]);
		const group = groups.get(key) ?? [];
		group.push(entry);
		groups.set(key, group);
	}
	return groups.values();
}

function scheduleOf(entry: CatalogueEntry | undefined): string | undefined {
	return entry?.summary?.schedule?.name;
}

function untouched({ id }: CatalogueEntry): Pick<UpkeepDecision, 'action' | 'reasons' | 'sentence'> {
	return { action: 'keep', reasons: [{ rule: 'no-policy' }], sentence: `${id} is kept: no schedule answers for it.` };
}

function takenAtOf(id: string): number {
	const parsed = parseSnapshotId(id);
	if (parsed === undefined) throw new CustodianError('invalid_id', id, `${id} is no id of a snapshot.`);
	return parsed.at;
}
