import type { Key } from '../record/key.ts';
import type { AuditEntry } from './entry.ts';

/**
 * The audit log of one database, and the records that it is about. All of it is read at once, without waiting, and shows
 * what was committed when `refresh` was called last. Who reads much of it pauses now and then, and refreshes after it:
 * what is read between two turns of the event loop is one moment.
 */
export interface AuditLog {
	readonly database: string;
	/** Whether entries name the one before them of their record. Harper's do not where `storage.caching` is false. */
	readonly namesPrevious: boolean;
	/** The tables of the database as they are now, those without a log included. */
	tables(): readonly LoggedTable[];
	/** Lets the next reading see what was committed before it. */
	refresh(): void;
	/** The rows of a span in the order of their arrival, or against it. Reading may stop anywhere. */
	rows(span: LogSpan): Iterable<LogRow>;
	/** The row that arrived at this moment; undefined where it has been removed, or never was. */
	row(localTime: number): Uint8Array | undefined;
	/**
	 * What an entry holds of a record, attribute by attribute; undefined where it holds nothing, or where its table is
	 * gone. Values are those that `lib/record/decoder.ts` reads; a blob is a `BlobReference`. Throws a `RangeError` on
	 * bytes that are none.
	 */
	valuesOf(bytes: Uint8Array, entry: AuditEntry): Readonly<Record<string, unknown>> | undefined;
	/** What the table holds of a record now; undefined where it holds nothing at all, not even that it was deleted. */
	live(tableId: number, id: Key): LiveRecord | undefined;
	/** When the newest row that Harper removed had arrived; undefined where it has removed none. */
	removedUntil(): number | undefined;
	/** The name of a node of the cluster by the number that it has here; undefined for one that is not known. */
	nodeName(nodeId: number): string | undefined;
}

export interface LoggedTable {
	readonly name: string;
	readonly tableId: number;
	/** Whether its changes are logged. */
	readonly isAudited: boolean;
	/** Whether it caches what lies elsewhere: what it forgets and fetches anew is in no log. */
	readonly isCaching: boolean;
	readonly primaryKey: string;
	/** The type of the primary key in the schema, as `Int` or `ID`; undefined where it has none. */
	readonly primaryKeyType: string | undefined;
	/** The attributes that Harper sets by itself at each write, and at the first one. */
	readonly updatedTime: string | undefined;
	readonly createdTime: string | undefined;
}

/** Both bounds count as within. */
export interface LogSpan {
	readonly from: number;
	readonly to: number;
	readonly newestFirst: boolean;
}

/** One row of the log. Its bytes are good until the next row is asked for. */
export interface LogRow {
	/** When it arrived here: its key, in milliseconds with fractions, unlike that of every other row. */
	readonly localTime: number;
	readonly bytes: Uint8Array;
}

export interface LiveRecord {
	readonly version: number;
	/** Where the entry that made it what it is stands in the log; undefined where Harper did not say. */
	readonly localTime: number | undefined;
	/** `null` where the record was deleted. */
	readonly values: Readonly<Record<string, unknown>> | null;
	/** Whether it waits to be fetched anew: then it has its indexed attributes only. */
	readonly isInvalidated: boolean;
	readonly expiresAt: number | undefined;
}

/** The audit logs of an instance. */
export interface AuditLogs {
	/** Names of the databases of which at least one table is logged. */
	databases(): readonly string[];
	/** Undefined for a database that there is not, or that logs nothing. */
	open(database: string): AuditLog | undefined;
}
