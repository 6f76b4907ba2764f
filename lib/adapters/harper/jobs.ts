import type { JobFacts, JobStatus } from '../../metrics/collectors/jobs.ts';
import { systemTable } from './stores.ts';

const statusInHarper: Readonly<Record<JobStatus, string>> = {
	created: 'CREATED',
	in_progress: 'IN_PROGRESS',
	complete: 'COMPLETE',
	error: 'ERROR',
};

export function harperJobs(): JobFacts {
	return {
		// Counted natively in the index, without reading a job.
		count: (status) => systemTable('hdb_job')?.indices['status']?.getValuesCount?.(statusInHarper[status]),
	};
}
