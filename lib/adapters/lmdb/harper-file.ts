import type { BlobReference } from '../../record/blob.ts';
import { RecordDecoder } from '../../record/decoder.ts';
import { readKey } from '../../record/key.ts';
import type { Row } from '../../record/shape.ts';
import { StoredHeader } from '../../record/stored-header.ts';
import { noStructures, parseStructures, type Structures } from '../../record/structures.ts';
import type {
	AttributeInFile,
	AuditCursor,
	AuditInFile,
	DatabaseFile,
	EntryCursor,
	IndexInFile,
	OtherTree,
	RowCursor,
	TableInFile,
} from '../../snapshot/database-file.ts';
import { compressionOf, Decompressor, type Compression } from './compression.ts';
import { damaged } from './damage.ts';
import { Environment } from './environment.ts';
import type { TreeCursor } from './tree-cursor.ts';

const DEFINITIONS = '__dbis__';
const AUDIT = '__txns__';

/** Keys that are symbols come first in every store, and hold what is no row. */
const SYMBOL_KEY = 2;
const STRUCTURES = Symbol.for('structures');
const LAST_REMOVED = Symbol.for('last-removed');

type Definition = Readonly<Record<string, unknown>>;

/**
 * Opens a database of Harper 4.7 without Harper and without mapping it, and reads its list of tables. Rejects with
 * `snapshot_unreadable` or `snapshot_damaged`.
 */
export async function openDatabaseFile(path: string): Promise<DatabaseFile> {
	const environment = Environment.open(path);
	try {
		return harperFile(environment);
	} catch (error) {
		environment.close();
		throw error;
	}
}

function harperFile(environment: Environment): DatabaseFile {
	const definitions = readDefinitions(environment);
	const tables: TableInFile[] = [];
	const known = new Set([DEFINITIONS, AUDIT]);
	for (const [name, attributes] of byTable(definitions)) {
		const table = tableInFile(environment, name, attributes);
		if (table === undefined) continue;
		tables.push(table);
		known.add(`${name}/`);
		for (const { attribute } of table.indexes) known.add(`${name}/${attribute}`);
	}
	const others = [...environment.trees.keys()].filter((name) => !known.has(name));
	return {
		sizeBytes: environment.sizeBytes,
		get bytesRead() {
			return environment.bytesRead;
		},
		tables: tables.sort((a, b) => (a.name < b.name ? -1 : 1)),
		audit: environment.trees.has(AUDIT) ? auditInFile(environment) : undefined,
		others: others.map((name): OtherTree => ({ name, entries: () => new RawCursor(environment.walk(name)) })),
		checkComplete: () => environment.checkComplete(),
		close: () => environment.close(),
	};
}

/** What Harper says of each table and attribute, by the name of its store. */
function readDefinitions(environment: Environment): ReadonlyMap<string, Definition> {
	const definitions = new Map<string, Definition>();
	if (!environment.trees.has(DEFINITIONS)) return definitions;
	const decoder = new RecordDecoder(readStructures(environment, DEFINITIONS, undefined));
	const cursor = environment.walk(DEFINITIONS);
	while (cursor.next()) {
		const key = reading(DEFINITIONS, cursor, () => readKey(cursor.bytes, cursor.keyStart, cursor.keyEnd));
		if (typeof key !== 'string') continue;
		const value = reading(DEFINITIONS, cursor, () =>
			decoder.readValue(cursor.valueBytes, cursor.valueStart, cursor.valueEnd)
		);
		if (typeof value !== 'object' || value === null) throw damaged(`tree ${DEFINITIONS}`, `${key} is no definition`);
		definitions.set(key, { ...value });
	}
	return definitions;
}

function byTable(definitions: ReadonlyMap<string, Definition>): Map<string, Map<string, Definition>> {
	const tables = new Map<string, Map<string, Definition>>();
	for (const [key, definition] of definitions) {
		const slash = key.indexOf('/');
		if (slash < 0) continue;
		const name = key.slice(0, slash);
		const attributes = tables.get(name) ?? new Map<string, Definition>();
		tables.set(name, attributes.set(key.slice(slash + 1), definition));
	}
	return tables;
}

/** `undefined` where what is left of it is no table: Harper forgets attributes one by one. */
function tableInFile(
	environment: Environment,
	name: string,
	definitions: ReadonlyMap<string, Definition>
): TableInFile | undefined {
	const definition = definitions.get('');
	const tree = `${name}/`;
	if (definition === undefined || !environment.trees.has(tree)) return undefined;
	const { tableId, name: primaryKey } = definition;
	const compression = compressionOf(definition['compression'], `table ${name}`);
	const structures = readStructures(environment, tree, compression);
	const decoder = new RecordDecoder(structures);
	const storing = new RecordDecoder(structures, { storesText: true });
	const attributes = [...definitions].filter(([key]) => key !== '');
	return {
		name,
		tableId: typeof tableId === 'number' ? tableId : undefined,
		primaryKey: typeof primaryKey === 'string' ? primaryKey : 'id',
		definition,
		attributes: attributes.map(([key, one]): AttributeInFile => ({ name: key, definition: one })),
		indexes: attributes
			.filter(([key]) => environment.trees.has(`${tree}${key}`))
			.map(([key, one]) => indexInFile(environment, `${tree}${key}`, key, one)),
		rows: () => new HarperRows(environment, tree, compression, storing),
		readValue: (bytes, start, end) => decoder.readValue(bytes, start, end),
		blobsOf(bytes, start, end) {
			storing.skim(bytes, start, end);
			return storing.blobs;
		},
	};
}

function indexInFile(environment: Environment, tree: string, attribute: string, definition: Definition): IndexInFile {
	return {
		attribute,
		indexNulls: definition['indexNulls'] === true,
		kind: kindOf(definition),
		entries: () => new RawCursor(environment.walk(tree)),
	};
}

function kindOf({ indexed, computed, relationship, indexingPID, lastIndexedKey }: Definition): IndexInFile['kind'] {
	if (typeof indexed === 'object' && indexed !== null && 'type' in indexed && Boolean(indexed.type)) return 'custom';
	if (Boolean(computed) || Boolean(relationship)) return 'computed';
	return indexingPID !== undefined || lastIndexedKey !== undefined ? 'building' : 'plain';
}

function auditInFile(environment: Environment): AuditInFile {
	return { lastRemoved: readLastRemoved(environment), entries: () => new HarperAudit(environment.walk(AUDIT)) };
}

function readStructures(environment: Environment, tree: string, compression: Compression | undefined): Structures {
	return (
		symbolValue(environment, tree, STRUCTURES, (cursor) => {
			const value = new StoredValue(environment, tree, compression);
			value.show(cursor);
			return parseStructures(new RecordDecoder().readValue(value.bytes, value.start, value.end));
		}) ?? noStructures
	);
}

function readLastRemoved(environment: Environment): number | undefined {
	return symbolValue(environment, AUDIT, LAST_REMOVED, ({ valueBytes, valueStart, valueEnd }) =>
		valueEnd - valueStart === 8 ? valueBytes.readDoubleLE(valueStart) : undefined
	);
}

function symbolValue<T>(
	environment: Environment,
	tree: string,
	symbol: symbol,
	read: (cursor: TreeCursor) => T
): T | undefined {
	const cursor = environment.look(tree);
	while (cursor.next() && cursor.bytes[cursor.keyStart] === SYMBOL_KEY) {
		const key = reading(tree, cursor, () => readKey(cursor.bytes, cursor.keyStart, cursor.keyEnd));
		if (key === symbol) return reading(tree, cursor, () => read(cursor));
	}
	return undefined;
}

/** A value of a store, without the version in front of it, decompressed. */
class StoredValue {
	bytes: Buffer = Buffer.alloc(0);
	start = 0;
	end = 0;
	version = 0;
	readonly #tree: string;
	readonly #hasVersions: boolean;
	readonly #decompressor: Decompressor | undefined;

	constructor(environment: Environment, tree: string, compression: Compression | undefined) {
		this.#tree = tree;
		this.#hasVersions = ((environment.trees.get(tree)?.flags ?? 0) & HAS_VERSIONS) !== 0;
		this.#decompressor = compression === undefined ? undefined : new Decompressor(compression);
	}

	show(cursor: TreeCursor): void {
		const { valueBytes, valueEnd } = cursor;
		let { valueStart } = cursor;
		if (this.#hasVersions) {
			if (valueEnd - valueStart < 8) throw new RangeError('it has no version');
			this.version = readDouble(valueBytes, valueStart);
			valueStart += 8;
		}
		if (this.#decompressor === undefined) {
			this.bytes = valueBytes;
			this.start = valueStart;
			this.end = valueEnd;
			return;
		}
		this.#decompressor.show(valueBytes, valueStart, valueEnd, () => `${this.#tree}, page ${cursor.page}`);
		this.bytes = this.#decompressor.bytes;
		this.start = this.#decompressor.start;
		this.end = this.#decompressor.end;
	}
}

/** lmdb-js marks the stores whose values begin with a version. */
const HAS_VERSIONS = 0x100;

class HarperRows implements RowCursor {
	keyBytes: Uint8Array = new Uint8Array();
	keyStart = 0;
	keyEnd = 0;
	row: Row | undefined;
	version = 0;
	expiresAt: number | undefined;
	readonly blobs: readonly BlobReference[];
	readonly #tree: string;
	readonly #cursor: TreeCursor;
	readonly #value: StoredValue;
	readonly #header = new StoredHeader();
	readonly #decoder: RecordDecoder;

	constructor(environment: Environment, tree: string, compression: Compression | undefined, decoder: RecordDecoder) {
		this.#tree = tree;
		this.#cursor = environment.walk(tree);
		this.#value = new StoredValue(environment, tree, compression);
		this.#decoder = decoder;
		this.blobs = decoder.blobs;
	}

	next(): boolean {
		const cursor = this.#cursor;
		do {
			if (!cursor.next()) return false;
		} while (cursor.bytes[cursor.keyStart] === SYMBOL_KEY);
		this.keyBytes = cursor.bytes;
		this.keyStart = cursor.keyStart;
		this.keyEnd = cursor.keyEnd;
		try {
			this.#value.show(cursor);
			this.version = this.#value.version;
			const { bytes, end } = this.#value;
			this.row = this.#decoder.readRow(bytes, this.#header.read(bytes, this.#value.start, end), end);
			this.expiresAt = this.#header.expiresAt;
		} catch (error) {
			throw unreadable(this.#tree, cursor, error);
		}
		return true;
	}
}

class HarperAudit implements AuditCursor {
	localTime = 0;
	bytes: Uint8Array = new Uint8Array();
	start = 0;
	end = 0;
	readonly #cursor: TreeCursor;

	constructor(cursor: TreeCursor) {
		this.#cursor = cursor;
	}

	next(): boolean {
		const cursor = this.#cursor;
		do {
			if (!cursor.next()) return false;
		} while (cursor.bytes[cursor.keyStart] === SYMBOL_KEY);
		if (cursor.keyEnd - cursor.keyStart !== 8) {
			throw damaged(`${AUDIT}, page ${cursor.page}`, 'the key of an audit entry is no time');
		}
		this.localTime = cursor.bytes.readDoubleBE(cursor.keyStart);
		this.bytes = cursor.valueBytes;
		this.start = cursor.valueStart;
		this.end = cursor.valueEnd;
		return true;
	}
}

class RawCursor implements EntryCursor {
	readonly #cursor: TreeCursor;

	constructor(cursor: TreeCursor) {
		this.#cursor = cursor;
	}

	next(): boolean {
		return this.#cursor.next();
	}

	get keyBytes(): Uint8Array {
		return this.#cursor.bytes;
	}

	get keyStart(): number {
		return this.#cursor.keyStart;
	}

	get keyEnd(): number {
		return this.#cursor.keyEnd;
	}

	get valueBytes(): Uint8Array {
		return this.#cursor.valueBytes;
	}

	get valueStart(): number {
		return this.#cursor.valueStart;
	}

	get valueEnd(): number {
		return this.#cursor.valueEnd;
	}

	get sameKey(): boolean {
		return this.#cursor.sameKey;
	}
}

function reading<T>(tree: string, cursor: TreeCursor, read: () => T): T {
	try {
		return read();
	} catch (error) {
		throw unreadable(tree, cursor, error);
	}
}

/** What our decoders throw is a `RangeError`; it becomes one that says where. Anything else is a fault of ours. */
function unreadable(tree: string, cursor: TreeCursor, error: unknown): unknown {
	if (!(error instanceof RangeError)) return error;
	const key = describeKey(cursor.bytes, cursor.keyStart, cursor.keyEnd);
	return damaged(`${tree}, page ${cursor.page}, key ${key}`, error.message, error);
}

function describeKey(bytes: Uint8Array, start: number, end: number): string {
	try {
		const key = readKey(bytes, start, end);
		return JSON.stringify(key, (_, part: unknown) =>
			typeof part === 'bigint' || typeof part === 'symbol' ? String(part) : part
		);
	} catch {
		return `0x${Buffer.from(bytes.subarray(start, end)).toString('hex')}`;
	}
}

const double = new DataView(new ArrayBuffer(8));

/** As the machine wrote it: all that Harper runs on are little-endian. */
function readDouble(bytes: Uint8Array, at: number): number {
	for (let i = 0; i < 8; i++) double.setUint8(i, bytes[at + i]!);
	return double.getFloat64(0, true);
}
