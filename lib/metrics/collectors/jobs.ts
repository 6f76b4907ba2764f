import type { Collector } from '../collector.ts';
import { type FamilyDefinition, samples } from '../family.ts';

/** The statuses that Harper gives its jobs. */
const jobStatuses = ['created', 'in_progress', 'complete', 'error'] as const;
export type JobStatus = (typeof jobStatuses)[number];

export interface JobFacts {
	/** How many jobs have this status; undefined when Harper keeps no job table. */
	count(status: JobStatus): number | undefined;
}

const jobs: FamilyDefinition = {
	name: 'harper_jobs',
	type: 'gauge',
	help: 'Jobs in the job table of Harper by status; a finished job stays there, so watch the increase of error.',
	labels: ['status'],
	source: 'status index of system.hdb_job',
};

export function jobsCollector(facts: JobFacts): Collector {
	return {
		name: 'jobs',
		definitions: [jobs],
		minIntervalMs: 15_000,
		collect: () => [
			samples(
				jobs,
				jobStatuses.map((status) => [[status], facts.count(status)])
			),
		],
	};
}
