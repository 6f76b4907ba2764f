import { chainFrom, isChainless, readWhatCanBe, type Change, type RecordLog } from '../audit/change.ts';
import { inEffect } from '../audit/effect.ts';
import { decodeEntry } from '../audit/entry.ts';
import type { AuditLog, LoggedTable } from '../audit/log.ts';
import { CustodianError } from '../errors.ts';
import { compareBytes } from '../record/bytes.ts';
import { readKey, type Key } from '../record/key.ts';
import type { Pause } from '../pause.ts';
import type { Clock } from '../time.ts';
import { DoneRecords } from './done-records.ts';
import { judgingRecord, type RecordFacts, type RecordVerdict } from './plan-record.ts';
import type { Policy, RecordPlan } from './record-plan.ts';
import { keyBytes, Selector, type Selection } from './select.ts';
import { RevertTotals, type PlanTotals } from './totals.ts';

/** A transaction's time and its arrival differ: this much, if its clock was ahead of ours. */
const CLOCKS_DIFFER_MS = 3_600_000;
/** Work of one turn of the event loop. */
const SLICE_MS = 4;
const ROWS_BETWEEN_LOOKS = 64;
const LONGEST_BATCH = 256;
/** Records without a chain wait for one another: their entries are looked for all at once. */
const MOST_STRAYS = 50_000;
const MOST_ROUNDS = 32;
const MOST_CASCADED = 10_000;

export interface PlanningOptions {
	readonly pause: Pause;
	readonly clock: Pick<Clock, 'monotonic'>;
	/** Called once in each slice. */
	readonly onProgress?: (progress: PlanProgress) => void;
	/** How far a transaction may be ahead of its arrival. */
	readonly clocksDifferMs?: number;
	/** Whether to go on; asked once in each slice. */
	readonly signal?: AbortSignal | undefined;
}

export interface PlanProgress {
	/** Rows of the log that were looked at. */
	readonly scanned: number;
	readonly records: number;
}

/**
 * Plans a revert, record by record, in memory that does not grow with the plan. Each record comes once, the one whose
 * selected change is the newest first. The totals are there when the last one has come.
 */
export class RevertPlanning {
	readonly #log: AuditLog;
	readonly #policy: Policy;
	readonly #ids: Selection['ids'];
	readonly #selector: Selector;
	readonly #totals = new RevertTotals();
	readonly #slice: Slice;
	readonly #clocksDifferMs: number;
	#tables: ReadonlyMap<number, LoggedTable> = new Map();
	#scanned = 0;

	constructor(log: AuditLog, selection: Selection, policy: Policy, options: PlanningOptions) {
		this.#log = log;
		this.#policy = policy;
		this.#ids = selection.ids;
		this.#clocksDifferMs = options.clocksDifferMs ?? CLOCKS_DIFFER_MS;
		log.refresh();
		this.#selector = new Selector(selection, log);
		this.#slice = new Slice(log, options, () => options.onProgress?.(this.progress));
	}

	get totals(): PlanTotals {
		return this.#totals.read();
	}

	get progress(): PlanProgress {
		return { scanned: this.#scanned, records: this.#totals.read().records };
	}

	async *records(): AsyncGenerator<RecordPlan, void, undefined> {
		this.#log.refresh();
		this.#tables = new Map(this.#log.tables().map((table) => [table.tableId, table]));
		if (this.#policy === 'cascade') await this.#cascade();
		for await (const { plan } of this.#verdicts()) {
			this.#totals.add(plan);
			yield plan;
		}
		this.#totals.isAborted = this.#policy === 'abort' && this.#totals.hasConflicts;
		this.#notePurged();
		this.#noteUnlogged();
	}

	/** Selects what stands in the way, and what stands in the way of that, until nothing does. */
	async #cascade(): Promise<void> {
		const cascaded = new Set<number>();
		for (let round = 0; round < MOST_ROUNDS; round++) {
			const before = cascaded.size;
			for await (const { overwriting } of this.#verdicts()) {
				for (const { version } of overwriting) cascaded.add(version);
				if (cascaded.size > MOST_CASCADED) throw tooMuch(`more than ${MOST_CASCADED} transactions`);
			}
			this.#totals.cascadedTransactions = cascaded.size;
			if (cascaded.size === before) return;
			this.#selector.add(cascaded);
		}
		throw tooMuch(`more than ${MOST_ROUNDS} rounds`);
	}

	async *#verdicts(): AsyncGenerator<RecordVerdict, void, undefined> {
		const strays = new Strays();
		this.#totals.superseded = 0;
		this.#totals.unreadable = 0;
		if (this.#ids !== undefined && !this.#selector.hasWhole) yield* this.#named(this.#ids, strays);
		else yield* this.#found(strays);
		yield* this.#gathered(strays);
	}

	/** The records that are named, without looking for them. */
	async *#named(names: NonNullable<Selection['ids']>, strays: Strays): AsyncGenerator<RecordVerdict, void, undefined> {
		const numbers = new Map(Array.from(this.#tables.values(), ({ name, tableId }) => [name, tableId]));
		const done = new Set<string>();
		for (const { table, id } of names) {
			const tableId = numbers.get(table);
			const bytes = keyBytes(id);
			const name = `${tableId}/${latinOf(bytes)}`;
			if (tableId === undefined || done.has(name)) continue;
			done.add(name);
			const { facts } = await this.#factsOf(tableId, id);
			if (facts.log.changes.length === 0 || isChainless(this.#log, id)) {
				strays.add(tableId, id, bytes);
				continue;
			}
			const verdict = await this.#judged(facts);
			if (verdict !== undefined) yield verdict;
		}
	}

	/** The records of which the log has a selected entry. */
	async *#found(strays: Strays): AsyncGenerator<RecordVerdict, void, undefined> {
		const done = new DoneRecords((localTime, tableId, id) => this.#isOfRecord(localTime, tableId, id));
		const from = Math.max(0, this.#selector.oldest - this.#clocksDifferMs);
		let newest: number | undefined;
		for (let to = Infinity; ;) {
			await this.#slice.next();
			const batch: Entry[] = [];
			const last = this.#readBatch(from, to, batch);
			for (const entry of batch) {
				newest ??= entry.localTime;
				const verdict = await this.#met(entry, newest, done, strays);
				if (verdict !== undefined) yield verdict;
				if (strays.isFull) yield* this.#gathered(strays);
			}
			if (last === undefined) return;
			to = last;
		}
	}

	/** Reads selected entries until it is time to pause; answers where it stopped, unless that was the end. */
	#readBatch(from: number, to: number, batch: Entry[]): number | undefined {
		let looks = 0;
		for (const { localTime, bytes } of this.#log.rows({ from, to, newestFirst: true })) {
			if (localTime === to) continue;
			this.#scanned++;
			this.#readEntry(localTime, bytes, batch);
			if (batch.length >= LONGEST_BATCH) return localTime;
			if (++looks % ROWS_BETWEEN_LOOKS === 0 && this.#slice.isOver) return localTime;
		}
		return undefined;
	}

	#readEntry(localTime: number, bytes: Uint8Array, batch: Entry[]): void {
		try {
			const entry = decodeEntry(bytes);
			if (!this.#selector.matchesHeader(bytes, entry)) return;
			const { start, end } = entry.recordId;
			batch.push({ localTime, tableId: entry.tableId, id: Uint8Array.from(bytes.subarray(start, end)) });
		} catch (error) {
			if (!(error instanceof RangeError)) throw error;
			this.#totals.unreadable++;
		}
	}

	/** The verdict on a record at its newest selected entry; undefined at the others. */
	async #met(entry: Entry, newest: number, done: DoneRecords, strays: Strays): Promise<RecordVerdict | undefined> {
		const { localTime, tableId, id } = entry;
		if (done.has(tableId, id)) return undefined;
		const key = readKey(id, 0, id.length);
		const table = this.#tables.get(tableId);
		if (table === undefined || table.isCaching || !table.isAudited) {
			done.add(tableId, id, localTime);
			return this.#judged(this.#factsOfEntry(entry, table, key));
		}
		if (isChainless(this.#log, key)) {
			done.add(tableId, id, localTime);
			strays.add(tableId, key, id);
			return undefined;
		}
		const { facts, isMet, isPassed, selected, newestSelected } = await this.#factsOf(tableId, key, localTime, newest);
		// What a chain passes over had been superseded; what it does not reach may have been.
		if (!isMet && !isPassed) {
			done.add(tableId, id, localTime);
			strays.add(tableId, key, id);
			return undefined;
		}
		// Where this is the only one, there will be no other that asks.
		if (!isMet || selected !== 1 || this.#selector.hasFields) done.add(tableId, id, localTime);
		if (selected === 0 && !isMet) this.#totals.superseded++;
		return newestSelected > localTime ? undefined : this.#judged(facts);
	}

	async #judged(facts: RecordFacts): Promise<RecordVerdict | undefined> {
		const judging = judgingRecord(facts, this.#selector, this.#policy);
		for (;;) {
			const step = judging.next();
			if (step.done === true) return step.value;
			if (this.#slice.isOver) await this.#slice.next();
		}
	}

	/** What the log and the table say of a record, by its chain; and where an entry is in that. */
	async #factsOf(tableId: number, id: Key, localTime = Infinity, newest = Infinity): Promise<Followed> {
		if (this.#slice.isOver) await this.#slice.next();
		const live = this.#log.live(tableId, id);
		const chain: Change[] = [];
		const seen = { isMet: false, isPassed: false, selected: 0, newestSelected: 0 };
		const rows = chainFrom(this.#log, live?.localTime);
		let step = rows.next();
		for (; step.done !== true; step = rows.next()) {
			const change = readWhatCanBe(this.#log, step.value);
			if (this.#isSettledBy(chain, change)) break;
			chain.push(change);
			if (change.localTime === localTime) seen.isMet = true;
			else if (change.localTime < localTime) seen.isPassed = true;
			if (change.localTime <= newest && this.#selector.of(change) !== undefined) {
				seen.selected++;
				seen.newestSelected = Math.max(seen.newestSelected, change.localTime);
			}
			if (this.#slice.isOver) await this.#slice.next();
		}
		const log = { changes: inEffect(chain.toReversed()), beginsWithCreation: step.done === true && step.value };
		return { facts: this.#facts(tableId, id, log, live), ...seen };
	}

	/**
	 * Whether the oldest of a chain leaves nothing of what was before it, and nothing before it can be selected. One that
	 * came late leaves something; of one transaction the last write alone counts.
	 */
	#isSettledBy(chain: readonly Change[], before: Change): boolean {
		const [oldest, after] = [chain.at(-1), chain.at(-2)];
		if (oldest === undefined || (oldest.action !== 'put' && oldest.action !== 'delete')) return false;
		if (oldest.localTime >= this.#selector.oldest - this.#clocksDifferMs) return false;
		return before.version < oldest.version && after?.version !== oldest.version;
	}

	#facts(tableId: number, id: Key, log: RecordLog, live: RecordFacts['live']): RecordFacts {
		return { table: this.#tables.get(tableId), tableId, id, log, live };
	}

	/** What one entry says, of a record that cannot be put back anyway. */
	#factsOfEntry({ localTime, tableId }: Entry, table: LoggedTable | undefined, id: Key): RecordFacts {
		const bytes = this.#log.row(localTime);
		const changes = bytes === undefined ? [] : [readWhatCanBe(this.#log, { localTime, bytes })];
		const live = table === undefined ? undefined : this.#log.live(tableId, id);
		return { table, tableId, id, log: { changes, beginsWithCreation: false }, live };
	}

	/** The records to which no chain leads, by all entries that the log has of them. */
	async *#gathered(strays: Strays): AsyncGenerator<RecordVerdict, void, undefined> {
		const records = strays.take();
		if (records.size === 0) return;
		for (let from = 0; ;) {
			await this.#slice.next();
			const last = this.#gatherSlice(records, from);
			if (last === undefined) break;
			from = last;
		}
		for (const { tableId, id, places } of records.values()) {
			if (this.#slice.isOver) await this.#slice.next();
			const facts = this.#facts(
				tableId,
				id,
				await this.#logOf(places, isChainless(this.#log, id)),
				this.#log.live(tableId, id)
			);
			const verdict = await this.#judged(facts);
			if (verdict === undefined) this.#totals.superseded++;
			else yield verdict;
		}
	}

	/** Notes where entries of the records stand; answers where it stopped, unless that was the end. */
	#gatherSlice(records: ReadonlyMap<string, Stray>, from: number): number | undefined {
		let looks = 0;
		for (const { localTime, bytes } of this.#log.rows({ from, to: Infinity, newestFirst: false })) {
			if (localTime === from) continue;
			this.#scanned++;
			placeOf(bytes, records)?.push(localTime);
			if (++looks % ROWS_BETWEEN_LOOKS === 0 && this.#slice.isOver) return localTime;
		}
		return undefined;
	}

	/** Entries in the order of their arrival, without those that were superseded then. */
	async #logOf(places: readonly number[], isWayless: boolean): Promise<RecordLog> {
		const changes: Change[] = [];
		let settled = -Infinity;
		for (const localTime of places) {
			const bytes = this.#log.row(localTime);
			if (bytes === undefined) continue;
			const change = readWhatCanBe(this.#log, { localTime, bytes });
			const { action, version } = change;
			if (action !== 'message' && version < settled) continue;
			if (action === 'put' || action === 'delete') settled = version;
			changes.push(change);
			if (this.#slice.isOver) await this.#slice.next();
		}
		// Where no entry names the one before it, what retention has removed may have been before the first.
		const mayBeCutOff = isWayless && this.#log.removedUntil() !== undefined;
		return { changes: inEffect(changes), beginsWithCreation: isFirst(changes[0]) && !mayBeCutOff };
	}

	#isOfRecord(localTime: number, tableId: number, id: Uint8Array): boolean {
		const bytes = this.#log.row(localTime);
		// Removed since: of two records one would have to be of the same hash and be removed just then.
		if (bytes === undefined) return true;
		const entry = decodeEntry(bytes);
		const { start, end } = entry.recordId;
		return entry.tableId === tableId && compareBytes(bytes, start, end, id, 0, id.length) === 0;
	}

	#notePurged(): void {
		const purgedUntil = this.#log.removedUntil();
		if (purgedUntil !== undefined && purgedUntil >= this.#selector.oldest - this.#clocksDifferMs) {
			this.#totals.purgedUntil = purgedUntil;
		}
	}

	#noteUnlogged(): void {
		const unlogged = Array.from(this.#tables.values()).filter(({ isAudited }) => !isAudited);
		this.#totals.unlogged = unlogged.filter(({ tableId }) => this.#selector.means(tableId)).map(({ name }) => name);
	}
}

/** A record by its chain, seen from an entry. */
interface Followed {
	readonly facts: RecordFacts;
	readonly isMet: boolean;
	/** Whether the chain goes further back. */
	readonly isPassed: boolean;
	readonly selected: number;
	readonly newestSelected: number;
}

/** A selected entry. */
interface Entry {
	readonly localTime: number;
	readonly tableId: number;
	readonly id: Uint8Array;
}

/** So much work as the event loop can wait for. */
class Slice {
	readonly #log: AuditLog;
	readonly #options: PlanningOptions;
	readonly #onPause: () => void;
	#began: number;

	constructor(log: AuditLog, options: PlanningOptions, onPause: () => void) {
		this.#log = log;
		this.#options = options;
		this.#onPause = onPause;
		this.#began = options.clock.monotonic();
	}

	get isOver(): boolean {
		return this.#options.clock.monotonic() - this.#began >= SLICE_MS;
	}

	/** Pauses if it is over. What is read from then on is as it is then. */
	async next(): Promise<void> {
		if (!this.isOver) return;
		this.#options.signal?.throwIfAborted();
		this.#onPause();
		await this.#options.pause();
		this.#log.refresh();
		this.#began = this.#options.clock.monotonic();
	}
}

interface Stray {
	readonly tableId: number;
	readonly id: Key;
	readonly places: number[];
}

/** Records to which no chain leads: they have been evicted, or Harper did not say where their newest entry stands. */
class Strays {
	#records = new Map<string, Stray>();

	get isFull(): boolean {
		return this.#records.size >= MOST_STRAYS;
	}

	add(tableId: number, id: Key, bytes: Uint8Array): void {
		this.#records.set(nameOf(tableId, bytes, 0, bytes.length), { tableId, id, places: [] });
	}

	take(): ReadonlyMap<string, Stray> {
		const records = this.#records;
		this.#records = new Map();
		return records;
	}
}

function placeOf(bytes: Uint8Array, records: ReadonlyMap<string, Stray>): number[] | undefined {
	try {
		const { tableId, recordId } = decodeEntry(bytes);
		return records.get(nameOf(tableId, bytes, recordId.start, recordId.end))?.places;
	} catch (error) {
		if (error instanceof RangeError) return undefined;
		throw error;
	}
}

function nameOf(tableId: number, bytes: Uint8Array, start: number, end: number): string {
	return `${tableId}/${latinOf(bytes.subarray(start, end))}`;
}

/** As a text that stands for the bytes. */
function latinOf(bytes: Uint8Array): string {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function isFirst(change: Change | undefined): boolean {
	return change !== undefined && change.previousLocalTime === undefined;
}

function tooMuch(what: string): CustodianError {
	return new CustodianError('cascade_too_large', 'revert', `To take back what stands in the way would take ${what}.`, {
		hint: 'Restrict the selection, or use the policy merge and look at its conflicts.',
	});
}
