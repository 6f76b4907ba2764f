import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { harperBookmarks } from '../adapters/harper/bookmark-store.ts';
import { harperCopier } from '../adapters/harper/copier.ts';
import { harperJobStore } from '../adapters/harper/job-store.ts';
import { knownRepositories } from '../adapters/harper/known-repositories.ts';
import { harperState, type State } from '../adapters/harper/state.ts';
import { snapshotFacts } from '../adapters/snapshot-facts.ts';
import type { BookmarkStore } from '../bookmark/bookmark.ts';
import type { ProtectionConfiguration } from '../config/protection.ts';
import { CustodianError } from '../errors.ts';
import type { Job, JobKind, JobStore } from '../jobs/job.ts';
import type { SnapshotFacts } from '../metrics/collectors/snapshots.ts';
import { databasePrefix } from '../repository/keys.ts';
import { snapshotIdAt } from '../repository/snapshot-id.ts';
import type { StateStore } from '../schedule/runner.ts';
import type { Schedule } from '../schedule/schedule.ts';
import type { Place } from '../snapshot/holdings.ts';
import { readCatalogue } from '../snapshot/catalogue.ts';
import { databasesDone } from '../snapshot/scheduled.ts';
import { RESERVE_BYTES } from '../snapshot/take.ts';
import type { TakePorts } from '../snapshot/take-job.ts';
import type { Policies } from '../snapshot/upkeep.ts';
import { prune } from '../snapshot/upkeep-job.ts';
import { recordVerification } from '../snapshot/verification.ts';
import { systemClock } from '../time.ts';
import { revertsOf, type Reverts } from './reverts.ts';
import { loadState, schedulesOf, scheduleStates } from './schedules.ts';
import { knownIds, liesOnOneDisk, placesOf, stagingOf, surroundingsOf, type Surroundings } from './surroundings.ts';
import { workshopOf } from './workshop.ts';

/** What the protecting half of the component is told by the composition root. */
export interface ProtectionFacts {
	readonly configuration: ProtectionConfiguration;
	/** Harper's root directory. */
	readonly root: string;
	readonly node: string;
	readonly versions: TakePorts['versions'];
	/** Where the component keeps its own state. */
	readonly state: State;
	readonly warn: (message: string) => void;
}

/** What endpoints and background work are built from. */
export interface Protection extends ProtectionFacts {
	readonly surroundings: Surroundings;
	readonly places: readonly [Place, ...Place[]];
	readonly jobs: JobStore;
	readonly bookmarks: BookmarkStore;
	readonly schedules: readonly Schedule[];
	readonly scheduleStates: StateStore;
	readonly policies: Policies;
	readonly take: TakePorts;
	readonly reverts: Reverts;
	/** Puts a job into the queue of the elected worker. */
	readonly submit: (kind: JobKind, request: unknown, by?: string) => Promise<Job>;
}

export function protectionOf(facts: ProtectionFacts): Protection {
	const { configuration, root, node, versions, state } = facts;
	const surroundings = surroundingsOf(configuration, join(root, 'custodian'));
	const known = knownRepositories(state);
	const places = placesOf(surroundings, known);
	const jobs = harperJobStore(harperState('Job'));
	const policies = policiesOf(configuration);
	const newId = (at: number) => snapshotIdAt(at, () => randomBytes(4));
	return {
		...facts,
		surroundings,
		places,
		jobs,
		bookmarks: harperBookmarks(harperState('Bookmark')),
		schedules: schedulesOf(configuration.snapshots, node),
		scheduleStates: scheduleStates(state),
		policies,
		reverts: revertsOf({ root, jobs, newId: () => newId(systemClock.now()), warn: facts.warn }),
		take: {
			copier: harperCopier(stagingOf(surroundings), systemClock),
			workshop: workshopOf(surroundings, () => knownIds(surroundings, known)),
			places,
			clock: systemClock,
			newId,
			node,
			versions,
			recordVerification: async (place, ...what) => recordVerification(await place.open(), ...what),
			done: (occurrence) => databasesDone(places[0], node, occurrence),
			async expectedBytes({ name, fileBytes }) {
				const [place] = places;
				const before = await readCatalogue(await place.open(), place.cache, databasePrefix(node, name));
				const newest = before.findLast(({ summary, problem }) => problem === undefined && summary?.kind === 'full');
				// The first one may be as large as the database.
				const stored = newest?.storedBytes ?? (configuration.compression === 'none' ? fileBytes : fileBytes / 2);
				// On one disk the copy stands beside what is made of it, and the database writes there too.
				return (await liesOnOneDisk(surroundings)) ? stored + fileBytes + RESERVE_BYTES : stored;
			},
			async prune(database, signal) {
				await prune({ places, policies, clock: systemClock }, databasePrefix(node, database), signal);
			},
		},
		async submit(kind, request, by) {
			if (by !== undefined) requireTurn(jobs);
			const at = systemClock.now();
			const job: Job = { id: newId(at), kind, request, by, state: 'queued', submittedAt: at };
			await jobs.save(job);
			return job;
		},
	};
}

/** How many jobs may wait that people asked for: each takes minutes, and none of them forgets that it was asked. */
const QUEUED_JOBS = 100;

function requireTurn(jobs: JobStore): void {
	const { length } = Array.from(jobs.active());
	if (length < QUEUED_JOBS) return;
	const hint = 'Repeat it when some of them have ended, or cancel some: GET /custodian/jobs?state=queued lists them.';
	throw new CustodianError('queue_full', 'jobs', `There are ${length} jobs waiting already.`, { hint });
}

/** The policies of schedules, in the time zone that each one runs in. */
function policiesOf({ snapshots }: ProtectionConfiguration): Policies {
	return new Map(snapshots.map(({ name, keep, timezone }) => [name, { ...keep, timezone }]));
}

/** What metrics show of the snapshots. */
export function factsOf({ places, jobs, schedules, scheduleStates: states, take, node }: Protection): SnapshotFacts {
	return snapshotFacts({
		places,
		jobs,
		schedules,
		stateOf: (schedule) => loadState(states, schedule),
		databases: () => take.copier.databases().map(({ name }) => name),
		node,
		clock: systemClock,
	});
}

/** What is wrong with the snapshots: the schedules whose last attempt failed. */
export async function troublesOf({ schedules, scheduleStates: states }: Protection): Promise<readonly string[]> {
	const troubles: string[] = [];
	for (const { name } of schedules) {
		const { lastAttempt, lastSuccess } = (await loadState(states, name)) ?? {};
		if (lastAttempt?.problem === undefined || (lastSuccess?.endedAt ?? 0) > lastAttempt.startedAt) continue;
		troubles.push(`The schedule ${name} failed: ${lastAttempt.problem}`);
	}
	return troubles;
}
