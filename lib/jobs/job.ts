import * as v from 'valibot';
import type { Progress } from './progress.ts';

/** What can be wanted. `request` of a job belongs to its kind and is parsed by whoever carries it out. */
export const jobKinds = ['snapshot', 'verify', 'copy', 'prune', 'reconcile', 'revert'] as const;
export type JobKind = (typeof jobKinds)[number];

/** Those that the next elected worker goes on with where the last one stopped. */
export const resumedKinds: ReadonlySet<JobKind> = new Set<JobKind>(['revert']);

/**
 * `queued` waits for the elected worker, `running` has it; the others are final. `interrupted` is a job whose process
 * died: what it had begun is taken back, and whoever wants it asks again; unless its kind is resumed.
 */
export const jobStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const;
export type JobState = (typeof jobStates)[number];

export interface JobError {
	readonly code: string;
	readonly message: string;
	readonly hint?: string | undefined;
}

/** Long work: asked for by anybody who may, done by the elected worker. All of it is JSON. Instants are wall clock, ms. */
export interface Job {
	readonly id: string;
	readonly kind: JobKind;
	readonly request: unknown;
	/** The user who asked; undefined where a schedule did. */
	readonly by?: string | undefined;
	readonly state: JobState;
	readonly submittedAt: number;
	readonly startedAt?: number | undefined;
	readonly endedAt?: number | undefined;
	/** Which life of the process runs it: a job of another one is interrupted. */
	readonly owner?: string | undefined;
	/** How often it was gone on with after its process had died, or had handed over. */
	readonly resumed?: number | undefined;
	readonly progress?: Progress | undefined;
	readonly result?: unknown;
	readonly error?: JobError | undefined;
}

/** Where jobs are kept: this node's own, seen by all its workers, over restarts. */
export interface JobStore {
	load(id: string): Job | undefined;
	/** Replaces the job of this id as a whole. */
	save(job: Job): Promise<void>;
	/** The newest first. */
	list(): Iterable<Job>;
	/** Those that are queued or running, the oldest first; as cheap as they are few. */
	active(): Iterable<Job>;
	remove(id: string): Promise<void>;
	/** Cancelling is a mark of its own, so that it cannot be lost between two saves of the job by its runner. */
	requestCancel(id: string): Promise<void>;
	isCancelRequested(id: string): boolean;
}

const stored = v.looseObject({
	id: v.string(),
	kind: v.picklist(jobKinds),
	state: v.picklist(jobStates),
	submittedAt: v.number(),
});

/** Reads a job as a store keeps it; undefined for what is none, as a later version's kinds are none of ours. */
export function parseJob(text: string): Job | undefined {
	const value: unknown = JSON.parse(text);
	// What is not checked is shown and handed on, and decides nothing.
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	return v.is(stored, value) ? (value as unknown as Job) : undefined;
}

export function isFinal(state: JobState): boolean {
	return state !== 'queued' && state !== 'running';
}

/** Which of the finished jobs are too many: all but the newest. `newestFirst` is what a store lists. */
export function* expired(newestFirst: Iterable<Job>, kept: number): Iterable<string> {
	let finished = 0;
	for (const { id, state } of newestFirst) {
		if (isFinal(state) && ++finished > kept) yield id;
	}
}
