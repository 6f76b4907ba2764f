import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { writeKey } from '../../lib/record/key.ts';
import { Shape, type Row } from '../../lib/record/shape.ts';
import type {
	AuditCursor,
	DatabaseFile,
	EntryCursor,
	IndexInFile,
	RowCursor,
	TableInFile,
} from '../../lib/snapshot/database-file.ts';
import { inspect } from '../../lib/snapshot/inspect.ts';

type Stored = Readonly<Record<string, unknown>> | null;
type IndexEntry = readonly [value: unknown, id: string];

interface FakeTable {
	readonly rows: Readonly<Record<string, Stored>>;
	readonly names?: IndexEntry[];
	readonly kind?: IndexInFile['kind'];
}

const people: Record<string, Stored> = {
	a: { id: 'a', name: 'Ada' },
	b: { id: 'b', name: null },
	c: null,
	d: { id: 'd' },
};
const names: IndexEntry[] = [
	[null, 'b'],
	['Ada', 'a'],
];

describe('an inspection', () => {
	test('counts rows, tombstones and entries', async () => {
		const contents = await inspected({ rows: people, names });
		expect(contents.tables[0]).toMatchObject({
			name: 'People',
			rows: 3,
			tombstones: 1,
			newestVersion: 4,
			indexes: [{ attribute: 'name', entries: 2, expected: 2, state: 'matches' }],
		});
		expect(contents.entries).toBe(6);
	});

	test.each<[string, IndexEntry[]]>([
		['lacks an entry', [['Ada', 'a']]],
		['has one too many', [...names, ['Bob', 'd']]],
		[
			'points to another row',
			[
				[null, 'a'],
				['Ada', 'b'],
			],
		],
		[
			'points to a row that was deleted',
			[
				[null, 'b'],
				['Ada', 'c'],
			],
		],
		[
			'has another value',
			[
				[null, 'b'],
				['Eve', 'a'],
			],
		],
	])('finds an index that %s', async (_, wrong) => {
		const contents = await inspected({ rows: people, names: wrong });
		expect(contents.tables[0]?.indexes[0]?.state).toBe('differs');
		expect(contents.tables[0]?.contentHash).toBe((await inspected({ rows: people, names })).tables[0]?.contentHash);
	});

	test.each<IndexInFile['kind']>(['building', 'computed', 'custom'])(
		'leaves an index alone that is %s',
		async (kind) => {
			const contents = await inspected({ rows: people, names: [['x', 'y']], kind });
			expect(contents.tables[0]?.indexes[0]).toMatchObject({ state: kind, entries: 1, expected: undefined });
		}
	);

	test('gives a list as many entries as it has distinct values', async () => {
		const rows = { a: { name: ['x', 'y', 'x'] } };
		const contents = await inspected({
			rows,
			names: [
				['x', 'a'],
				['y', 'a'],
			],
		});
		expect(contents.tables[0]?.indexes[0]?.state).toBe('matches');
	});

	test('gives the same hash to the same records, however they were stored', async () => {
		const hashOf = async (rows: Record<string, Stored>) => (await inspected({ rows })).tables[0]?.contentHash;
		const hash = await hashOf(people);
		expect(await hashOf({ ...people, a: { name: 'Ada', id: 'a' }, e: null })).toBe(hash);
		expect(await hashOf({ ...people, a: { id: 'a', name: 'Adá' } })).not.toBe(hash);
		expect(await hashOf({ ...people, b: { id: 'b', name: undefined } })).not.toBe(hash);
		expect(await hashOf({ ...people, c: {} })).not.toBe(hash);
	});

	test('names the table and the key of a record that makes no sense', async () => {
		await expect(inspected({ rows: { a: { name: 2n ** 2000n } } })).rejects.toMatchObject({
			code: 'snapshot_damaged',
			subject: 'table People, key 0x61',
		});
	});

	test('refuses an audit log that does not ascend', async () => {
		await expect(inspectFake(fakeFile({ rows: {} }, [1, 3, 2]))).rejects.toMatchObject({
			code: 'snapshot_damaged',
			subject: 'audit entry 2',
		});
	});

	test('reads an audit log whose table is no more from the outside', async () => {
		const { audit } = await inspectFake(fakeFile({ rows: {} }, [1, 2, 3]));
		expect(audit).toMatchObject({ entries: 3, orphans: 3, firstKey: 1, lastKey: 3, newestVersion: 0 });
	});

	test('ends when it is told to', async () => {
		const rows = Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`${10_000 + i}`, { id: i }]));
		const aborting = new AbortController();
		let reports = 0;
		const onProgress = () => {
			if (++reports === 2) aborting.abort(new Error('enough'));
		};
		await expect(inspectFake(fakeFile({ rows }), { signal: aborting.signal, onProgress })).rejects.toThrow('enough');
		expect(reports).toBe(2);
	});
});

function inspected(table: FakeTable) {
	return inspectFake(fakeFile(table));
}

function inspectFake(file: DatabaseFile, options: { signal?: AbortSignal; onProgress?: () => void } = {}) {
	const sha256 = () => {
		const hash = createHash('sha256');
		return { update: (bytes: Uint8Array) => void hash.update(bytes), digestHex: () => hash.digest('hex') };
	};
	return inspect(file, { ...options, sha256, pause: () => Promise.resolve() });
}

function fakeFile(
	{ rows, names: entries = [], kind = 'plain' }: FakeTable,
	auditKeys: readonly number[] = []
): DatabaseFile {
	const index: IndexInFile = { attribute: 'name', indexNulls: true, kind, entries: () => fakeEntries(entries) };
	const table: TableInFile = {
		name: 'People',
		tableId: 1,
		primaryKey: 'id',
		definition: {},
		attributes: [],
		indexes: [index],
		rows: () => fakeRows(rows),
		readValue: () => undefined,
		blobsOf: () => [],
	};
	return {
		sizeBytes: 100,
		bytesRead: 50,
		tables: [table],
		audit: auditKeys.length === 0 ? undefined : { lastRemoved: undefined, entries: () => fakeAudit(auditKeys) },
		others: [],
		checkComplete() {},
		close() {},
	};
}

function fakeRows(rows: Readonly<Record<string, Stored>>): RowCursor {
	let at = -1;
	const all = Object.entries(rows).map(([id, record]) => ({
		key: keyOf(id),
		row: record === null ? undefined : rowOf(record),
	}));
	return {
		next: () => ++at < all.length,
		get keyBytes() {
			return all[at]!.key;
		},
		keyStart: 0,
		get keyEnd() {
			return all[at]!.key.length;
		},
		get row() {
			return all[at]!.row;
		},
		get version() {
			return at + 1;
		},
		expiresAt: undefined,
		blobs: [],
	};
}

function fakeEntries(entries: readonly IndexEntry[]): EntryCursor {
	let at = -1;
	const all = entries.map(([value, id]) => ({ key: keyOf(value), value: keyOf(id) }));
	return {
		next: () => ++at < all.length,
		get keyBytes() {
			return all[at]!.key;
		},
		keyStart: 0,
		get keyEnd() {
			return all[at]!.key.length;
		},
		get valueBytes() {
			return all[at]!.value;
		},
		valueStart: 0,
		get valueEnd() {
			return all[at]!.value.length;
		},
		sameKey: false,
	};
}

/** Deletions in a table that is no more. */
function fakeAudit(keys: readonly number[]): AuditCursor {
	let at = -1;
	const bytes = Uint8Array.from([2, 0, 9, 1, 97, ...Array.from({ length: 8 }, () => 0), 0]);
	return {
		next: () => ++at < keys.length,
		get localTime() {
			return keys[at]!;
		},
		bytes,
		start: 0,
		end: bytes.length,
	};
}

function keyOf(value: unknown): Buffer {
	const bytes = Buffer.alloc(1000);
	return bytes.subarray(0, writeKey(value, bytes, 0));
}

function rowOf(record: Readonly<Record<string, unknown>>): Row {
	return { shape: new Shape(Object.keys(record)), values: Object.values(record) };
}
