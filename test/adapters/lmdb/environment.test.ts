import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Environment } from '../../../lib/adapters/lmdb/environment.ts';
import { newestMeta, readMetas } from '../../../lib/adapters/lmdb/meta.ts';
import { CustodianError } from '../../../lib/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'lmdb-'));
const path = join(directory, 'compact.mdb');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** By tree, as they were put. */
const truth: Record<string, [string, string][]> = { empty: [], deep: [], big: [], many: [], few: [] };

beforeAll(async () => {
	const root = open({ path: join(directory, 'live.mdb'), pageSize: 4096, maxDbs: 20 } as never);
	const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
	const stores = {
		empty: root.openDB('empty', binary),
		deep: root.openDB('deep', binary),
		big: root.openDB('big', binary),
		many: root.openDB('many', { ...binary, dupSort: true }),
		few: root.openDB('few', { ...binary, dupSort: true }),
	};
	const put = (tree: keyof typeof stores, key: string, value: string) => {
		truth[tree]!.push([key, value]);
		void stores[tree].put(Buffer.from(key), Buffer.from(value));
	};
	for (let i = 0; i < 30_000; i++)
		put('deep', `key-${String(i * 7919).padStart(12, '0')}-${'k'.repeat(i % 90)}`, `value ${i}`);
	for (let i = 0; i < 60; i++) put('big', `key-${i}`, String(i % 10).repeat(i * i * 90));
	for (let i = 0; i < 20_000; i++) put('many', `key-${i % 7}`, `duplicate ${i}`);
	for (let i = 0; i < 900; i++) put('few', `key-${i % 300}`, `duplicate ${i}`);
	await root.flushed;
	for (let i = 0; i < 30_000; i += 3) void stores.deep.remove(Buffer.from(truth['deep']![i]![0]));
	truth['deep'] = truth['deep']!.filter((_, i) => i % 3 !== 0);
	await root.flushed;
	await root.backup(path, true);
	await root.backup(join(directory, 'plain.mdb'), false);
	await root.close();
	for (const entries of Object.values(truth)) {
		entries.sort(
			([a, x], [b, y]) =>
				Buffer.compare(Buffer.from(a), Buffer.from(b)) || Buffer.compare(Buffer.from(x), Buffer.from(y))
		);
	}
});

function entriesOf(environment: Environment, tree: string): [string, string][] {
	const entries: [string, string][] = [];
	const cursor = environment.walk(tree);
	while (cursor.next()) {
		entries.push([
			cursor.bytes.toString('utf8', cursor.keyStart, cursor.keyEnd),
			cursor.valueBytes.toString('utf8', cursor.valueStart, cursor.valueEnd),
		]);
	}
	return entries;
}

/** Reads a file to its end, whatever is in it. */
function readThrough(file: string): void {
	const environment = Environment.open(file);
	try {
		for (const tree of environment.trees.keys()) entriesOf(environment, tree);
		environment.checkComplete();
	} finally {
		environment.close();
	}
}

/** A copy with some bytes changed. */
function changed(change: (bytes: Buffer) => void, source = path): string {
	const copy = join(directory, 'changed.mdb');
	const bytes = readFileSync(source);
	change(bytes);
	writeFileSync(copy, bytes);
	return copy;
}

describe.each(['compact.mdb', 'plain.mdb'])('%s', (name) => {
	test.each(Object.keys(truth))('the tree `%s` gives every entry in the order of the keys', (tree) => {
		const environment = Environment.open(join(directory, name));
		expect(entriesOf(environment, tree)).toEqual(truth[tree]);
		environment.close();
	});

	test('lists its trees, and leaves no page over', () => {
		const environment = Environment.open(join(directory, name));
		expect([...environment.trees.keys()].sort()).toEqual(Object.keys(truth).sort());
		for (const tree of environment.trees.keys()) entriesOf(environment, tree);
		expect(() => environment.checkComplete()).not.toThrow();
		environment.close();
	});
});

test('what was not walked is missed at the end', () => {
	const environment = Environment.open(path);
	entriesOf(environment, 'deep');
	expect(() => environment.checkComplete()).toThrow(/belong to nothing/);
	environment.close();
});

describe('a damaged file is refused with the tree and the page:', () => {
	/** Where some page of a kind begins. */
	const pageOf = (bytes: Buffer, kind: number) => {
		for (let page = 2; page * 4096 < bytes.length; page++) {
			if (bytes.readUInt16LE(page * 4096 + 18) === kind && bytes.readUInt32LE(page * 4096) === page) return page * 4096;
		}
		throw new Error('no such page');
	};
	const [branch, leaf, overflow] = [1, 2, 4];
	const nodeOf = (bytes: Buffer, page: number, index: number) => page + 24 + bytes.readUInt16LE(page + 24 + 2 * index);

	test.each<[string, (bytes: Buffer) => void, RegExp]>([
		['a page that is another', (bytes) => bytes.writeUInt32LE(9999, pageOf(bytes, leaf)), /it calls itself page 9999/],
		['a page of another kind', (bytes) => bytes.writeUInt16LE(overflow, pageOf(bytes, leaf) + 18), /it is of kind 4/],
		['impossible bounds', (bytes) => bytes.writeUInt16LE(5000, pageOf(bytes, leaf) + 22), /its bounds are impossible/],
		[
			'an entry that lies outside',
			(bytes) => bytes.writeUInt16LE(4090, pageOf(bytes, leaf) + 24),
			/lies outside of it/,
		],
		[
			'an entry that is too long',
			(bytes) => bytes.writeUInt16LE(4000, nodeOf(bytes, pageOf(bytes, leaf), 1) + 6),
			/reaches over its end/,
		],
		[
			'keys that do not ascend',
			(bytes) => {
				const page = pageOf(bytes, leaf);
				bytes.copy(bytes, page + 24, page + 26, page + 28);
			},
			/is not greater than the one before/,
		],
		[
			'a branch that leads back to itself',
			(bytes) => {
				const page = pageOf(bytes, branch);
				bytes.writeUInt32LE(page / 4096, nodeOf(bytes, page, 1));
			},
			/stands elsewhere already/,
		],
		[
			'a branch that leads two ways to one page',
			(bytes) => {
				const page = pageOf(bytes, branch);
				bytes.copy(bytes, nodeOf(bytes, page, 1), nodeOf(bytes, page, 0), nodeOf(bytes, page, 0) + 6);
			},
			/stands elsewhere already/,
		],
		[
			'a branch that leads out of the file',
			(bytes) => bytes.writeUInt32LE(0xffff_ffff, nodeOf(bytes, pageOf(bytes, branch), 1)),
			/it refers to page 4294967295/,
		],
		[
			'a value whose page is none',
			(bytes) => bytes.writeUInt16LE(leaf, pageOf(bytes, overflow) + 18),
			/should be of kind 4/,
		],
		['a meta page without its magic', (bytes) => bytes.fill(0, 24, 28).fill(0, 4096 + 24, 4096 + 28), /neither is one/],
		[
			'a state that was taken back',
			(bytes) => bytes.writeBigUInt64LE(0n, 4096 + 24 + 128),
			/the older state has pages/,
		],
	])('%s', (_, damage, message) => {
		const file = changed(damage);
		expect(() => readThrough(file)).toThrow(message);
		expect(() => readThrough(file)).toThrow(CustodianError);
	});

	test.each([0, 100, 4096, 5000, 100_000, 1_000_000])('one that ends after %i bytes', (length) => {
		const file = join(directory, 'short.mdb');
		writeFileSync(file, readFileSync(path).subarray(0, length));
		expect(() => readThrough(file)).toThrow(CustodianError);
	});

	test('one that is cut short while it is read', () => {
		const file = join(directory, 'shrinking.mdb');
		copyFileSync(path, file);
		const environment = Environment.open(file);
		writeFileSync(file, readFileSync(path).subarray(0, 20_000));
		expect(() => {
			for (const tree of environment.trees.keys()) entriesOf(environment, tree);
		}).toThrow(CustodianError);
		environment.close();
	});

	test('one that is not there', () => {
		expect(() => Environment.open(join(directory, 'nothing.mdb'))).toThrow(/cannot be opened/);
	});
});

test('of two meta pages the newer one counts, and one is enough', () => {
	const head = readFileSync(path).subarray(0, 8192);
	const newest = newestMeta(readMetas(head));
	expect(newest.transaction).toBeGreaterThan(0n);
	const alone = Buffer.from(head).fill(0, 0, 4096);
	expect(newestMeta(readMetas(alone))).toEqual(newest);
});
