import type { Key } from '../record/key.ts';
import { BlobReference } from '../record/blob.ts';
import { isPlain } from '../record/equal.ts';
import { CustodianError } from '../errors.ts';
import { toTagged } from '../record/tagged.ts';
import type { Pause } from '../pause.ts';
import type { Clock } from '../time.ts';
import type { BatchBegun, BatchDone, Journal, JournalTally } from './journal.ts';
import type { NumberedPlan, StoredPlan } from './plan-file.ts';
import type { RecordPlan } from './record-plan.ts';
import type { Left } from './revert.ts';

/** One record as it is to be, if it is still what the plan saw. */
export interface RecordWrite {
	readonly table: string;
	readonly tableId: number;
	readonly id: Key;
	/** What the record's entry was then; undefined where there was none. */
	readonly expected: { readonly version: number; readonly localTime: number | undefined } | undefined;
	/** `null` deletes it. */
	readonly values: Readonly<Record<string, unknown>> | null;
	readonly expiresAt: number | undefined;
}

/** Why a record was left: it has drifted from what the plan saw, or it cannot be written. */
export type WriteOutcome =
	{ readonly kind: 'written' } | { readonly kind: 'drifted' } | { readonly kind: 'impossible'; readonly why: string };

/** Writes records of one database, as ordinary new writes of a user. */
export interface RecordWriter {
	/**
	 * Writes all of them in one transaction of this version, each only if at the moment of the commit it is what the plan
	 * saw. An outcome for each, in order. `heldMs` is for how long nothing else could run. A rejection leaves open what
	 * was written.
	 */
	write(
		writes: readonly RecordWrite[],
		transaction: { readonly version: number; readonly user: string }
	): Promise<{ readonly outcomes: readonly WriteOutcome[]; readonly heldMs: number }>;
	/** Whether a record has a change of this version that came after what the plan saw. */
	hasChange(write: RecordWrite, version: number): boolean;
}

export interface ApplyPorts {
	readonly writer: RecordWriter;
	readonly journal: Journal;
	readonly clock: Clock;
	/** From 0 up to 1. */
	readonly random: () => number;
	readonly pause: Pause;
}

/**
 * Carries a plan out, batch by batch, from where the journal ends. Stops between two batches when the signal is aborted.
 * What was done until then is in the tally, also when this rejects.
 */
export async function applyPlan(
	plan: StoredPlan,
	user: string,
	ports: ApplyPorts,
	tally: JournalTally,
	onRecords: (done: number) => void,
	signal: AbortSignal
): Promise<void> {
	for await (const entry of ports.journal.entries()) tally.add(entry);
	await settle(plan, ports, tally);
	const run = new Run(user, ports, tally);
	try {
		for await (const group of groups(batches(plan.from(tally.next), tally.next, run.size))) {
			onRecords(tally.next);
			signal.throwIfAborted();
			await run.begin(group, signal);
			await ports.pause();
		}
		await run.end();
		signal.throwIfAborted();
	} finally {
		await run.end();
		onRecords(tally.next);
	}
}

/** How many batches are announced at once. */
const GROUP = 8;

async function* groups(all: AsyncIterable<Batch>): AsyncIterable<readonly Batch[]> {
	let group: Batch[] = [];
	for await (const batch of all) {
		group.push(batch);
		if (group.length < GROUP) continue;
		yield group;
		group = [];
	}
	if (group.length > 0) yield group;
}

/** Some batches are written while the next ones are announced: syncing the journal costs no time of its own. */
class Run {
	readonly size = new BatchSize();
	readonly #user: string;
	readonly #ports: ApplyPorts;
	readonly #tally: JournalTally;
	/** Resolves when the batches that are being written are, and are counted. */
	#writing: Promise<void> = Promise.resolve();
	/** What is done and not yet in the journal. */
	readonly #unsaved: BatchDone[] = [];

	constructor(user: string, ports: ApplyPorts, tally: JournalTally) {
		this.#user = user;
		this.#ports = ports;
		this.#tally = tally;
	}

	/** Resolves when these batches are announced, and those before them are written. */
	async begin(group: readonly Batch[], signal: AbortSignal): Promise<void> {
		const announced = group.map(({ first, count, plans }) => {
			const writes = plans.map(writeOf);
			const version = nextVersion(this.#ports, this.#tally.lastVersion, writes);
			const begun: BatchBegun = { kind: 'begun', first, count, version };
			this.#tally.add(begun);
			return { begun, writes };
		});
		await Promise.all([this.#save(...announced.map(({ begun }) => begun)), this.#writing]);
		this.#writing = this.#write(announced, signal);
		// Whoever waits for it next sees whether it failed.
		this.#writing.catch(() => undefined);
	}

	/** Settles when nothing is written any more; resolves when all of it is in the journal. */
	async end(): Promise<void> {
		try {
			await this.#writing;
		} finally {
			if (this.#unsaved.length > 0) await this.#save();
		}
	}

	/** What cannot be saved is tried again with what comes next, in its order. */
	async #save(...begun: readonly BatchBegun[]): Promise<void> {
		const saved = this.#unsaved.length;
		await this.#ports.journal.append(...this.#unsaved, ...begun);
		this.#unsaved.splice(0, saved);
	}

	/** One after the other. Those that are left when the signal is aborted were announced in vain. */
	async #write(
		announced: readonly { readonly begun: BatchBegun; readonly writes: readonly RecordWrite[] }[],
		signal: AbortSignal
	): Promise<void> {
		for (const { begun, writes } of announced) {
			if (signal.aborted) return;
			const { version } = begun;
			const { outcomes, heldMs } = await this.#ports.writer.write(writes, { version, user: this.#user });
			this.size.learn(heldMs);
			const done = doneOf(begun, writes, outcomes);
			this.#tally.add(done);
			this.#unsaved.push(done);
			await this.#ports.pause();
		}
	}
}

/**
 * Finds out which of the batches that were begun were committed. Each was one transaction: if any of its records has its
 * version, all were written that could be. And each was over before the next one was written.
 */
async function settle(plan: StoredPlan, { writer, journal }: ApplyPorts, tally: JournalTally): Promise<void> {
	const settled: BatchDone[] = [];
	let committed = 0;
	for (const open of tally.open) {
		const writes = await writesOf(plan, open);
		const written = writes.map((write) => writer.hasChange(write, open.version));
		const outcomes = written.map((is): WriteOutcome => ({ kind: is ? 'written' : 'drifted' }));
		settled.push(doneOf(open, writes, outcomes));
		// A later one may be known to be done, where what was to be saved before it was lost.
		const isPassed = open.first + open.count <= tally.next;
		if (written.includes(true) || isPassed) committed = settled.length;
	}
	for (const done of settled.slice(0, committed)) {
		await journal.append(done);
		tally.add(done);
	}
	// The others are cut anew.
	tally.open = [];
}

async function writesOf(plan: StoredPlan, { first, count }: BatchBegun): Promise<readonly RecordWrite[]> {
	const writes: RecordWrite[] = [];
	for await (const { number, plan: record } of plan.from(first)) {
		if (number >= first + count) break;
		if (isToDo(record)) writes.push(writeOf(record));
	}
	return writes;
}

function doneOf(begun: BatchBegun, writes: readonly RecordWrite[], outcomes: readonly WriteOutcome[]): BatchDone {
	// A table may be called like something that every object inherits.
	const tables = new Map<string, { written: number; deleted: number }>();
	const drifted: Left[] = [];
	const impossible: Left[] = [];
	for (const [index, { table, id, values }] of writes.entries()) {
		const outcome = outcomes[index];
		if (outcome === undefined) throw new CustodianError('internal', table, 'A write has no outcome.');
		if (outcome.kind === 'drifted') drifted.push({ table, id: toTagged(id), why: DRIFTED });
		else if (outcome.kind === 'impossible') impossible.push({ table, id: toTagged(id), why: outcome.why });
		else {
			const counts = tables.get(table) ?? { written: 0, deleted: 0 };
			counts[values === null ? 'deleted' : 'written']++;
			tables.set(table, counts);
		}
	}
	return { ...begun, kind: 'done', tables: Object.fromEntries(tables), drifted, impossible };
}

const DRIFTED = 'Somebody has changed it since the plan was made, and that is kept.';

interface Batch {
	readonly first: number;
	readonly count: number;
	readonly plans: readonly RecordPlan[];
}

const MOST_BYTES = 2 ** 20;

/** Cuts a plan into pieces of as many records as may be written at once; what is to be left goes with its neighbours. */
async function* batches(records: AsyncIterable<NumberedPlan>, from: number, size: BatchSize): AsyncIterable<Batch> {
	let first = from;
	let next = from;
	let plans: RecordPlan[] = [];
	let bytes = 0;
	for await (const { number, plan, sizeBytes } of records) {
		const more = isToDo(plan) ? sizeBytes + blobBytesOf(plan) : 0;
		if (plans.length > 0 && (plans.length >= size.records || bytes + more > MOST_BYTES)) {
			yield { first, count: next - first, plans };
			first = next;
			plans = [];
			bytes = 0;
		}
		next = number + 1;
		bytes += more;
		if (isToDo(plan)) plans.push(plan);
	}
	if (next > first) yield { first, count: next - first, plans };
}

function isToDo({ decision }: RecordPlan): boolean {
	return decision.kind === 'write' || decision.kind === 'delete';
}

/** The files of blobs are read into memory when they are written anew. */
function blobBytesOf({ decision }: RecordPlan): number {
	if (decision.kind !== 'write') return 0;
	let bytes = 0;
	for (const value of Object.values(decision.values)) bytes += blobBytesIn(value);
	return bytes;
}

function blobBytesIn(value: unknown): number {
	if (value instanceof BlobReference) {
		const { size } = value.properties;
		return typeof size === 'number' ? size : 0;
	}
	const members = Array.isArray(value) ? value : isPlain(value) ? Object.values(value) : [];
	return members.reduce<number>((bytes, member) => bytes + blobBytesIn(member), 0);
}

function writeOf({ table, tableId, id, liveVersion, liveLocalTime, decision }: RecordPlan): RecordWrite {
	const expected = liveVersion === undefined ? undefined : { version: liveVersion, localTime: liveLocalTime };
	const isWrite = decision.kind === 'write';
	const values = isWrite ? decision.values : null;
	return { table, tableId, id, expected, values, expiresAt: isWrite ? decision.expiresAt : undefined };
}

/** Harper keeps a version as a float, of which a millisecond has so many. */
const VERSIONS_PER_MS = 4096;

/**
 * The present, but after everything that it replaces: what is older than the record has no effect. The fraction makes it
 * unlike the version of anybody else's transaction.
 */
function nextVersion({ clock, random }: ApplyPorts, last: number, writes: readonly RecordWrite[]): number {
	const latest = writes.reduce((version, { expected }) => Math.max(version, expected?.version ?? 0), last);
	return (
		Math.max(Math.floor(clock.now()), Math.floor(latest) + 1) + Math.floor(random() * VERSIONS_PER_MS) / VERSIONS_PER_MS
	);
}

const GOOD_MS = 6;

/** How many records go into one transaction: as many as hold the event loop for a few milliseconds. */
class BatchSize {
	records = 50;

	learn(heldMs: number): void {
		if (heldMs > GOOD_MS) this.records = Math.max(5, Math.floor(this.records * 0.7));
		else if (heldMs < GOOD_MS / 2) this.records = Math.min(500, Math.ceil(this.records * 1.2));
	}
}
