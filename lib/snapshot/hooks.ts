import { CustodianError, messageOf } from '../errors.ts';
import { jobError } from '../jobs/job-error.ts';
import type { Job } from '../jobs/job.ts';
import { PartialFailure, type Work } from '../jobs/runner.ts';
import { parseTakeRequest } from './request.ts';
import { chosenDatabases, type LiveDatabase } from './take.ts';

/**
 * Runs a command of the operator's and resolves with the end of what it printed. The environment it sees is `env` and
 * nothing secret. Rejects with `command_missing`, `command_timeout` or `command_failed`; with the signal's reason where
 * that is aborted, once the command has ended.
 */
export type RunCommand = (
	words: readonly string[],
	options: { readonly timeoutMs: number; readonly env?: Readonly<Record<string, string>> },
	signal: AbortSignal
) => Promise<{ readonly output: string }>;

/** Commands around a snapshot. They come from the configuration file, never from a request. */
export interface Hooks {
	readonly pre?: readonly string[] | undefined;
	readonly post?: readonly string[] | undefined;
	/** Milliseconds, for each of them. */
	readonly timeout: number;
}

/** What a command is told of the run that it belongs to. */
export interface HookFacts {
	readonly job: string;
	readonly node: string;
	readonly databases: readonly string[];
	/** The ids of the snapshots to be, one for each database, where they are known before. */
	readonly snapshots?: readonly string[] | undefined;
	readonly schedule?: { readonly name: string; readonly occurrence: string } | undefined;
}

export interface Hooked<T> {
	readonly outcome: { readonly done: T } | { readonly error: unknown };
	readonly hooks: HookReport;
}

/** What the hooks printed, or why they failed; a hook that there is not is absent. */
interface HookReport {
	readonly pre?: HookResult;
	readonly post?: HookResult;
}

type HookResult = { readonly output: string } | { readonly problem: string };

/**
 * Does the work between the two commands. Where the first fails, the work is not done: `hook_failed`. The second
 * always comes after, also after a failure of the first and after an abort, since it may have something to release;
 * its own failure is reported, and takes nothing back.
 */
export async function withHooks<T>(
	hooks: Hooks | undefined,
	facts: HookFacts,
	run: RunCommand,
	work: () => Promise<T>,
	signal: AbortSignal
): Promise<Hooked<T>> {
	if (hooks === undefined) return { outcome: await outcomeOf(work), hooks: {} };
	const { pre: before, post: after, timeout: timeoutMs } = hooks;
	const first = before && (await outcomeOf(() => run(before, { timeoutMs, env: hookEnv('pre', facts) }, signal)));
	const outcome: Hooked<T>['outcome'] =
		first && 'error' in first ? { error: signal.aborted ? first.error : refused(first.error) } : await outcomeOf(work);
	const result = 'done' in outcome ? 'succeeded' : 'failed';
	const env = { ...hookEnv('post', facts), CUSTODIAN_RESULT: result };
	const last = after && (await outcomeOf(() => run(after, { timeoutMs, env }, new AbortController().signal)));
	return {
		outcome,
		hooks: { ...(first ? { pre: resultOf(first) } : {}), ...(last ? { post: resultOf(last) } : {}) },
	};
}

/** The environment of a command: names and ids one per line where there may be several. */
export function hookEnv(hook: 'pre' | 'post' | 'external', facts: HookFacts): Readonly<Record<string, string>> {
	const { job, node, databases, snapshots, schedule } = facts;
	return {
		CUSTODIAN_HOOK: hook,
		CUSTODIAN_JOB: job,
		CUSTODIAN_NODE: node,
		CUSTODIAN_DATABASES: databases.join('\n'),
		...(snapshots ? { CUSTODIAN_SNAPSHOTS: snapshots.join('\n') } : {}),
		...(schedule ? { CUSTODIAN_SCHEDULE: schedule.name, CUSTODIAN_OCCURRENCE: schedule.occurrence } : {}),
	};
}

export interface HookPorts {
	readonly run: RunCommand;
	/** The hooks of a schedule; undefined where it has none. */
	readonly hooksOf: (schedule: string) => Hooks | undefined;
	readonly databases: () => readonly LiveDatabase[];
	readonly node: string;
}

/** Puts the hooks of a schedule around its runs: once around all databases, and what they said into the result. */
export function hookedWork(work: Work, { run, hooksOf, databases, node }: HookPorts): Work {
	return async (job, onProgress, signal) => {
		const { databases: wanted, schedule } = parseTakeRequest(job.request);
		const hooks = schedule && hooksOf(schedule.name);
		if (hooks === undefined) return work(job, onProgress, signal);
		// What a command sees are names of databases that there are.
		const names = chosenDatabases(wanted, databases()).map(({ name }) => name);
		const facts = { job: job.id, node, databases: names, schedule };
		return reported(await withHooks(hooks, facts, run, () => work(job, onProgress, signal), signal));
	};
}

/** The result of a job with what its hooks said; rejects where the work did, with the same beside what it achieved. */
export function reported({ outcome, hooks }: Hooked<unknown>): Job['result'] {
	if ('done' in outcome) return { ...fieldsOf(outcome.done), hooks };
	const { error } = outcome;
	const achieved = error instanceof PartialFailure ? fieldsOf(error.result) : {};
	const subject = error instanceof CustodianError ? error.subject : 'work';
	const { code, message, hint } = jobError(error);
	const options = { cause: error, ...(hint === undefined ? {} : { hint }) };
	throw new PartialFailure({ ...achieved, hooks }, code, subject, message, options);
}

function fieldsOf(result: unknown): object {
	return typeof result === 'object' && result !== null ? result : {};
}

async function outcomeOf<T>(work: () => Promise<T>): Promise<Hooked<T>['outcome']> {
	try {
		return { done: await work() };
	} catch (error) {
		return { error };
	}
}

function resultOf(outcome: Hooked<{ readonly output: string }>['outcome']): HookResult {
	return 'done' in outcome ? { output: outcome.done.output } : { problem: messageOf(outcome.error) };
}

function refused(cause: unknown): CustodianError {
	const message = `The command before the snapshot failed, so none was taken: ${messageOf(cause)}`;
	return new CustodianError('hook_failed', 'pre', message, { cause });
}
