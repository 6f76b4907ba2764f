import { nodePrefix } from '../repository/keys.ts';
import { jobStates, type Job, type JobStore } from '../jobs/job.ts';
import type {
	DatabaseReading,
	RepositoryReading,
	ScheduleReading,
	SnapshotFacts,
	SnapshotsReading,
} from '../metrics/collectors/snapshots.ts';
import { eventsOf } from '../notify/outcome.ts';
import { missedIn } from '../schedule/missed.ts';
import type { Schedule } from '../schedule/schedule.ts';
import type { ScheduleState } from '../schedule/state.ts';
import { bestCopy, readHoldings, type Holding, type Holdings, type Place } from '../snapshot/holdings.ts';
import type { Clock } from '../time.ts';

export interface SnapshotFactsPorts {
	readonly places: readonly Place[];
	readonly jobs: Pick<JobStore, 'list'>;
	readonly schedules: readonly Schedule[];
	/** What is known of a schedule; undefined where nothing is. */
	readonly stateOf: (schedule: string) => Promise<ScheduleState | undefined>;
	/** The databases that there are. */
	readonly databases: () => readonly string[];
	readonly node: string;
	readonly clock: Pick<Clock, 'now'>;
}

/** Reads what the collector of the snapshots shows. */
export function snapshotFacts({
	places,
	jobs,
	schedules,
	stateOf,
	databases,
	node,
	clock,
}: SnapshotFactsPorts): SnapshotFacts {
	return {
		async read(): Promise<SnapshotsReading> {
			const [holdings, states, freeBytes] = await Promise.all([
				readHoldings(places, nodePrefix(node)),
				Promise.all(schedules.map(async (schedule) => ({ schedule, state: await stateOf(schedule.name) }))),
				Promise.all(places.map(freeBytesOf)),
			]);
			const present = databases();
			const all = [...jobs.list()];
			const failures = lastFailures(all, present);
			const names = new Set([...present, ...holdings.snapshots.map(databaseOf)]);
			return {
				databases: [...names].map((name) => databaseReading(name, holdings, failures.get(name))),
				counts: countsOf(holdings),
				schedules: states.map(({ schedule, state }) => scheduleReading(schedule, state, clock.now())),
				repositories: places.map(({ name }, index) => repositoryReading(name, holdings, freeBytes[index])),
				jobs: jobStates.map((state) => ({ state, count: all.filter((job) => job.state === state).length })),
			};
		},
	};
}

/** What cannot be reached has no number, and says so elsewhere. */
async function freeBytesOf(place: Place): Promise<number | undefined> {
	try {
		return await (await place.open()).freeBytes();
	} catch {
		return undefined;
	}
}

function databaseReading(name: string, { snapshots }: Holdings, lastFailureAt: number | undefined): DatabaseReading {
	const own = snapshots.filter((holding) => databaseOf(holding) === name);
	const verifiedAt = own.flatMap(({ copies }) => copies.flatMap(({ entry }) => entry.verifiedAt ?? []));
	// The newest comes first.
	const newest = own.map((holding) => bestCopy(holding).entry).find(({ problem }) => problem === undefined);
	const objects = newest?.summary?.objects ?? [];
	const took = newest?.summary?.tookMs;
	const sum = (sizes: readonly number[]) => (sizes.length === 0 ? undefined : sizes.reduce((a, b) => a + b, 0));
	return {
		name,
		lastSuccessAt: newest?.summary?.takenAt,
		lastFailureAt,
		lastVerificationAt: verifiedAt.length === 0 ? undefined : Math.max(...verifiedAt),
		lastDurationMs: took && took.copy + took.store,
		lastSizeBytes: sum(objects.map(({ plain }) => plain.sizeBytes)),
		lastStoredBytes: sum(objects.map(({ stored }) => stored.sizeBytes)),
	};
}

function databaseOf(holding: Holding): string {
	return bestCopy(holding).entry.database;
}

/** When a snapshot of each database last failed. One that failed before any database failed for all it was to take. */
function lastFailures(newestFirst: readonly Job[], present: readonly string[]): ReadonlyMap<string, number> {
	const last = new Map<string, number>();
	for (const job of newestFirst) {
		if (job.kind !== 'snapshot' || job.endedAt === undefined) continue;
		const failed = eventsOf(job).flatMap((event) => {
			if (event.kind !== 'snapshot_failed') return [];
			return event.database === undefined ? wantedBy(job, present) : [event.database];
		});
		for (const name of failed) last.set(name, Math.max(last.get(name) ?? 0, job.endedAt));
	}
	return last;
}

function wantedBy({ request }: Job, present: readonly string[]): readonly string[] {
	const wanted: unknown =
		typeof request === 'object' && request !== null ? Reflect.get(request, 'databases') : undefined;
	return Array.isArray(wanted) ? present.filter((name) => wanted.includes('*') || wanted.includes(name)) : [];
}

function countsOf({ snapshots }: Holdings): SnapshotsReading['counts'] {
	const counts = new Map<string, { database: string; repository: string; complete: number; damaged: number }>();
	for (const { place, entry } of snapshots.flatMap(({ copies }) => copies)) {
		const key = `${place.name}/${entry.database}`;
		const known = { database: entry.database, repository: place.name };
		const count = counts.get(key) ?? { ...known, complete: 0, damaged: 0 };
		count[entry.problem === undefined ? 'complete' : 'damaged'] += 1;
		counts.set(key, count);
	}
	return [...counts.values()];
}

function scheduleReading(
	{ name, enabled, occurrences }: Schedule,
	state: ScheduleState | undefined,
	now: number
): ScheduleReading {
	return {
		name,
		nextRunAt: enabled ? occurrences.next(now)?.dueAt : undefined,
		lastSuccessAt: state?.lastSuccess?.endedAt,
		missedRuns: state && missedIn(state.record),
	};
}

function repositoryReading(
	name: string,
	{ snapshots, unread }: Holdings,
	freeBytes: number | undefined
): RepositoryReading {
	if (unread.some(({ place }) => place === name)) return { name, reachable: false };
	const here = snapshots.flatMap(({ copies }) => copies.filter(({ place }) => place.name === name));
	const storedBytes = here.reduce((sum, { entry }) => sum + entry.storedBytes, 0);
	return { name, reachable: true, freeBytes, storedBytes };
}
