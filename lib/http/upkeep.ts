import * as v from 'valibot';
import type { Job, JobKind } from '../jobs/job.ts';
import type { PlacePlan } from '../snapshot/upkeep-job.ts';
import { readBody } from './body.ts';
import { json, type Endpoint, type HttpResponse, type RoutedRequest } from './endpoint.ts';
import { accepted, userOf } from './jobs.ts';

export interface UpkeepPorts {
	prunePlans(): Promise<readonly PlacePlan[]>;
	/** What belongs to no snapshot, by place, with what happens to it and why. */
	cleaningPlans(): Promise<readonly { readonly repository: string; readonly plan: object }[]>;
	readonly submit: (kind: JobKind, request: unknown, by: string) => Promise<Job>;
}

const body = v.strictObject({ dryRun: v.optional(v.boolean('true or false'), false) });

/** Deletes what no policy keeps, and what belongs to nothing; with `dryRun` it says what it would delete, and why. */
export function upkeepEndpoints(ports: UpkeepPorts): readonly Endpoint[] {
	const prunes = async () => ({
		repositories: (await ports.prunePlans()).map(({ place, decisions }) => ({
			repository: place.name,
			decisions: decisions.map(({ entry, schedule, action, reasons, sentence }) => ({
				id: entry.id,
				node: entry.node,
				database: entry.database,
				schedule,
				action,
				reasons,
				sentence,
			})),
		})),
	});
	const cleanings = async () => ({ repositories: await ports.cleaningPlans() });
	return [
		{
			path: 'custodian/prunes',
			access: 'operate',
			parameters: [],
			verbs: { POST: (request) => planOrJob(ports, request, 'prune', prunes) },
		},
		{
			path: 'custodian/reconciliations',
			access: 'operate',
			parameters: [],
			verbs: { POST: (request) => planOrJob(ports, request, 'reconcile', cleanings) },
		},
	];
}

async function planOrJob(
	{ submit }: UpkeepPorts,
	request: RoutedRequest,
	kind: JobKind,
	plan: () => Promise<object>
): Promise<HttpResponse> {
	const read = await readBody(request, body);
	if ('refusal' in read) return read.refusal;
	if (read.value.dryRun) return json(200, await plan());
	return accepted(await submit(kind, {}, userOf(request)));
}
