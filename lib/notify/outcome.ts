import * as v from 'valibot';
import type { Event } from './event.ts';

/** What of a job decides whom to tell: as `/custodian/jobs` shows it. */
export interface EndedJob {
	readonly kind: string;
	readonly state: string;
	readonly request: unknown;
	readonly result?: unknown;
	readonly error?: { readonly code: string; readonly message: string; readonly hint?: string | undefined } | undefined;
}

const failure = v.object({ code: v.string(), message: v.string(), hint: v.optional(v.string()) });
const takeRequest = v.object({ schedule: v.optional(v.object({ name: v.string() })) });
const takeResult = v.object({
	taken: v.array(
		v.object({
			database: v.string(),
			kind: v.optional(v.string()),
			/** What went wrong once the snapshot was safe. */
			problems: v.optional(v.array(v.string()), []),
		})
	),
	failed: v.array(v.object({ database: v.string(), error: failure })),
});
const verifyResult = v.object({
	verified: v.array(v.object({ id: v.string(), place: v.string(), error: v.optional(failure) })),
});

type Taken = v.InferOutput<typeof takeResult>['taken'][number];

/** What the end of a job tells. Nobody is told of a job that was cancelled, or cut off by a restart that asks again. */
export function eventsOf({ kind, state, request, result, error }: EndedJob): readonly Event[] {
	if (kind === 'verify') return unverified(result);
	if (kind !== 'snapshot') return state === 'failed' && error ? [{ kind: 'upkeep_failed', job: kind, error }] : [];
	if (state !== 'failed' && state !== 'succeeded') return [];
	const asked = v.safeParse(takeRequest, request);
	const schedule = asked.success ? asked.output.schedule?.name : undefined;
	const ended = v.safeParse(takeResult, result);
	const failed = ended.success ? [...ended.output.failed, ...ended.output.taken.flatMap(incomplete)] : [];
	if (failed.length > 0) return failed.map((one) => ({ kind: 'snapshot_failed', schedule, ...one }));
	return state === 'failed' && error ? [{ kind: 'snapshot_failed', schedule, error }] : [];
}

/** A snapshot that is there, and lacks a copy, or was not followed by pruning. */
function incomplete({ database, problems }: Taken) {
	const message = `The snapshot was taken. ${problems.join(' ')}`;
	return problems.length === 0 ? [] : [{ database, error: { code: 'incomplete', message } }];
}

function unverified(result: unknown): readonly Event[] {
	const ended = v.safeParse(verifyResult, result);
	if (!ended.success) return [];
	return ended.output.verified.flatMap(({ id, place, error }) =>
		error
			? [{ kind: 'verification_failed', snapshot: id, place: place === '' ? undefined : place, error } as const]
			: []
	);
}

/** What a run of a schedule came to, database by database. */
export interface RunOutcome {
	readonly schedule: string;
	readonly databases: readonly {
		readonly database: string;
		/** `unread`: taken, and read by nobody, as what an operator's tool took of a volume. */
		readonly state: 'verified' | 'unread' | 'failed';
	}[];
}

/** Undefined where no schedule asked for the job, or it did not succeed as a whole. */
export function runOutcomeOf({ kind, state, request, result }: EndedJob): RunOutcome | undefined {
	const asked = v.safeParse(takeRequest, request);
	const ended = v.safeParse(takeResult, result);
	const schedule = asked.success ? asked.output.schedule?.name : undefined;
	if (kind !== 'snapshot' || state !== 'succeeded' || schedule === undefined || !ended.success) return undefined;
	const { taken, failed } = ended.output;
	return {
		schedule,
		databases: [
			...taken.map((one) => ({ database: one.database, state: stateOf(one) })),
			...failed.map(({ database }) => ({ database, state: 'failed' as const })),
		],
	};
}

/** A job lists as taken what it has stored and read again; of a volume snapshot there is nothing that it could read. */
function stateOf({ kind, problems }: Taken): 'verified' | 'unread' | 'failed' {
	if (problems.length > 0) return 'failed';
	return kind === 'external' ? 'unread' : 'verified';
}

/** Silence is the alarm, so it is broken only when there is nothing at all to say. */
export function shouldPing({ databases }: RunOutcome): boolean {
	return databases.length > 0 && databases.every(({ state }) => state === 'verified');
}
