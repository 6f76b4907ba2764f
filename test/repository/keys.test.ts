import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	databasePrefix,
	decodeSegment,
	encodeSegment,
	nodePrefix,
	parseSnapshotKey,
	snapshotPrefix,
} from '../../lib/repository/keys.ts';
import { isKey, requireKey, requirePrefix } from '../../lib/repository/object-key.ts';
import { parseSnapshotId, snapshotIdAt } from '../../lib/repository/snapshot-id.ts';

const ID = '20261123T135342123Z-1a2b3c4d';
const name = fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), fc.string({ minLength: 1 }));

describe('a name in a key', () => {
	test.each([
		['data', 'data'],
		['node-1.example.com', 'node-1.example.com'],
		['a_b', 'a_b'],
		['.', '%2E'],
		['..', '%2E.'],
		['.hidden', '%2Ehidden'],
		['a/b', 'a%2Fb'],
		['a b', 'a%20b'],
		['100%', '100%25'],
		['~', '%7E'],
		['ü', '%C3%BC'],
		['🙂', '%F0%9F%99%82'],
		['a\0', 'a%00'],
	])('%j is %s', (plain, encoded) => {
		expect(encodeSegment(plain)).toBe(encoded);
		expect(decodeSegment(encoded)).toBe(plain);
	});

	test('is a segment, and comes back', () => {
		fc.assert(
			fc.property(name, (text) => {
				const encoded = encodeSegment(text);
				expect(encoded).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9._%-]*$/);
				expect(decodeSegment(encoded)).toBe(text);
				requireKey(encoded);
			})
		);
	});

	test.each(['', '%', '%2f', '%41', 'a b', '.', '%C3', '%ED%A0%80', 'a/b', '~'])('never is %j', (segment) => {
		expect(decodeSegment(segment)).toBeUndefined();
	});

	test.each(['', 'x'.repeat(256), 'ü'.repeat(43), '\uD800'])('cannot be %j', (text) => {
		expect(() => encodeSegment(text)).toThrow(expect.objectContaining({ code: 'object_key_invalid' }));
	});

	test('may be as long as a file name', () => {
		expect(encodeSegment('x'.repeat(255))).toHaveLength(255);
	});
});

describe('prefixes', () => {
	test('stand in one another', () => {
		expect(nodePrefix('node 1')).toBe('node%201/');
		expect(databasePrefix('node 1', 'shop')).toBe('node%201/shop/');
		expect(snapshotPrefix('node 1', 'shop', ID)).toBe(`node%201/shop/snapshots/${ID}/`);
	});

	test('tell node, database and snapshot again', () => {
		fc.assert(
			fc.property(name, name, fc.constantFrom('manifest.json', 'blobs/1/2'), (node, database, object) => {
				const prefix = snapshotPrefix(node, database, ID);
				requirePrefix(prefix);
				requireKey(prefix + object);
				expect(parseSnapshotKey(prefix + object)).toEqual({ node, database, id: ID, prefix, name: object });
			})
		);
	});

	test('fit a key however long the names are', () => {
		const longest = snapshotPrefix('n'.repeat(255), 'd'.repeat(255), ID);
		expect(isKey(`${longest}${'x'.repeat(255)}`)).toBe(true);
	});

	test.each([
		'custodian.json',
		`n/d/snapshots/${ID}/`,
		`n/d/snapshots/${ID}`,
		'n/d/snapshots/latest/manifest.json',
		`n/d/archive/${ID}/x`,
		`n%2f/d/snapshots/${ID}/x`,
		`n//snapshots/${ID}/x`,
	])('are of no snapshot: %s', (key) => {
		expect(parseSnapshotKey(key)).toBeUndefined();
	});
});

describe('the id of a snapshot', () => {
	const at = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
	const random = () => Uint8Array.of(0x1a, 0x2b, 0x3c, 0x4d);

	test('tells its moment', () => {
		expect(snapshotIdAt(Date.UTC(2026, 10, 23, 13, 53, 42, 123), random)).toBe(ID);
		expect(parseSnapshotId(ID)).toEqual({ id: ID, at: Date.UTC(2026, 10, 23, 13, 53, 42, 123) });
	});

	test('comes back, sorts by time and is a segment as it is', () => {
		fc.assert(
			fc.property(at, at, (one, other) => {
				const [first, second] = [snapshotIdAt(one, random), snapshotIdAt(other, random)];
				expect(parseSnapshotId(first)).toEqual({ id: first, at: one });
				expect(Math.sign(one - other)).toBe(first < second ? -1 : Number(first > second));
				expect(encodeSegment(first)).toBe(first);
			})
		);
	});

	test.each([
		'',
		'latest',
		`${ID}0`,
		ID.toUpperCase(),
		'20261323T135342123Z-1a2b3c4d',
		'20260230T135342123Z-1a2b3c4d',
		'20261123T245342123Z-1a2b3c4d',
		'20261123T135342Z-1a2b3c4d',
	])('is never %j', (text) => {
		expect(parseSnapshotId(text)).toBeUndefined();
	});

	test('is refused for a moment that has none', () => {
		for (const moment of [NaN, Infinity, Date.UTC(10_000, 0), -1e15]) {
			expect(() => snapshotIdAt(moment, random)).toThrow(RangeError);
		}
		expect(() => snapshotIdAt(0, () => new Uint8Array(2))).toThrow(RangeError);
	});
});
