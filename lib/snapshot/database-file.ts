import type { BlobReference } from '../record/blob.ts';
import type { Row } from '../record/shape.ts';

/**
 * A database as a file holds it, closed to writers. Whatever it reads it checks, and it throws a `CustodianError` with
 * the code `snapshot_damaged` where the file contradicts itself. Each cursor may be walked once.
 */
export interface DatabaseFile {
	readonly sizeBytes: number;
	/** Bytes fetched so far. */
	readonly bytesRead: number;
	/** Sorted by name. */
	readonly tables: readonly TableInFile[];
	readonly audit: AuditInFile | undefined;
	/** Trees that belong to no table known here; only their entries are read. */
	readonly others: readonly OtherTree[];
	/** To be called when all was walked: throws where pages are left that belong to nothing. */
	checkComplete(): void;
	close(): void;
}

export interface TableInFile {
	readonly name: string;
	readonly tableId: number | undefined;
	readonly primaryKey: string;
	/** As Harper keeps it. */
	readonly definition: Readonly<Record<string, unknown>>;
	readonly attributes: readonly AttributeInFile[];
	readonly indexes: readonly IndexInFile[];
	rows(): RowCursor;
	/** Reads what an audit entry of this table holds. Throws a `RangeError` where it cannot. */
	readValue(bytes: Uint8Array, start: number, end: number): unknown;
	/** The same, when only its blobs are wanted: they are good until the next call. */
	blobsOf(bytes: Uint8Array, start: number, end: number): readonly BlobReference[];
}

export interface AttributeInFile {
	readonly name: string;
	readonly definition: Readonly<Record<string, unknown>>;
}

export interface IndexInFile {
	readonly attribute: string;
	/** Whether null has an entry. */
	readonly indexNulls: boolean;
	/**
	 * `plain`: an entry for each value of each record. `building`: Harper has not finished it. `computed`: its values are
	 * in no record. `custom`: of a kind that has its own structure.
	 */
	readonly kind: 'plain' | 'building' | 'computed' | 'custom';
	entries(): EntryCursor;
}

export interface OtherTree {
	readonly name: string;
	entries(): EntryCursor;
}

/** Stands on one entry after the other; what it shows is good until the next step. */
export interface EntryCursor {
	next(): boolean;
	readonly keyBytes: Uint8Array;
	readonly keyStart: number;
	readonly keyEnd: number;
	readonly valueBytes: Uint8Array;
	readonly valueStart: number;
	readonly valueEnd: number;
	/** The key is the one of the entry before. */
	readonly sameKey: boolean;
}

export interface RowCursor {
	next(): boolean;
	readonly keyBytes: Uint8Array;
	readonly keyStart: number;
	readonly keyEnd: number;
	/** `undefined` is a tombstone. */
	readonly row: Row | undefined;
	readonly version: number;
	readonly expiresAt: number | undefined;
	readonly blobs: readonly BlobReference[];
}

export interface AuditInFile {
	/** The local time up to which Harper has removed entries. */
	readonly lastRemoved: number | undefined;
	entries(): AuditCursor;
}

export interface AuditCursor {
	next(): boolean;
	/** When the entry was written: its key. */
	readonly localTime: number;
	readonly bytes: Uint8Array;
	readonly start: number;
	readonly end: number;
}
