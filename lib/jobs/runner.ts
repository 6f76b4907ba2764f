import { CustodianError, messageOf } from '../errors.ts';
import type { OnProgress, Progress } from './progress.ts';
import type { Clock } from '../time.ts';
import { jobError } from './job-error.ts';
import { expired, isFinal, resumedKinds, type Job, type JobKind, type JobStore } from './job.ts';

/** Does the work of one kind of job. Resolves with its result, which is JSON. */
export type Work = (job: Job, onProgress: OnProgress, signal: AbortSignal) => Promise<unknown>;

export interface RunnerPorts {
	readonly store: JobStore;
	readonly clock: Clock;
	/** Jobs of kinds that are not here are another runner's. */
	readonly work: Readonly<Partial<Record<JobKind, Work>>>;
	/** This life of the process, unlike every other one. */
	readonly owner: string;
	/** Resolves after a while, or soon after the signal is aborted or somebody calls for the runner. */
	readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
	/** Told of each job that has ended. Does not reject, and is not waited for: a receiver may be slow. */
	readonly onEnded: (job: Job, signal: AbortSignal) => Promise<void>;
	readonly warn: (message: string) => void;
}

/** How many finished jobs are remembered. */
const KEPT_JOBS = 200;

/** How often a job is resumed: one that ends its process each time must not do so for ever. */
const MOST_RESUMPTIONS = 20;

const LOOK_EVERY_MS = 1000;

/** How often progress and the wish to cancel are looked at: often enough for a person who watches. */
const PROGRESS_EVERY_MS = 1000;

/** Carries out jobs on the elected worker, one after the other, until the signal is aborted. */
export async function runJobs(ports: RunnerPorts, signal: AbortSignal): Promise<void> {
	let isFirst = true;
	while (!signal.aborted) {
		try {
			await interruptOrphans(ports, isFirst);
			isFirst = false;
			await settleCancelled(ports);
			const next = nextJob(ports);
			if (next) await runJob(next, ports, signal);
			else await ports.wait(LOOK_EVERY_MS, signal);
		} catch (error) {
			ports.warn(`The jobs cannot be read or saved: ${messageOf(error)}`);
			await ports.wait(10 * LOOK_EVERY_MS, signal);
		}
	}
}

/**
 * A job that runs without its owner has died with it: this worker is the only one that runs any. And what a schedule
 * had asked for before an election nobody waits for any more: the schedule asks again.
 */
async function interruptOrphans({ store, clock, work }: RunnerPorts, isFirst: boolean): Promise<void> {
	for (const job of Array.from(store.active())) {
		if (work[job.kind] === undefined) continue;
		const isOrphan = job.state === 'running' || (isFirst && isOfSchedule(job));
		if (isOrphan) await store.save(resumable(job) ?? { ...job, state: 'interrupted', endedAt: clock.now() });
	}
}

/** What a schedule waits for comes before what people asked for: they may ask for much. */
function nextJob({ store, work }: RunnerPorts): Job | undefined {
	// An earlier worker that saves its progress late makes a job run that nobody runs.
	const queued = Array.from(store.active()).filter(({ kind, state }) => state === 'queued' && work[kind] !== undefined);
	return queued.find(isOfSchedule) ?? queued[0];
}

/** Who cancels a job that has not begun need not wait for those before it. */
async function settleCancelled({ store, clock, work }: RunnerPorts): Promise<void> {
	for (const job of Array.from(store.active())) {
		if (job.state !== 'queued' || work[job.kind] === undefined || !store.isCancelRequested(job.id)) continue;
		await store.save({ ...job, state: 'cancelled', error: jobError(wasCancelled(job)), endedAt: clock.now() });
	}
}

function wasCancelled({ id }: Job): CustodianError {
	return new CustodianError('cancelled', id, 'It was cancelled.');
}

/** The job as it waits to be gone on with; undefined for one that is not resumed, or was too often. */
function resumable(job: Job): Job | undefined {
	const { kind, resumed = 0 } = job;
	if (!resumedKinds.has(kind) || resumed >= MOST_RESUMPTIONS) return undefined;
	return { ...job, state: 'queued', resumed: resumed + 1 };
}

function isOfSchedule({ request }: Job): boolean {
	return typeof request === 'object' && request !== null && Reflect.get(request, 'schedule') !== undefined;
}

async function runJob(queued: Job, ports: RunnerPorts, stop: AbortSignal): Promise<void> {
	const { store, clock, owner, onEnded } = ports;
	const work = ports.work[queued.kind];
	let job: Job = { ...queued, state: 'running', startedAt: queued.startedAt ?? clock.now(), owner };
	await store.save(job);
	const cancel = new AbortController();
	const watcher = new AbortController();
	let progress: Progress | undefined;
	const watching = watch(ports, watcher.signal, async () => {
		if (store.isCancelRequested(job.id)) cancel.abort(wasCancelled(job));
		await settleCancelled(ports);
		if (progress === undefined || progress === job.progress) return;
		job = { ...job, progress };
		await store.save(job);
	});
	const ending = AbortSignal.any([stop, cancel.signal]);
	const outcome = await outcomeOf(
		() => {
			ending.throwIfAborted();
			if (work === undefined) throw new CustodianError('internal', job.kind, `Nobody does a ${job.kind}.`);
			return work(job, (latest) => void (progress = latest), ending);
		},
		() => (!ending.aborted ? 'failed' : ending.reason === cancel.signal.reason ? 'cancelled' : 'interrupted')
	);
	watcher.abort();
	await watching;
	const handedOver = outcome.state === 'interrupted' ? resumable({ ...job, progress }) : undefined;
	if (handedOver) return store.save(handedOver);
	job = { ...job, progress, ...outcome, endedAt: clock.now() };
	await store.save(job);
	void onEnded(job, stop);
	const tooOld = Array.from(expired(store.list(), KEPT_JOBS));
	for (const id of tooOld) await store.remove(id);
}

type Outcome = Pick<Job, 'state' | 'result' | 'error'>;

async function outcomeOf(
	work: () => Promise<unknown>,
	stateOfFailure: () => 'cancelled' | 'interrupted' | 'failed'
): Promise<Outcome> {
	try {
		return { state: 'succeeded', result: await work() };
	} catch (error) {
		return { state: stateOfFailure(), error: jobError(error), ...partialResult(error) };
	}
}

/** A job that failed in part says what it did achieve. */
export class PartialFailure extends CustodianError {
	readonly result: unknown;

	constructor(result: unknown, ...parameters: ConstructorParameters<typeof CustodianError>) {
		super(...parameters);
		this.result = result;
	}
}

function partialResult(error: unknown): Pick<Job, 'result'> {
	return error instanceof PartialFailure ? { result: error.result } : {};
}

async function watch({ wait, warn }: RunnerPorts, signal: AbortSignal, look: () => Promise<void>): Promise<void> {
	while (!signal.aborted) {
		// A progress that cannot be saved must not end the work that makes it.
		await look().catch((error: unknown) => warn(`The progress of a job is not saved: ${messageOf(error)}`));
		await wait(PROGRESS_EVERY_MS, signal);
	}
}

/** How often a cancelled job is looked at before whoever waits for it gives up: for about ten minutes. */
const LOOKS_AT_CANCELLED = 600;

/**
 * Resolves with the job once it is final. Where the signal is aborted the job is cancelled, since nobody else wants it,
 * and this rejects when it has ended, or does not end: what it made is then there, or never will be.
 */
export async function finished(
	id: string,
	ports: Pick<RunnerPorts, 'store' | 'wait'>,
	signal: AbortSignal
): Promise<Job> {
	const { store, wait } = ports;
	while (!signal.aborted) {
		const job = store.load(id);
		if (job === undefined) throw new CustodianError('job_missing', id, `There is no job ${id}.`);
		if (isFinal(job.state)) return job;
		await wait(LOOK_EVERY_MS, signal);
	}
	await cancelled(id, ports);
	throw signal.reason;
}

async function cancelled(id: string, { store, wait }: Pick<RunnerPorts, 'store' | 'wait'>): Promise<void> {
	await store.requestCancel(id);
	const never = new AbortController().signal;
	// One that is queued will not begin.
	for (let looks = 0; looks < LOOKS_AT_CANCELLED && store.load(id)?.state === 'running'; looks++) {
		await wait(LOOK_EVERY_MS, never);
	}
}
