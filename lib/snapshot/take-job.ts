import { CustodianError, messageOf } from '../errors.ts';
import { jobError } from '../jobs/job-error.ts';
import type { Job, JobError } from '../jobs/job.ts';
import { PartialFailure, type Work } from '../jobs/runner.ts';
import { snapshotPrefix } from '../repository/keys.ts';
import type { Clock } from '../time.ts';
import { takeBack } from './clean.ts';
import type { Place } from './holdings.ts';
import { parseTakeRequest, type TakeRequest } from './request.ts';
import type { OnProgress } from '../jobs/progress.ts';
import type { SnapshotFacts } from './store.ts';
import { chosenDatabases, megabytes, stage, type Copier, type LiveDatabase } from './take.ts';
import type { Verification } from './verification.ts';
import type { Depth } from './verify.ts';

/** What a process beside the database does, told by plain data. Rejects with what went wrong there. */
export interface Workshop {
	/** Inspects, compresses, seals and stores a staged copy in the first place. */
	store(task: StoreTask, onProgress: OnProgress, signal: AbortSignal): Promise<StoredFacts>;
	/** Reads a snapshot where it lies. */
	verify(task: VerifyTask, onProgress: OnProgress, signal: AbortSignal): Promise<void>;
	/** Copies a stored snapshot, as it lies there, from one place to another; the manifest last. */
	copy(task: CopyTask, onProgress: OnProgress, signal: AbortSignal): Promise<void>;
}

export interface StoreTask {
	readonly facts: SnapshotFacts;
	readonly folder: string;
	readonly prefix: string;
	readonly pin: boolean;
}

export interface VerifyTask {
	readonly place: string;
	readonly prefix: string;
	readonly depth: Depth;
}

export interface CopyTask {
	readonly from: string;
	readonly to: string;
	readonly prefix: string;
}

export interface StoredFacts {
	readonly rows: number;
	readonly sizeBytes: number;
	readonly storedBytes: number;
	readonly missingBlobs: number;
}

export interface TakePorts {
	readonly copier: Copier;
	readonly workshop: Workshop;
	/** The first is where snapshots are stored; the others get copies. */
	readonly places: readonly [Place, ...Place[]];
	readonly clock: Clock;
	/** An id that sorts by the moment. */
	readonly newId: (at: number) => string;
	readonly node: string;
	readonly versions: SnapshotFacts['versions'];
	readonly recordVerification: (
		place: Place,
		prefix: string,
		verification: Verification,
		error?: JobError
	) => Promise<void>;
	/** The databases that have their snapshot of an occurrence already. */
	readonly done: (occurrence: string) => Promise<ReadonlySet<string>>;
	/** What the snapshot of a database will about take in the first place; undefined where nobody can tell. */
	readonly expectedBytes: (database: LiveDatabase) => Promise<number | undefined>;
	/** Prunes what may go of a database: once it has its new snapshot, and before it where there is no room for one. */
	readonly prune: (database: string, signal: AbortSignal) => Promise<void>;
}

/** What became of one database. */
interface Taken extends StoredFacts {
	readonly database: string;
	readonly id: string;
	readonly takenAt: number;
	/** What went wrong after the snapshot was safe: a copy that could not be made, old ones that could not be pruned. */
	readonly problems: readonly string[];
}

interface NotTaken {
	readonly database: string;
	readonly error: JobError;
}

/** Takes a snapshot of each database that is asked for. One that fails does not keep the others from theirs. */
export function takeWork(ports: TakePorts): Work {
	return async (job, onProgress, signal) => {
		const request = parseTakeRequest(job.request);
		const taken: Taken[] = [];
		const failed: NotTaken[] = [];
		const done = request.schedule ? await ports.done(request.schedule.occurrence) : new Set();
		for (const database of chosenDatabases(request.databases, ports.copier.databases())) {
			if (done.has(database.name)) continue;
			try {
				taken.push(await takeOne(database, request, job, ports, onProgress, signal));
			} catch (error) {
				signal.throwIfAborted();
				failed.push({ database: database.name, error: jobError(error) });
			}
		}
		const [first] = failed;
		const result = { taken, failed };
		if (first === undefined) return result;
		const { code, message, hint } = first.error;
		const more = failed.length === 1 ? '' : ` (and ${failed.length - 1} more)`;
		throw new PartialFailure(result, code, first.database, `${first.database}: ${message}${more}`, { hint });
	};
}

async function takeOne(
	database: LiveDatabase,
	request: TakeRequest,
	job: Job,
	ports: TakePorts,
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<Taken> {
	const { copier, workshop, clock, node, versions, places } = ports;
	const [main, ...others] = places;
	const tell: OnProgress = (progress) => onProgress({ ...progress, database: database.name });
	const id = ports.newId(clock.now());
	const prefix = snapshotPrefix(node, database.name, id);
	await requireRoom(main, database, ports, signal);
	const { folder, takenAt, copyMs } = await stage(copier, database, id, tell, signal);
	const { label, pin, schedule } = request;
	const facts: SnapshotFacts = {
		format: 1,
		id,
		kind: 'full',
		node,
		database: database.name,
		takenAt,
		copyMs,
		versions,
		...(schedule === undefined ? {} : { schedule }),
		...(job.by === undefined ? {} : { by: job.by }),
		...(label === undefined ? {} : { label }),
	};
	let stored: StoredFacts;
	try {
		stored = await workshop.store({ facts, folder, prefix, pin }, tell, signal);
	} catch (error) {
		await abandon(main, id, prefix);
		throw error;
	} finally {
		await copier.discard(folder);
	}
	await verifyAt(main, { prefix, depth: 'checksums' }, ports, tell, signal);
	const problems: string[] = [];
	const also = async (what: string, work: () => Promise<void>) => {
		try {
			await work();
		} catch (error) {
			signal.throwIfAborted();
			problems.push(`${what}: ${messageOf(error)}`);
		}
	};
	for (const place of others) {
		await also(`No copy in ${place.name}`, async () => {
			try {
				await workshop.copy({ from: main.name, to: place.name, prefix }, tell, signal);
			} catch (error) {
				await abandon(place, id, prefix);
				throw error;
			}
			await verifyAt(place, { prefix, depth: 'checksums' }, ports, tell, signal);
		});
	}
	await also('Old snapshots stay', () => ports.prune(database.name, signal));
	return { database: database.name, id, takenAt, ...stored, problems };
}

/** Refuses to begin what cannot end, once what may go has gone. A repository that does not know its room is taken at its word. */
async function requireRoom(
	place: Place,
	database: LiveDatabase,
	{ expectedBytes, prune }: Pick<TakePorts, 'expectedBytes' | 'prune'>,
	signal: AbortSignal
): Promise<void> {
	const { name } = database;
	const neededBytes = await expectedBytes(database);
	if (neededBytes === undefined) return;
	const free = async () => (await (await place.open(signal)).freeBytes(signal)) ?? Infinity;
	if ((await free()) >= neededBytes) return;
	await prune(name, signal);
	const freeBytes = await free();
	if (freeBytes >= neededBytes) return;
	const message = `The snapshot of ${name} will take about ${megabytes(neededBytes)}; the repository has room for ${megabytes(freeBytes)}.`;
	const hint = 'Make room in the repository, keep fewer snapshots, or name another place.';
	throw new CustodianError('repository_full', name, message, { hint });
}

/** Takes back what was stored of a snapshot that failed. Its process may have died, and cleaned nothing up. */
async function abandon(place: Place, id: string, prefix: string): Promise<void> {
	try {
		await takeBack(await place.open(), prefix, new Set([id]));
	} catch {
		// Often for the reason that is reported anyway. What stays is found by reconciliation.
	}
}

/** Verifies a snapshot where it lies and records what came of it there. Rejects where it is not whole. */
export async function verifyAt(
	place: Place,
	{ prefix, depth }: { readonly prefix: string; readonly depth: Depth },
	{ workshop, clock, recordVerification }: Pick<TakePorts, 'workshop' | 'clock' | 'recordVerification'>,
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<void> {
	try {
		await workshop.verify({ place: place.name, prefix, depth }, onProgress, signal);
	} catch (error) {
		signal.throwIfAborted();
		const found = jobError(error);
		if (SAYS_OF_THE_SNAPSHOT.has(found.code)) {
			await recordVerification(place, prefix, { at: clock.now(), depth, result: 'bad' }, found);
		}
		throw error;
	}
	await recordVerification(place, prefix, { at: clock.now(), depth, result: 'good' });
}

/** The failures that condemn a snapshot. A repository out of reach, a full disk or a missing key says nothing of it. */
const SAYS_OF_THE_SNAPSHOT = new Set(['object_damaged', 'object_missing', 'snapshot_damaged', 'contents_differ']);
