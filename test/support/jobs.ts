import type { Harper, HarperRequest } from './harper.ts';
import { eventually } from './wait.ts';

/** A job as `/custodian/jobs` shows it. */
export interface ShownJob<T = unknown> {
	readonly id: string;
	readonly kind: string;
	readonly state: string;
	readonly by?: string;
	readonly progress?: { readonly step: string; readonly bytes?: number; readonly rows?: number };
	readonly result?: T;
	readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

export interface TakenResult {
	readonly taken: readonly {
		readonly database: string;
		readonly id: string;
		readonly rows: number;
		readonly problems: readonly string[];
	}[];
	readonly failed: readonly { readonly database: string; readonly error: { readonly code: string } }[];
}

/** A snapshot as `/custodian/snapshots` shows it. */
export interface ShownSnapshot {
	readonly id: string;
	readonly database: string;
	readonly restorable: boolean;
	readonly obstacle?: string;
	readonly schedule?: string;
	readonly rows?: number;
	readonly verification?: { readonly depth: string; readonly result: string };
}

/** Asks for JSON and reads it, of which the caller knows the type. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what it reads
export async function ask<T>(
	harper: Harper,
	path: string,
	{ body, ...request }: Omit<HarperRequest, 'body'> & { readonly body?: unknown } = {}
): Promise<{ readonly status: number; readonly body: T; readonly headers: Headers }> {
	const response = await harper.fetch(path, {
		...request,
		...(body === undefined
			? {}
			: { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...request.headers } }),
	});
	const text = await response.text();
	const parsed: T = text === '' ? undefined : JSON.parse(text);
	return { status: response.status, body: parsed, headers: response.headers };
}

/** Posts what makes a job, and resolves with the job once it has ended. */
export async function jobOf<T>(harper: Harper, path: string, body: unknown = {}): Promise<ShownJob<T>> {
	const { status, body: job } = await ask<ShownJob<T>>(harper, path, { method: 'POST', body });
	if (status !== 202) throw new Error(`${path} answered ${status}: ${JSON.stringify(job)}`);
	return endedJob(harper, job.id);
}

/** Resolves with a job once it has ended. */
export async function endedJob<T>(harper: Harper, id: string, timeoutMs = 30_000): Promise<ShownJob<T>> {
	return eventually(
		async () => {
			const { body: job } = await ask<ShownJob<T>>(harper, `/custodian/jobs/${id}`);
			return !['queued', 'running'].includes(job.state) && job;
		},
		{ describe: `job ${id} ends`, timeoutMs }
	);
}

/** Takes snapshots, and resolves with what was taken; rejects where anything failed. */
export async function takeSnapshots(harper: Harper, body: unknown = {}): Promise<TakenResult['taken']> {
	const job = await jobOf<TakenResult>(harper, '/custodian/snapshots', body);
	if (job.state !== 'succeeded')
		throw new Error(`It ${job.state}: ${JSON.stringify(job)}\n${harper.log().slice(-3000)}`);
	return job.result?.taken ?? [];
}
