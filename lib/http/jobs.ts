import { isFinal, jobKinds, jobStates, type Job, type JobStore } from '../jobs/job.ts';
import { failure, json, type Endpoint, type HttpResponse, type RoutedRequest } from './endpoint.ts';
import { limitOf } from './paging.ts';
import { isoOrUndefined } from './render.ts';

/** What is being done and was done, and the way to stop it. */
export function jobsEndpoints(store: JobStore): readonly Endpoint[] {
	return [
		{
			path: 'custodian/jobs',
			access: 'view',
			parameters: ['state', 'kind', 'limit', 'after'],
			verbs: { GET: (request) => list(store, request) },
		},
		{
			path: 'custodian/jobs/{id}',
			access: 'view',
			parameters: [],
			verbs: {
				GET: ({ parts }) => {
					const job = jobNamed(store, parts);
					return job ? json(200, shownJob(job)) : noJob();
				},
				DELETE: { access: 'operate', handler: (request) => cancel(store, request) },
			},
		},
	];
}

function list(store: JobStore, { query }: RoutedRequest) {
	const state = query.get('state');
	const kind = query.get('kind');
	const after = query.get('after');
	const limit = limitOf(query);
	if (limit === undefined) return failure(400, 'invalid_parameter', 'limit: expected a whole number from 1 to 1000.');
	if (state !== null && !jobStates.some((known) => known === state)) return unknown('state', jobStates);
	if (kind !== null && !jobKinds.some((known) => known === kind)) return unknown('kind', jobKinds);
	const jobs: Job[] = [];
	for (const job of store.list()) {
		if ((state !== null && job.state !== state) || (kind !== null && job.kind !== kind)) continue;
		if (after !== null && job.id >= after) continue;
		if (jobs.length === limit) return json(200, { jobs: jobs.map(shownJob), next: jobs.at(-1)?.id });
		jobs.push(job);
	}
	return json(200, { jobs: jobs.map(shownJob) });
}

async function cancel(store: JobStore, { parts }: RoutedRequest) {
	const job = jobNamed(store, parts);
	if (!job) return noJob();
	if (isFinal(job.state)) {
		return failure(409, 'job_ended', `The job has ${job.state === 'succeeded' ? 'succeeded' : `ended: ${job.state}`}.`);
	}
	await store.requestCancel(job.id);
	return json(202, { ...shownJob(job), cancelRequested: true });
}

/** The answer to what was asked for and takes a while. */
export function accepted(job: Job): HttpResponse {
	return json(202, shownJob(job), { Location: `/custodian/jobs/${job.id}` });
}

/** Who asks, to be remembered with what was asked. */
export function userOf({ principal }: RoutedRequest): string {
	return principal.kind === 'user' ? principal.name : '';
}

/** A job as clients see it: instants in ISO 8601. */
function shownJob({ submittedAt, startedAt, endedAt, ...job }: Job): object {
	return {
		...job,
		owner: undefined,
		submittedAt: isoOrUndefined(submittedAt),
		startedAt: isoOrUndefined(startedAt),
		endedAt: isoOrUndefined(endedAt),
	};
}

/** A text that is no id never reaches the store. */
function jobNamed(store: JobStore, { id = '' }: RoutedRequest['parts']): Job | undefined {
	return /^[\w-]{1,64}$/.test(id) ? store.load(id) : undefined;
}

function noJob() {
	const hint = 'GET /custodian/jobs lists them. The newest two hundred that have ended are remembered.';
	return failure(404, 'job_missing', 'There is no such job.', hint);
}

function unknown(parameter: string, known: readonly string[]) {
	return failure(400, 'invalid_parameter', `${parameter}: expected ${known.join(', ')}.`);
}
