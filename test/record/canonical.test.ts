import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlobReference } from '../../lib/record/blob.ts';
import { CanonicalWriter, canonicalBytes } from '../../lib/record/canonical.ts';
import { Shape } from '../../lib/record/shape.ts';
import { fromTagged, toTagged } from '../../lib/record/tagged.ts';
import { storable, storableRecord } from './arbitrary.ts';

const hex = (value: unknown) => Buffer.from(canonicalBytes(value)).toString('hex');

describe('the canonical form', () => {
	test('does not depend on the order of attributes', () => {
		fc.assert(
			fc.property(storableRecord, (record) => {
				expect(hex(Object.fromEntries(Object.entries(record).toReversed()))).toBe(hex(record));
			})
		);
	});

	test('of a row is that of its object', () => {
		fc.assert(
			fc.property(storableRecord, (record) => {
				const writer = new CanonicalWriter(8);
				writer.writeRow({ shape: new Shape(Object.keys(record)), values: Object.values(record) });
				expect(writer.bytes.toString('hex', 0, writer.length)).toBe(hex(record));
			})
		);
	});

	test('is the same only for the same value', () => {
		fc.assert(
			fc.property(storable, storable, (one, other) => {
				expect(hex(one) === hex(other)).toBe(
					JSON.stringify(sorted(toTagged(one))) === JSON.stringify(sorted(toTagged(other)))
				);
			}),
			{ numRuns: 1000 }
		);
	});

	test('tells apart what is alike', () => {
		const alike = [
			[null, undefined, false, 0, -0, '', [], {}, new Map(), new Set(), new Uint8Array(), 0n, new Date(0)],
			[1, 1n, '1', new Date(1), [1], new Set([1]), new Uint8Array([1]), new Uint16Array([1]), true, Number.NaN],
			['\ud800', '\ufffd', '\ud801', '�'.repeat(2), /a/, /a/g, new Error('a'), new TypeError('a')],
			[
				{ a: undefined },
				{ a: null },
				{ b: null },
				{ 'a\ud800': null },
				new Map([['a', null]]),
				'x'.repeat(31),
				'x'.repeat(32),
			],
		].flat();
		expect(new Set(alike.map(hex)).size).toBe(alike.length);
	});

	test('knows one NaN, and one order of sets and maps', () => {
		expect(hex(Number.NaN)).toBe(hex(-Number.NaN));
		expect(hex(new Set([1, 2, 'a']))).toBe(hex(new Set(['a', 2, 1])));
		expect(
			hex(
				new Map([
					['a', 1],
					['b', 2],
				])
			)
		).toBe(
			hex(
				new Map([
					['b', 2],
					['a', 1],
				])
			)
		);
	});

	test('of a blob does not depend on the file that holds it', () => {
		const blob = (fileId: string, size?: number) =>
			new BlobReference({ type: 'image/png', size }, { fileId, storageIndex: 0 });
		expect(hex(blob('a1', 20_000))).toBe(hex(blob('b2')));
		expect(hex(blob('a1'))).not.toBe(hex(new BlobReference({ type: 'image/png' }, { bytes: new Uint8Array(2) })));
	});
});

describe('tagged JSON', () => {
	test('gives back what it was given, through text', () => {
		fc.assert(
			fc.property(storable, (value) => {
				expect(fromTagged(JSON.parse(JSON.stringify(toTagged(value))))).toEqual(value);
			}),
			{ numRuns: 1000 }
		);
	});

	test.each([
		[-0],
		[Number.POSITIVE_INFINITY],
		[Number.NaN],
		[new Date(Number.NaN)],
		[new Set([1, [2n]])],
		[/a+b/gi],
		[new Float64Array([1.5])],
		[new BigInt64Array([-1n])],
		[new Uint8Array([1, 2]).buffer],
		[new TypeError('no')],
		[{ $date: 1 }],
		[{ $object: { $date: 1 } }],
		[{ $date: 1, other: 2 }],
		[new BlobReference({ type: 'a', size: 3 }, { bytes: new Uint8Array([1]) })],
		[new BlobReference({ size: 9000 }, { fileId: '3f', storageIndex: 1 })],
		['\ud800'],
	])('gives back %s', (value) => {
		const back = fromTagged(JSON.parse(JSON.stringify(toTagged(value))));
		expect(hex(back)).toBe(hex(value));
		expect(Object.prototype.toString.call(back)).toBe(Object.prototype.toString.call(value));
	});

	test.each([
		[{ $nothing: 1 }],
		[{ $bigint: '1.5' }],
		[{ $bytes: 1 }],
		[{ $map: 1 }],
		[{ $view: ['Nothing', ''] }],
		[{ $blob: {} }],
	])('refuses %j', (json) => {
		expect(() => fromTagged(json)).toThrow(RangeError);
	});

	test.each([[() => 1], [Symbol('a')]])('refuses what no record can hold', (value) => {
		expect(() => toTagged(value)).toThrow(TypeError);
		expect(() => canonicalBytes(value)).toThrow(TypeError);
	});
});

/** With attributes, and the entries of maps, in one order. */
function sorted(json: unknown): unknown {
	if (Array.isArray(json)) return json.map(sorted);
	if (typeof json !== 'object' || json === null) return json;
	const entries = Object.entries(json).map(([name, value]): [string, unknown] => [name, sorted(value)]);
	const [first] = entries;
	if (first?.[0] === '$map' && Array.isArray(first[1]))
		first[1].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
	return { object: entries.sort(([a], [b]) => (a < b ? -1 : 1)) };
}
