import type { AuditEntry } from '../../audit/entry.ts';
import type { AuditLog, AuditLogs, LiveRecord, LoggedTable, LogRow, LogSpan } from '../../audit/log.ts';
import { RecordDecoder } from '../../record/decoder.ts';
import { LONGEST_ID_BYTES, writeKey, type Key } from '../../record/key.ts';
import { isPlain } from '../../record/equal.ts';
import { StoredHeader } from '../../record/stored-header.ts';
import { parseStructures } from '../../record/structures.ts';
import { configSection } from './in-process.ts';
import { harperHost, type Store, type TableClass } from './host.ts';
import { listDatabases, type Database } from './stores.ts';

/** Harper's audit logs, read at the stores themselves: its own history is wrong for patches, see docs/harper.md. */
export function harperAuditLogs(): AuditLogs {
	const readers = new WeakMap<TableClass, TableReader>();
	return {
		databases: () => listDatabases().flatMap((database) => (isLogged(database) ? [database.name] : [])),
		open(name) {
			const database = listDatabases().find((candidate) => candidate.name === name);
			if (database?.auditStore === undefined || !isLogged(database)) return undefined;
			return new HarperAuditLog(database, database.auditStore, readers);
		},
	};
}

function isLogged({ auditStore, tables }: Database): boolean {
	return auditStore !== undefined && tables.some(([, { audit }]) => audit);
}

/** Keys that are times stand between symbols and everything else. */
const FIRST = 1;
/** Where Harper begins, when it has removed nothing. */
const NEVER = 1;
const LAST_REMOVED = Symbol.for('last-removed');

class HarperAuditLog implements AuditLog {
	readonly database: string;
	readonly namesPrevious = configSection('storage')['caching'] !== false;
	readonly #store: Store;
	readonly #readers: WeakMap<TableClass, TableReader>;
	#tables: ReadonlyMap<number, TableClass>;
	#nodes: ReadonlyMap<number, string> | undefined;

	constructor(database: Database, store: Store, readers: WeakMap<TableClass, TableReader>) {
		this.database = database.name;
		this.#store = store;
		this.#readers = readers;
		this.#tables = byId(database);
	}

	tables(): readonly LoggedTable[] {
		return this.#find()?.tables.map(([name, table]) => loggedTable(name, table)) ?? [];
	}

	refresh(): void {
		// One for all stores of the database.
		this.#store.resetReadTxn();
		const database = this.#find();
		if (database !== undefined) this.#tables = byId(database);
	}

	*rows({ from, to, newestFirst }: LogSpan): Iterable<LogRow> {
		const first = Math.max(from, FIRST);
		if (!(first <= to)) return;
		const range = newestFirst ? { start: to, end: first, reverse: true } : { start: first, end: to };
		for (const { key, value } of this.#store.getRange({ ...range, inclusiveEnd: true })) {
			if (typeof key === 'number' && value instanceof Uint8Array) yield { localTime: key, bytes: value };
		}
	}

	row(localTime: number): Uint8Array | undefined {
		return localTime >= FIRST ? this.#store.getBinary(localTime) : undefined;
	}

	valuesOf(bytes: Uint8Array, { value, tableId }: AuditEntry): Readonly<Record<string, unknown>> | undefined {
		return value.start === value.end ? undefined : this.#reader(tableId)?.values(bytes, value.start, value.end);
	}

	live(tableId: number, id: Key): LiveRecord | undefined {
		return isStorable(id) ? this.#reader(tableId)?.live(id) : undefined;
	}

	removedUntil(): number | undefined {
		const bytes = this.#store.getBinary(LAST_REMOVED);
		const at = bytes?.length === 8 ? bytes.readDoubleLE(0) : NEVER;
		return at > NEVER ? at : undefined;
	}

	nodeName(nodeId: number): string | undefined {
		if (nodeId === 0) return harperHost().server.hostname;
		if (this.#nodes?.has(nodeId) !== true) this.#nodes = this.#readNodes();
		return this.#nodes.get(nodeId);
	}

	#find(): Database | undefined {
		return listDatabases().find(({ name }) => name === this.database);
	}

	#readNodes(): ReadonlyMap<number, string> {
		const ids = harperHost().server.replication?.exportIdMapping(this.#store) ?? {};
		return new Map(Object.entries(ids).map(([name, id]) => [id, name]));
	}

	/** Undefined for a table that is gone. */
	#reader(tableId: number): TableReader | undefined {
		const table = this.#tables.get(tableId);
		if (table === undefined) return undefined;
		let reader = this.#readers.get(table);
		if (reader === undefined) {
			reader = new TableReader(table.primaryStore);
			this.#readers.set(table, reader);
		}
		return reader;
	}
}

function byId({ tables }: Database): ReadonlyMap<number, TableClass> {
	return new Map(tables.map(([, table]) => [table.tableId, table]));
}

function loggedTable(name: string, table: TableClass): LoggedTable {
	const { tableId, audit, primaryKey, attributes } = table;
	return {
		name,
		tableId,
		isAudited: audit,
		isCaching: Boolean(table.isCaching) && table.sources.some(({ intermediateSource }) => intermediateSource !== true),
		primaryKey,
		primaryKeyType: attributes.find(({ isPrimaryKey }) => isPrimaryKey)?.type,
		updatedTime: table.updatedTimeProperty?.name,
		createdTime: table.createdTimeProperty?.name,
	};
}

const STRUCTURES = Symbol.for('structures');

/** Reads what one table has written, by the structures that it keeps. They only ever grow. */
class TableReader {
	readonly #store: Store;
	readonly #header = new StoredHeader();
	#stored: Buffer | undefined;
	#decoder = new RecordDecoder();

	constructor(store: Store) {
		this.#store = store;
	}

	values(bytes: Uint8Array, start: number, end: number): Readonly<Record<string, unknown>> | undefined {
		try {
			return this.#read(bytes, start, end);
		} catch (error) {
			// It may need a structure that was added after we read them.
			if (!(error instanceof RangeError) || !this.#reload()) throw error;
			return this.#read(bytes, start, end);
		}
	}

	live(id: Key): LiveRecord | undefined {
		const version = this.#store.getEntry(id)?.version;
		const bytes = version === undefined ? undefined : this.#store.getBinary(id);
		if (version === undefined || bytes === undefined) return undefined;
		const header = this.#header;
		const start = header.read(bytes, 0, bytes.length);
		const { localTime, expiresAt, isPartial } = header;
		const values = this.values(bytes, start, bytes.length) ?? null;
		return { version, localTime, values, isInvalidated: isPartial, expiresAt };
	}

	/** A message may be any value; one that is no object counts as its attribute `value`. */
	#read(bytes: Uint8Array, start: number, end: number): Readonly<Record<string, unknown>> | undefined {
		const value = this.#decoder.readValue(bytes, start, end);
		if (value === null) return undefined;
		return isPlain(value) ? value : { value };
	}

	/** Whether there are other structures than before. */
	#reload(): boolean {
		const stored = this.#store.getBinary(STRUCTURES);
		if (stored === undefined || (this.#stored !== undefined && stored.equals(this.#stored))) return false;
		this.#stored = stored;
		this.#decoder = new RecordDecoder(parseStructures(new RecordDecoder().readValue(stored)));
		return true;
	}
}

/** Of the many values that may be keys, those that LMDB takes, and that stand for a record. */
function isStorable(id: Key): boolean {
	if (typeof id === 'symbol') return false;
	try {
		const size = writeKey(id, keyRoom, 0);
		return size > 0 && size <= LONGEST_ID_BYTES;
	} catch (error) {
		if (error instanceof RangeError) return false;
		throw error;
	}
}

/** Thrice as much, as writing a text wants room for its longest form. */
const keyRoom = Buffer.alloc(3 * LONGEST_ID_BYTES + 16);
