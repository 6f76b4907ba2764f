import type { Pause } from '../pause.ts';
import type { Clock } from '../time.ts';
import { chainFrom, changeOf, previousOf, type Change } from './change.ts';
import type { Order } from './cursor.ts';
import { lookForEarlier } from './earlier-life.ts';
import { decodeEntry, type AuditEntry } from './entry.ts';
import type { EntryFilter } from './filter.ts';
import type { AuditLog, LogRow } from './log.ts';
import { Matcher } from './match.ts';
import type { Scope, ScopedTable } from './scope.ts';

export interface ScanPorts {
	readonly pause: Pause;
	readonly clock: Pick<Clock, 'monotonic'>;
}

export interface ScanQuery {
	readonly log: AuditLog;
	readonly scope: Scope;
	readonly filter: EntryFilter;
	readonly order: Order;
	/** Both bounds count as within. */
	readonly from: number;
	readonly to: number;
	/** The row behind which to begin. */
	readonly after: number | undefined;
	/** How many entries are wanted. */
	readonly limit: number;
	/** Whether values are wanted; without them a scan takes half the time. */
	readonly withValues: boolean;
}

export interface Found {
	readonly change: Change;
	/** Undefined where the table is gone. */
	readonly table: ScopedTable | undefined;
	/** Its values stand there, and cannot be read. */
	readonly isUnreadable: boolean;
	/** The row that it names as the one before it is not there. */
	readonly lacksPrevious: boolean;
}

/** What was found in one turn of the event loop. */
export interface Slice {
	readonly found: readonly Found[];
	/** The row that was looked at last; undefined where there was none. */
	readonly at: number | undefined;
	readonly rows: number;
	/** Rows that are no entries. */
	readonly damaged: number;
	/** Whether the whole span has been looked at. */
	readonly isEnd: boolean;
}

const SLICE_MS = 4;
const ROWS_BETWEEN_LOOKS = 32;
/** Whoever takes the entries of a slice works on them in the same turn. */
const MOST_FOUND = 250;
/** A row of this size may take as long as many. */
const LARGE_BYTES = 65_536;

/** Reads the log in slices, and pauses between them. It ends with the span, or when enough was found. */
export async function* scan(query: ScanQuery, { pause, clock }: ScanPorts): AsyncGenerator<Slice> {
	const { log, order, limit } = query;
	const newestFirst = order === 'newest';
	const reader = new RowReader(query);
	let { after } = query;
	for (let found = 0; ;) {
		log.refresh();
		reader.look();
		const from = newestFirst ? query.from : Math.max(query.from, after ?? 0);
		const to = newestFirst ? Math.min(query.to, after ?? Infinity) : query.to;
		const rows = rowsBehind(log.rows({ from, to, newestFirst }), after);
		const slice = sliceOf(rows, reader, limit - found, clock);
		// What holds a cursor of the store is not kept over a pause.
		rows.return(undefined);
		found += slice.found.length;
		after = slice.at ?? after;
		yield slice;
		if (slice.isEnd || found >= limit) return;
		await pause();
	}
}

/**
 * Follows one record from its newest entry back, in slices; those that never had an effect are not on that way. In the
 * end it says whether the way led to the beginning of the record, or of the span.
 */
export async function* follow(query: ScanQuery, newest: number, ports: ScanPorts): AsyncGenerator<Slice, boolean> {
	const { log, order, limit, after } = query;
	const way = new Way(query, newest);
	const reader = new RowReader(query);
	log.refresh();
	reader.look();
	const rows = order === 'newest' ? way.back() : backwards(log, await timesOf(way, ports));
	const wanted = rowsBeyond(rows, after, order);
	for (let found = 0; ;) {
		const slice = sliceOf(wanted, reader, limit - found, ports.clock);
		found += slice.found.length;
		yield slice;
		if (slice.isEnd || found >= limit) return way.isWhole && (await isBeginning(query, way.beginning, ports));
		await ports.pause();
		log.refresh();
	}
}

/** The rows of a record within a span, and whether all of them were found. */
class Way {
	/** Until the way has been gone to its end, nothing is known to be missing. */
	isWhole = true;
	/** The entry that names none before it, once that has been reached. */
	beginning: number | undefined;
	readonly #query: ScanQuery;
	readonly #newest: number;

	constructor(query: ScanQuery, newest: number) {
		this.#query = query;
		this.#newest = newest;
	}

	*back(): Generator<LogRow> {
		const { log, from, to } = this.#query;
		const chain = chainFrom(log, this.#newest);
		let last: number | undefined;
		for (;;) {
			const { done, value } = chain.next();
			if (done === true) {
				this.isWhole = value;
				if (value) this.beginning = last;
				return;
			}
			last = value.localTime;
			if (value.localTime < from) return;
			if (value.localTime <= to) yield value;
		}
	}
}

/** Whether there is nothing within the span to which the record does not lead. */
async function isBeginning({ log, from }: ScanQuery, first: number | undefined, ports: ScanPorts): Promise<boolean> {
	return first === undefined || (await lookForEarlier(log, first, ports, from)) === 'none';
}

/** Where the rows of a way stand, the newest one first: a number each, however long it is. */
async function timesOf(way: Way, { pause, clock }: ScanPorts): Promise<readonly number[]> {
	const times: number[] = [];
	let startedAt = clock.monotonic();
	for (const { localTime } of way.back()) {
		times.push(localTime);
		if (times.length % ROWS_BETWEEN_LOOKS !== 0 || clock.monotonic() - startedAt < SLICE_MS) continue;
		await pause();
		startedAt = clock.monotonic();
	}
	return times;
}

function* backwards(log: AuditLog, times: readonly number[]): Generator<LogRow> {
	for (let i = times.length - 1; i >= 0; i--) {
		const bytes = log.row(times[i]!);
		if (bytes !== undefined) yield { localTime: times[i]!, bytes };
	}
}

function* rowsBehind(rows: Iterable<LogRow>, after: number | undefined): Generator<LogRow> {
	for (const row of rows) if (row.localTime !== after) yield row;
}

function* rowsBeyond(rows: Iterable<LogRow>, after: number | undefined, order: Order): Generator<LogRow> {
	for (const row of rows) {
		const isBeyond = after === undefined || (order === 'newest' ? row.localTime < after : row.localTime > after);
		if (isBeyond) yield row;
	}
}

function sliceOf(rows: Iterator<LogRow>, reader: RowReader, wanted: number, clock: ScanPorts['clock']): Slice {
	const startedAt = clock.monotonic();
	const found: Found[] = [];
	let [count, damaged] = [0, 0];
	let at: number | undefined;
	for (;;) {
		const next = rows.next();
		if (next.done === true) return { found, at, rows: count, damaged, isEnd: true };
		const row = next.value;
		at = row.localTime;
		count++;
		const outcome = reader.read(row);
		if (outcome === 'damaged') damaged++;
		else if (outcome !== undefined) found.push(outcome);
		const isLook = count % ROWS_BETWEEN_LOOKS === 0 || row.bytes.length > LARGE_BYTES;
		const isOver = isLook && clock.monotonic() - startedAt > SLICE_MS;
		if (isOver || found.length >= Math.min(wanted, MOST_FOUND))
			return { found, at, rows: count, damaged, isEnd: false };
	}
}

/** Of so many entries it is looked whether the one before them is there. */
const CHECKED = 1000;

class RowReader {
	readonly #query: ScanQuery;
	readonly #matcher: Matcher;
	#removedUntil = 0;
	#firstRow = 0;
	#checked = 0;

	constructor(query: ScanQuery) {
		this.#query = query;
		this.#matcher = new Matcher(query.log, query.filter, query.scope);
	}

	/** Looks where the log begins now. */
	look(): void {
		const { log } = this.#query;
		this.#removedUntil = log.removedUntil() ?? 0;
		this.#firstRow = firstRowOf(log) ?? Infinity;
	}

	/** Undefined where it is not wanted. */
	read({ localTime, bytes }: LogRow): Found | 'damaged' | undefined {
		try {
			const entry = decodeEntry(bytes);
			return this.#matcher.wantsEntry(bytes, entry) ? this.#found(localTime, bytes, entry) : undefined;
		} catch (error) {
			if (error instanceof RangeError) return 'damaged';
			throw error;
		}
	}

	#found(localTime: number, bytes: Uint8Array, entry: AuditEntry): Found | undefined {
		const { scope, withValues } = this.#query;
		const table = scope.tables.get(entry.tableId);
		const values = withValues || this.#matcher.needsValues ? this.#valuesOf(bytes, entry) : undefined;
		const isUnreadable = values === 'unreadable';
		const read = isUnreadable ? undefined : values;
		if (!this.#matcher.wantsValues(bytes, entry, read, table)) return undefined;
		const lacksPrevious = this.#lacksPrevious(entry);
		return { change: changeOf(localTime, bytes, entry, read), table, isUnreadable, lacksPrevious };
	}

	#valuesOf(bytes: Uint8Array, entry: AuditEntry): Change['values'] | 'unreadable' {
		try {
			return this.#query.log.valuesOf(bytes, entry);
		} catch (error) {
			if (error instanceof RangeError) return 'unreadable';
			throw error;
		}
	}

	#lacksPrevious(entry: AuditEntry): boolean {
		const previous = previousOf(entry);
		if (previous === undefined || previous <= this.#removedUntil) return false;
		if (previous < this.#firstRow) return true;
		return this.#checked++ < CHECKED && this.#query.log.row(previous) === undefined;
	}
}

/** Where the log begins; undefined where it is empty. */
export function firstRowOf(log: AuditLog): number | undefined {
	for (const { localTime } of log.rows({ from: 0, to: Infinity, newestFirst: false })) return localTime;
	return undefined;
}
