import { decodeEntry } from '../audit/entry.ts';
import { CustodianError } from '../errors.ts';
import type { Pause } from '../pause.ts';
import type { BlobReference } from '../record/blob.ts';
import { ContentHash, type Sha256, VersionsHash } from '../record/content-hash.ts';
import { checkKey } from '../record/key.ts';
import type { AuditContents, BlobCounts, IndexContents, SnapshotContents, TableContents } from './contents.ts';
import type { AuditInFile, DatabaseFile, IndexInFile, OtherTree, TableInFile } from './database-file.ts';
import { IndexCheck } from './index-check.ts';
import { Digest, Multiset } from './multiset.ts';

interface InspectionProgress {
	readonly bytes: number;
	readonly ofBytes: number;
	/** Rows, index entries and audit entries so far. */
	readonly entries: number;
}

export interface InspectionOptions {
	readonly sha256: () => Sha256;
	readonly pause: Pause;
	readonly onProgress?: (progress: InspectionProgress) => void;
	/** Told of every blob in a file that a row or an audit entry refers to, as often as that is. */
	readonly onBlob?: (blob: BlobReference, table: string) => void;
	readonly signal?: AbortSignal;
}

/** How many entries are read between two pauses. */
const STRIDE = 2000;

/**
 * Reads everything: every record, index entry and audit entry is decoded, counted and checked against the others.
 * Rejects with `snapshot_damaged`, naming table and key, where something cannot be read, and with the reason of
 * `signal` when that aborts. An index that differs from the rows is a finding, not an error: the rows are whole.
 */
export async function inspect(file: DatabaseFile, options: InspectionOptions): Promise<SnapshotContents> {
	const walk = new Walk(file, options);
	const tables: TableContents[] = [];
	for (const table of file.tables) tables.push(await inspectTable(table, walk));
	const audit = file.audit === undefined ? undefined : await inspectAudit(file.audit, file.tables, walk);
	const others: { name: string; entries: number }[] = [];
	for (const tree of file.others) others.push({ name: tree.name, entries: await countEntries(tree, walk) });
	file.checkComplete();
	walk.report();
	const counts = [...tables.map(({ blobs }) => blobs), ...(audit === undefined ? [] : [audit.blobs])];
	return { tables, audit, blobs: sumOf(counts), others, entries: walk.entries };
}

async function inspectTable(table: TableInFile, walk: Walk): Promise<TableContents> {
	const { name, tableId, primaryKey, definition, attributes } = table;
	const content = new ContentHash(walk.options.sha256());
	const versions = new VersionsHash(walk.options.sha256());
	const check = new IndexCheck(table.indexes);
	const blobs = new BlobCounter(name, walk.options.onBlob);
	const cursor = table.rows();
	let rows = 0;
	let tombstones = 0;
	let newestVersion: number | undefined;
	while (cursor.next()) {
		if (walk.isPauseDue()) await walk.pause();
		const { row, keyBytes, keyStart, keyEnd, version } = cursor;
		if (newestVersion === undefined || version > newestVersion) newestVersion = version;
		if (row === undefined) {
			tombstones++;
			continue;
		}
		rows++;
		try {
			content.add(keyBytes, keyStart, keyEnd, row);
			versions.add(keyBytes, keyStart, keyEnd, version);
			check.add(cursor, row);
		} catch (error) {
			throw named(error, `table ${name}`, keyBytes, keyStart, keyEnd);
		}
		blobs.count(cursor.blobs);
	}
	const indexes: IndexContents[] = [];
	for (const index of table.indexes) indexes.push(await inspectIndex(table, index, check, walk));
	return {
		name,
		tableId,
		primaryKey,
		rows,
		tombstones,
		contentHash: content.digestHex(),
		versionsHash: versions.digestHex(),
		newestVersion,
		indexes,
		blobs: blobs.counts,
		definition,
		attributes,
	};
}

async function inspectIndex(
	table: TableInFile,
	index: IndexInFile,
	check: IndexCheck,
	walk: Walk
): Promise<IndexContents> {
	const { attribute, kind } = index;
	const expected = check.expectedOf(index);
	const found = new Multiset();
	const key = new Digest();
	const id = new Digest();
	const cursor = index.entries();
	while (cursor.next()) {
		if (walk.isPauseDue()) await walk.pause();
		const { keyBytes, keyStart, keyEnd } = cursor;
		if (!cursor.sameKey) {
			key.set(keyBytes, keyStart, keyEnd);
			try {
				checkKey(keyBytes, keyStart, keyEnd);
			} catch (error) {
				throw named(error, `index ${table.name}.${attribute}`, keyBytes, keyStart, keyEnd);
			}
		}
		id.set(cursor.valueBytes, cursor.valueStart, cursor.valueEnd);
		found.add(key, id);
	}
	const state =
		kind !== 'plain' || expected === undefined ? otherState(kind) : found.equals(expected) ? 'matches' : 'differs';
	return { attribute, entries: found.count, state, expected: expected?.count };
}

function otherState(kind: IndexInFile['kind']): IndexContents['state'] {
	return kind === 'plain' ? 'differs' : kind;
}

async function inspectAudit(audit: AuditInFile, tables: readonly TableInFile[], walk: Walk): Promise<AuditContents> {
	const byId = new Map(
		tables.flatMap((table) => (table.tableId === undefined ? [] : [[table.tableId, table] as const]))
	);
	const blobs = new BlobCounter('', walk.options.onBlob);
	const cursor = audit.entries();
	let entries = 0;
	let orphans = 0;
	let firstKey: number | undefined;
	let lastKey: number | undefined;
	let newestVersion: number | undefined;
	while (cursor.next()) {
		if (walk.isPauseDue()) await walk.pause();
		const { localTime, bytes, start, end } = cursor;
		if (lastKey !== undefined && !(localTime > lastKey)) {
			throw broken(`audit entry ${localTime}`, `it stands behind ${lastKey}`);
		}
		firstKey ??= localTime;
		lastKey = localTime;
		entries++;
		try {
			const entry = decodeEntry(bytes, start, end);
			if (newestVersion === undefined || entry.version > newestVersion) newestVersion = entry.version;
			checkKey(bytes, entry.recordId.start, entry.recordId.end);
			if (entry.user.end > entry.user.start) checkKey(bytes, entry.user.start, entry.user.end);
			const table = byId.get(entry.tableId);
			if (table === undefined) orphans++;
			else if (entry.value.end > entry.value.start) {
				blobs.count(table.blobsOf(bytes, entry.value.start, entry.value.end), table.name);
			} else if (entry.holds !== 'nothing') throw new RangeError('its record is missing');
		} catch (error) {
			throw error instanceof RangeError ? broken(`audit entry ${localTime}`, error.message, error) : error;
		}
	}
	return {
		entries,
		firstKey,
		lastKey,
		newestVersion,
		lastRemoved: audit.lastRemoved,
		orphans,
		blobs: blobs.counts,
	};
}

async function countEntries(tree: OtherTree, walk: Walk): Promise<number> {
	const cursor = tree.entries();
	let entries = 0;
	while (cursor.next()) {
		if (walk.isPauseDue()) await walk.pause();
		entries++;
	}
	return entries;
}

/** Counts what was read, and now and then lets others work, reports, and looks whether to go on. */
class Walk {
	entries = 0;
	readonly options: InspectionOptions;
	readonly #file: DatabaseFile;

	constructor(file: DatabaseFile, options: InspectionOptions) {
		this.#file = file;
		this.options = options;
	}

	isPauseDue(): boolean {
		return ++this.entries % STRIDE === 0;
	}

	async pause(): Promise<void> {
		this.report();
		await this.options.pause();
		this.options.signal?.throwIfAborted();
	}

	report(): void {
		const { bytesRead, sizeBytes } = this.#file;
		this.options.onProgress?.({ bytes: Math.min(bytesRead, sizeBytes), ofBytes: sizeBytes, entries: this.entries });
	}
}

class BlobCounter {
	readonly counts = { files: 0, inline: 0 };
	readonly #table: string;
	readonly #onBlob: InspectionOptions['onBlob'];

	constructor(table: string, onBlob: InspectionOptions['onBlob']) {
		this.#table = table;
		this.#onBlob = onBlob;
	}

	count(blobs: readonly BlobReference[], table = this.#table): void {
		for (const blob of blobs) {
			if (blob.fileId === undefined) this.counts.inline++;
			else {
				this.counts.files++;
				this.#onBlob?.(blob, table);
			}
		}
	}
}

function sumOf(counts: readonly BlobCounts[]): BlobCounts {
	const sum = { files: 0, inline: 0 };
	for (const { files, inline } of counts) {
		sum.files += files;
		sum.inline += inline;
	}
	return sum;
}

/** What our own code throws of bytes that are wrong is a `RangeError`; it becomes one that says where. */
function named(error: unknown, where: string, keyBytes: Uint8Array, start: number, end: number): unknown {
	if (!(error instanceof RangeError)) return error;
	const key = Buffer.from(keyBytes.subarray(start, end)).toString('hex');
	return broken(`${where}, key 0x${key}`, error.message, error);
}

function broken(where: string, what: string, cause?: unknown): CustodianError {
	return new CustodianError('snapshot_damaged', where, `${where}: ${what}.`, { cause });
}
