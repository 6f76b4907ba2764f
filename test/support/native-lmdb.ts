import { open, type Database, type RootDatabase } from 'lmdb';
import { addExtension, Encoder, Packr } from 'msgpackr';
import { BlobReference } from '../../lib/record/blob.ts';

/** What the native module of LMDB, with msgpackr, reads of one table: the truth that our own reader is held to. */
export interface NativeTable {
	readonly name: string;
	readonly rows: { readonly key: unknown; readonly version: number; readonly value: unknown }[];
	readonly indexes: ReadonlyMap<string, number>;
}

export interface NativeDatabase {
	readonly tables: ReadonlyMap<string, NativeTable>;
	readonly auditKeys: number[];
}

const structures = Symbol.for('structures');
const inner = new Packr({ useRecords: false, mapsAsObjects: true });

addExtension({
	type: 11,
	pack: () => Buffer.alloc(0),
	unpack(bytes) {
		const [properties, place, fileId] = inner.unpack(bytes);
		return typeof place === 'number'
			? new BlobReference(properties, { storageIndex: place, fileId })
			: new BlobReference(properties, { bytes: place });
	},
});

/** Passes over what Harper writes in front of a record, as its own decoder does. */
class HarperEncoder extends Encoder {
	override decode(bytes: Buffer, options: never): unknown {
		const end =
			typeof options === 'number' ? options : ((options as { end?: number } | undefined)?.end ?? bytes.length);
		let at = 0;
		if (end > 2 && bytes[0]! < 32) {
			if (bytes[0] === 2) at = 8;
			if (bytes[at]! < 32) {
				const flags = bytes[at] === 14 ? bytes.readUInt32BE(at) : bytes[at]! | (bytes[at + 1]! << 5);
				at += bytes[at] === 14 ? 4 : 2;
				if (flags & 16) at += 8;
				if (flags & 32) at += 4;
			}
		}
		return super.decode(Buffer.from(bytes.subarray(at, end)));
	}
}

/**
 * Only for a file that is sound: another one would end the process. It stays open, since lmdb-js does not get on with
 * closing one and opening the next. `readOnly` false opens it as Harper does.
 */
export function readNatively(path: string, readOnly = true): NativeDatabase {
	const root = open({ path, maxDbs: 10_000, sharedStructuresKey: structures, readOnly } as never);
	const store: Database = root.openDB('__dbis__', { encoding: 'msgpack', sharedStructuresKey: structures });
	// Read to the end first: opening a store ends what lmdb-js is reading.
	const definitions = Array.from(store.getRange({ start: true }), ({ key, value }) => ({ key, value }));
	const tables = new Map<string, NativeTable>();
	for (const { key, value } of definitions) {
		const [table, attribute] = String(key).split('/');
		if (table === undefined || attribute !== '') continue;
		tables.set(table, { name: table, rows: rowsOf(root, table, value.compression), indexes: new Map() });
	}
	for (const { key, value } of definitions) {
		const [table, attribute] = String(key).split('/');
		const indexes = tables.get(table!)?.indexes as Map<string, number> | undefined;
		if (!attribute || !value.indexed || !indexes) continue;
		const index = root.openDB(
			String(key),
			value.indexed.type ? { useVersions: false } : { dupSort: true, encoding: 'ordered-binary' }
		);
		indexes.set(attribute, (index.getStats() as { entryCount: number }).entryCount);
	}
	return { tables, auditKeys: auditKeysOf(root) };
}

function rowsOf(root: RootDatabase, table: string, compression: unknown): NativeTable['rows'] {
	const store = root.openDB(`${table}/`, {
		useVersions: true,
		encoding: 'msgpack',
		sharedStructuresKey: structures,
		randomAccessStructure: true,
		freezeData: true,
		compression,
		encoder: { Encoder: HarperEncoder },
		useBigIntExtension: true,
	} as never);
	const rows: NativeTable['rows'] = [];
	for (const { key, value, version } of store.getRange({ start: null as never, versions: true })) {
		if (typeof key !== 'symbol') rows.push({ key, version: version!, value });
	}
	return rows;
}

function auditKeysOf(root: RootDatabase): number[] {
	const store = root.openDB('__txns__', { encoding: 'binary', keyEncoding: 'binary' });
	const keys: number[] = [];
	for (const key of store.getKeys({})) {
		const bytes = Buffer.from(key as unknown as Uint8Array);
		if (bytes[0] === 66) keys.push(bytes.readDoubleBE(0));
	}
	return keys;
}
