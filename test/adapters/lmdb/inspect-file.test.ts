import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { open } from 'lmdb';
import { afterAll, expect, test } from 'vitest';
import { inspectFile } from '../../../lib/adapters/lmdb/inspect-file.ts';
import { sha256 } from '../../../lib/adapters/sha256.ts';
import { ContentHash } from '../../../lib/record/content-hash.ts';
import { LONGEST_KEY_BYTES, writeKey } from '../../../lib/record/key.ts';
import { Shape } from '../../../lib/record/shape.ts';
import { indexedValues } from '../../../lib/snapshot/indexed-values.ts';
import { storable } from '../../record/arbitrary.ts';

const directory = mkdtempSync(join(tmpdir(), 'inspect-file-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Stored = Readonly<Record<string, unknown>>;

const samples = [
	'',
	'plain',
	'\u0001\u0003 escaped',
	'äöü 日本 \u{1F600}',
	'half \ud83d of a pair',
	'\udc00',
	'\ufffd\ufeff',
	'a'.repeat(63),
	'a'.repeat(64) + '\u0002',
	'é'.repeat(130),
	'b'.repeat(256),
	'c'.repeat(257),
	'that with they have this from word what some '.repeat(30),
	'in pages of its own '.repeat(3000) + 'ä',
	['one', 'two', 'one', 'zwölf'],
	['x', null],
];

test('a file as Harper writes it has the content hash of its values, and indexes that match', async () => {
	const random = fc.sample(storable, { numRuns: 200, seed: 7 });
	const records = [...samples, ...random].map((value, i): Stored => ({
		id: `row-${String(i).padStart(4, '0')}`,
		name: samples[i % samples.length],
		value,
		nested: { text: samples[(i * 5) % samples.length], list: [samples[(i * 7) % samples.length]] },
	}));
	for (const compression of [undefined, { startingOffset: 32, threshold: 100 }]) {
		const path = await written(records, compression);
		const { tables } = await inspectFile(path);
		expect(tables).toMatchObject([
			{ rows: records.length, contentHash: hashOf(records), indexes: [{ attribute: 'name', state: 'matches' }] },
		]);
	}
});

/** A compact copy of a table with an index, as Harper stores one. */
async function written(records: readonly Stored[], compression: object | undefined): Promise<string> {
	const path = join(directory, compression === undefined ? 'plain' : 'compressed');
	const structures = Symbol.for('structures');
	const root = open({ path: `${path}-live.mdb`, pageSize: 4096, maxDbs: 5 } as never);
	const definitions = root.openDB('__dbis__', { encoding: 'msgpack', sharedStructuresKey: structures });
	await definitions.put('People/', { tableId: 1, name: 'id', compression });
	await definitions.put('People/name', { indexed: true });
	const rows = root.openDB('People/', {
		useVersions: true,
		compression: compression ?? false,
		encoding: 'msgpack',
		sharedStructuresKey: structures,
		randomAccessStructure: true,
		useBigIntExtension: true,
	} as never);
	const index = root.openDB('People/name', { dupSort: true, encoding: 'ordered-binary' });
	for (const [i, record] of records.entries()) {
		void rows.put(record['id'] as string, record, i + 1);
		for (const value of new Set(indexedValues(record['name'], false))) void index.put(value as string, record['id']);
	}
	await root.flushed;
	await root.backup(`${path}.mdb`, true);
	await root.close();
	return `${path}.mdb`;
}

/** From the values themselves, whose texts are strings. */
function hashOf(records: readonly Stored[]): string {
	const hash = new ContentHash(sha256());
	const key = Buffer.alloc(LONGEST_KEY_BYTES);
	for (const record of records) {
		const shape = new Shape(Object.keys(record));
		hash.add(key, 0, writeKey(record['id'], key, 0), { shape, values: Object.values(record) });
	}
	return hash.digestHex();
}
