import { messageOf } from '../errors.ts';
import { jobError } from '../jobs/job-error.ts';
import type { Job, JobError } from '../jobs/job.ts';
import { PartialFailure, type Work } from '../jobs/runner.ts';
import { snapshotPrefix } from '../repository/keys.ts';
import type { Clock } from '../time.ts';
import type { Place } from './holdings.ts';
import { hookEnv, reported, withHooks, type Hooked, type HookFacts, type Hooks, type RunCommand } from './hooks.ts';
import { manifestText, type Manifest } from './manifest.ts';
import { parseTakeRequest, type TakeRequest } from './request.ts';
import { MANIFEST, writePin, writeText } from './store.ts';
import { chosenDatabases, type LiveDatabase } from './take.ts';

/** What is known of a volume snapshot that the operator's tool took. */
export interface ExternalFacts extends Pick<
	Manifest,
	'id' | 'node' | 'database' | 'takenAt' | 'schedule' | 'by' | 'label' | 'versions'
> {
	readonly tookMs: number;
	/** What the tool printed: by that the operator finds the volume snapshot again. */
	readonly output: string;
}

/** The record of a volume snapshot: nothing of it lies in the repository. */
export function externalManifest({ tookMs, output, ...known }: ExternalFacts): Manifest {
	return {
		format: 1,
		kind: 'external',
		...known,
		tookMs: { copy: Math.round(tookMs), store: 0 },
		compression: 'none',
		objects: [],
		external: { output },
	};
}

export interface ExternalSchedule {
	/** The command that takes the volume snapshot. */
	readonly command: readonly string[];
	readonly hooks: Hooks | undefined;
	/** Milliseconds, for the command. */
	readonly timeout: number;
}

export interface ExternalPorts {
	readonly run: RunCommand;
	readonly databases: () => readonly LiveDatabase[];
	/** The record is written to each; the first has to take it. */
	readonly places: readonly [Place, ...Place[]];
	readonly clock: Clock;
	/** An id that sorts by the moment; another one at each call. */
	readonly newId: (at: number) => string;
	readonly node: string;
	readonly versions: Manifest['versions'];
	/** The databases that have their record of an occurrence already. */
	readonly done: (occurrence: string) => Promise<ReadonlySet<string>>;
	/** Called once a database has its record: prunes what may go. */
	readonly prune: (database: string, signal: AbortSignal) => Promise<void>;
}

/**
 * Has the operator's tool take one volume snapshot of all the databases that have none of this occurrence, and records
 * it for each of them. Where all have theirs it does nothing: no command is run again for what was achieved.
 */
export function externalWork({ command, hooks, timeout }: ExternalSchedule, ports: ExternalPorts): Work {
	return async (job, onProgress, signal) => {
		const { run, clock, node } = ports;
		const request = parseTakeRequest(job.request);
		const done = request.schedule ? await ports.done(request.schedule.occurrence) : new Set();
		const wanted = chosenDatabases(request.databases, ports.databases()).map(({ name }) => name);
		const databases = wanted.filter((name) => !done.has(name));
		if (databases.length === 0 && wanted.length > 0) return { taken: [], failed: [] };
		const planned = databases.map((database) => ({ database, id: ports.newId(clock.now()) }));
		const snapshots = planned.map(({ id }) => id);
		const facts: HookFacts = { job: job.id, node, databases, snapshots, schedule: request.schedule };
		onProgress({ step: 'external' });
		const take = async () => {
			// Whatever was committed by now is in the volume snapshot; of what comes later nobody knows.
			const takenAt = clock.now();
			const startedAt = clock.monotonic();
			const { output } = await run(command, { timeoutMs: timeout, env: hookEnv('external', facts) }, signal);
			return { takenAt, output, tookMs: clock.monotonic() - startedAt };
		};
		const hooked = await withHooks(hooks, facts, run, take, signal);
		if ('error' in hooked.outcome) return reported(hooked);
		// Not before the last hook: it may release the very volume that the repository lies on.
		const { done: volume } = hooked.outcome;
		return reported({ ...hooked, outcome: await recordAll(planned, volume, request, job, ports, signal) });
	};
}

interface Planned {
	readonly database: string;
	readonly id: string;
}

/** What became of one database, as the result of the job tells it. */
interface ExternalTaken extends Planned {
	/** Nothing of it could be verified: whoever asks whether the data is safe must know. */
	readonly kind: 'external';
	readonly takenAt: number;
	readonly problems: readonly string[];
}

type VolumeSnapshot = Pick<ExternalFacts, 'takenAt' | 'output' | 'tookMs'>;

/** One database whose record cannot be written does not keep the others from theirs. */
async function recordAll(
	planned: readonly Planned[],
	volume: VolumeSnapshot,
	request: TakeRequest,
	job: Job,
	ports: ExternalPorts,
	signal: AbortSignal
): Promise<Hooked<unknown>['outcome']> {
	const taken: ExternalTaken[] = [];
	const failed: { readonly database: string; readonly error: JobError }[] = [];
	const { schedule, label, pin } = request;
	for (const { database, id } of planned) {
		const { node, versions } = ports;
		const manifest = externalManifest({
			...volume,
			id,
			node,
			database,
			versions,
			...(schedule === undefined ? {} : { schedule }),
			...(job.by === undefined ? {} : { by: job.by }),
			...(label === undefined ? {} : { label }),
		});
		try {
			const problems = await record(manifest, pin, ports, signal);
			taken.push({ kind: 'external', database, id, takenAt: volume.takenAt, problems });
		} catch (error) {
			signal.throwIfAborted();
			failed.push({ database, error: jobError(error) });
		}
	}
	const result = { taken, failed };
	const [first] = failed;
	if (first === undefined) return { done: result };
	const { code, message, hint } = first.error;
	const options = hint === undefined ? {} : { hint };
	const sentence = `The volume snapshot is taken, but not recorded for ${first.database}: ${message}`;
	return { error: new PartialFailure(result, code, first.database, sentence, options) };
}

/** Rejects where the first place does not take the record; resolves with what failed after that. */
async function record(
	manifest: Manifest,
	pin: boolean,
	{ places, prune }: ExternalPorts,
	signal: AbortSignal
): Promise<readonly string[]> {
	const [main, ...others] = places;
	const { node, database, id } = manifest;
	const prefix = snapshotPrefix(node, database, id);
	const write = async (place: Place) => {
		const repository = await place.open(signal);
		if (pin) await writePin(repository, prefix, signal);
		await writeText(repository, `${prefix}${MANIFEST}`, manifestText(manifest), signal);
	};
	const problems: string[] = [];
	const also = async (what: string, work: () => Promise<void>) => {
		try {
			await work();
		} catch (error) {
			signal.throwIfAborted();
			problems.push(`${what}: ${messageOf(error)}`);
		}
	};
	await write(main);
	for (const place of others) await also(`No copy in ${place.name}`, () => write(place));
	await also('Old snapshots stay', () => prune(database, signal));
	return problems;
}
