import type { JobKind, JobStore } from '../jobs/job.ts';
import type { Work } from '../jobs/runner.ts';
import { nodePrefix } from '../repository/keys.ts';
import type { Clock } from '../time.ts';
import { readCatalogue } from './catalogue.ts';
import { clean, planCleaning } from './clean.ts';
import type { Place } from './holdings.ts';
import { parseUpkeepRequest } from './request.ts';
import { planUpkeep, removeSnapshot, type Policies, type UpkeepDecision } from './upkeep.ts';

interface UpkeepPorts {
	readonly places: readonly Place[];
	readonly policies: Policies;
	readonly clock: Pick<Clock, 'now'>;
}

/** What a plan says of one place. */
export interface PlacePlan {
	readonly place: Place;
	readonly decisions: readonly UpkeepDecision[];
}

/** Decides for every place about the snapshots below a prefix. */
export async function plansOf(
	{ places, policies, clock }: UpkeepPorts,
	prefix: string,
	signal?: AbortSignal
): Promise<readonly PlacePlan[]> {
	const plans: PlacePlan[] = [];
	for (const place of places) {
		const entries = await readCatalogue(await place.open(signal), place.cache, prefix, signal);
		plans.push({ place, decisions: planUpkeep(entries, policies, clock.now()) });
	}
	return plans;
}

/**
 * Deletes what no policy keeps, the oldest first. Resolves with the ids. A place that cannot be reached does not keep
 * the others from being pruned; it rejects in the end.
 */
export async function prune(ports: UpkeepPorts, prefix: string, signal: AbortSignal): Promise<readonly string[]> {
	const pruned = new Set<string>();
	const failures: unknown[] = [];
	for (const place of ports.places) {
		try {
			for (const id of await pruneOne(place, ports, prefix, signal)) pruned.add(id);
		} catch (error) {
			signal.throwIfAborted();
			failures.push(error);
		}
	}
	if (failures.length > 0) throw failures[0];
	return [...pruned];
}

async function pruneOne(
	place: Place,
	ports: UpkeepPorts,
	prefix: string,
	signal: AbortSignal
): Promise<readonly string[]> {
	const [plan] = await plansOf({ ...ports, places: [place] }, prefix, signal);
	const repository = await place.open(signal);
	const doomed = (plan?.decisions ?? []).filter(({ action }) => action === 'prune').map(({ entry }) => entry);
	const oldestFirst = doomed.toSorted((a, b) => (a.id < b.id ? -1 : 1));
	for (const entry of oldestFirst) await removeSnapshot(repository, entry, signal);
	return oldestFirst.map(({ id }) => id);
}

const EVERY_MS = 86_400_000;

/** What is to be asked for by itself now: what has not ended for a day, over restarts, and is not asked for already. */
export function upkeepDue(jobs: Pick<JobStore, 'list' | 'active'>, now: number): readonly ('prune' | 'reconcile')[] {
	const recent = new Set<JobKind>();
	for (const { kind, state, endedAt } of jobs.list()) {
		// What was cancelled or cut off has not been done.
		const hasEnded = state === 'succeeded' || state === 'failed';
		if (hasEnded && endedAt !== undefined && now - endedAt < EVERY_MS) recent.add(kind);
	}
	return (['prune', 'reconcile'] as const).filter((kind) => !recent.has(kind) && !isAskedFor(jobs, kind));
}

/** Whether a job of a kind waits or runs: a second one would find nothing to do, or do it twice. */
export function isAskedFor(jobs: Pick<JobStore, 'active'>, wanted: JobKind): boolean {
	return [...jobs.active()].some(({ kind }) => kind === wanted);
}

export function pruneWork(ports: UpkeepPorts): Work {
	return async ({ request }, onProgress, signal) => {
		onProgress({ step: 'prune' });
		return { pruned: await prune(ports, prefixOf(request), signal) };
	};
}

/** Removes what belongs to no snapshot of a node from every place. */
export function reconcileWork({ places, clock }: UpkeepPorts): Work {
	return async ({ request }, onProgress, signal) => {
		onProgress({ step: 'reconcile' });
		const below = prefixOf(request);
		const results = [];
		for (const place of places) {
			const repository = await place.open(signal);
			const plan = await planCleaning(repository, below, clock.now(), { signal });
			results.push({ place: place.name, ...(await clean(repository, plan, signal)) });
		}
		return { places: results };
	};
}

function prefixOf(request: unknown): string {
	return nodePrefix(parseUpkeepRequest(request).node);
}
