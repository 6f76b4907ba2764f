import type { Collector } from '../collector.ts';
import { samples, seconds, type Family, type FamilyDefinition } from '../family.ts';

/** What is known of the snapshots of this node. Instants and durations are milliseconds; what is unknown is absent. */
export interface SnapshotsReading {
	/** Each database that there is, or that has a snapshot, once. */
	readonly databases: readonly DatabaseReading[];
	/** Each database in each repository that could be read. */
	readonly counts: readonly {
		readonly database: string;
		readonly repository: string;
		readonly complete: number;
		readonly damaged: number;
	}[];
	readonly schedules: readonly ScheduleReading[];
	readonly repositories: readonly RepositoryReading[];
	/** Every state that a job can have, with how many there are. */
	readonly jobs: readonly { readonly state: string; readonly count: number }[];
}

export interface DatabaseReading {
	readonly name: string;
	readonly lastSuccessAt?: number | undefined;
	readonly lastFailureAt?: number | undefined;
	readonly lastVerificationAt?: number | undefined;
	readonly lastDurationMs?: number | undefined;
	readonly lastSizeBytes?: number | undefined;
	readonly lastStoredBytes?: number | undefined;
}

export interface ScheduleReading {
	readonly name: string;
	readonly nextRunAt?: number | undefined;
	readonly lastSuccessAt?: number | undefined;
	readonly missedRuns?: number | undefined;
}

export interface RepositoryReading {
	readonly name: string;
	readonly reachable: boolean;
	readonly freeBytes?: number | undefined;
	readonly storedBytes?: number | undefined;
}

export interface SnapshotFacts {
	read(): Promise<SnapshotsReading>;
}

const CATALOGUE = 'the listing of the repositories';
const SCHEDULES = 'the state of the schedules';
const JOBS = 'the jobs of the component';

const gauge = (
	name: string,
	labels: readonly string[],
	source: string,
	help: string,
	approximation?: string
): FamilyDefinition => ({
	name: `harper_custodian_snapshot${name}`,
	type: 'gauge',
	help,
	labels,
	source,
	...(approximation === undefined ? {} : { approximation }),
});

/** One value of each database: the family, and where it stands in the reading. */
const ofDatabase: readonly (readonly [FamilyDefinition, (reading: DatabaseReading) => number | undefined])[] = [
	[
		gauge(
			'_last_success_timestamp_seconds',
			['database'],
			CATALOGUE,
			'The moment that the newest snapshot shows of which a good copy lies in any repository. The one to alert on: it stands still when anything fails.'
		),
		({ lastSuccessAt }) => seconds(lastSuccessAt),
	],
	[
		gauge(
			'_last_failure_timestamp_seconds',
			['database'],
			JOBS,
			'When a snapshot of the database last failed, as far back as the last two hundred jobs reach.'
		),
		({ lastFailureAt }) => seconds(lastFailureAt),
	],
	[
		gauge(
			'_last_verification_timestamp_seconds',
			['database'],
			CATALOGUE,
			'When a snapshot of the database was last read and found whole.'
		),
		({ lastVerificationAt }) => seconds(lastVerificationAt),
	],
	[
		gauge(
			'_duration_seconds',
			['database'],
			CATALOGUE,
			'How long the newest good snapshot took to be copied and stored.'
		),
		({ lastDurationMs }) => seconds(lastDurationMs),
	],
	[
		gauge(
			'_size_bytes',
			['database'],
			CATALOGUE,
			'Size of the newest good snapshot before compression, blobs included; absent for a volume snapshot, of which nothing lies here.'
		),
		({ lastSizeBytes }) => lastSizeBytes,
	],
	[
		gauge(
			'_stored_bytes',
			['database'],
			CATALOGUE,
			'Bytes that the newest good snapshot takes in one repository, compressed; absent for a volume snapshot.'
		),
		({ lastStoredBytes }) => lastStoredBytes,
	],
];

const ofSchedule: readonly (readonly [FamilyDefinition, (reading: ScheduleReading) => number | undefined])[] = [
	[
		gauge(
			'_schedule_next_run_timestamp_seconds',
			['schedule'],
			SCHEDULES,
			'When the schedule is due next on this node; absent where it is disabled or never due again.'
		),
		({ nextRunAt }) => seconds(nextRunAt),
	],
	[
		gauge(
			'_schedule_last_success_timestamp_seconds',
			['schedule'],
			SCHEDULES,
			'When a run of the schedule last ended well, here or on the node of the cluster that did it.'
		),
		({ lastSuccessAt }) => seconds(lastSuccessAt),
	],
	[
		gauge(
			'_schedule_missed_runs',
			['schedule'],
			SCHEDULES,
			'Occurrences that were skipped or given up, as the record of the schedule tells; those of a disabled schedule do not count.',
			'the record holds its last hundred entries, so this falls when old ones leave it.'
		),
		({ missedRuns }) => missedRuns,
	],
];

const ofRepository: readonly (readonly [FamilyDefinition, (reading: RepositoryReading) => number | undefined])[] = [
	[
		gauge(
			'_repository_reachable',
			['repository'],
			CATALOGUE,
			'1 where the repository could be listed; 0 where it could not, and what lies only there is then missing from the other numbers.'
		),
		({ reachable }) => Number(reachable),
	],
	[
		gauge(
			'_repository_free_bytes',
			['repository'],
			'the file system of the repository',
			'Bytes that may still be written to the repository; absent for a bucket.'
		),
		({ freeBytes }) => freeBytes,
	],
	[
		gauge(
			'_repository_stored_bytes',
			['repository'],
			CATALOGUE,
			'Bytes that all snapshots of this node take in the repository.'
		),
		({ storedBytes }) => storedBytes,
	],
];

const snapshots = gauge(
	's',
	['database', 'repository', 'state'],
	CATALOGUE,
	'Snapshots of this node in the repository: complete, or damaged where something speaks against restoring one.'
);

const jobs = gauge('_jobs', ['state'], JOBS, 'Jobs by state, the last two hundred that ended and all that have not.');

/** What there is of snapshots, and whether it goes on as it should. Nothing is told of a single snapshot. */
export function snapshotsCollector(facts: SnapshotFacts): Collector {
	const definitions = [...ofDatabase, ...ofSchedule, ...ofRepository].map(([definition]) => definition);
	return {
		name: 'snapshots',
		definitions: [...definitions, snapshots, jobs],
		// Each reading lists the repositories, which costs requests where they are buckets.
		minIntervalMs: 60_000,
		async collect() {
			const reading = await facts.read();
			return [
				...familiesOf(ofDatabase, reading.databases),
				...familiesOf(ofSchedule, reading.schedules),
				...familiesOf(ofRepository, reading.repositories),
				samples(
					snapshots,
					reading.counts.flatMap(({ database, repository, complete, damaged }) => [
						[[database, repository, 'complete'], complete] as const,
						[[database, repository, 'damaged'], damaged] as const,
					])
				),
				samples(
					jobs,
					reading.jobs.map(({ state, count }) => [[state], count])
				),
			];
		},
	};
}

/** Families of one label, the name of what was read. */
function familiesOf<T extends { readonly name: string }>(
	table: readonly (readonly [FamilyDefinition, (reading: T) => number | undefined])[],
	readings: readonly T[]
): readonly Family[] {
	return table.map(([definition, valueOf]) =>
		samples(
			definition,
			readings.map((reading) => [[reading.name], valueOf(reading)])
		)
	);
}
