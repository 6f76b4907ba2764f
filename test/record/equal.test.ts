import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlobReference } from '../../lib/record/blob.ts';
import { isSame } from '../../lib/record/equal.ts';
import { fromTagged, toTagged } from '../../lib/record/tagged.ts';
import { storable } from './arbitrary.ts';

const file = (fileId: string, type = 'image/png') => new BlobReference({ type }, { fileId, storageIndex: 0 });
const inline = (text: string) => new BlobReference({ type: 'text/plain' }, { bytes: Buffer.from(text) });

describe('two values are the same', () => {
	test.each<[what: string, one: unknown, other: unknown]>([
		['NaN', NaN, NaN],
		['zeros', 0, -0],
		['moments', new Date(5), new Date(5)],
		['moments that are none', new Date(NaN), new Date(NaN)],
		['bytes of two kinds', Buffer.from('ab'), new Uint8Array([97, 98])],
		['objects of another order', { a: 1, b: [{ c: 2 }] }, { b: [{ c: 2 }], a: 1 }],
		['an attribute without a value and none', { a: undefined }, {}],
		['sets of another order', new Set([1, 2]), new Set([2, 1])],
		['maps of another order', new Map([[1, 'a'], [2, 'b']]), new Map([[2, 'b'], [1, 'a']])], // prettier-ignore
		['a blob in one file', file('a'), file('a')],
		['a blob in the record', inline('x'), inline('x')],
	])('%s', (_what, one, other) => {
		expect([isSame(one, other), isSame(other, one)]).toEqual([true, true]);
	});
});

describe('two values differ', () => {
	test.each<[what: string, one: unknown, other: unknown]>([
		['a number and a BigInt', 1, 1n],
		['null and nothing', null, undefined],
		['an attribute that is null and none', { a: null }, {}],
		['an attribute that is inherited and none', { toString: 1 }, {}],
		['a moment and its number', new Date(5), 5],
		['moments', new Date(5), new Date(6)],
		['a moment and one that is none', new Date(5), new Date(NaN)],
		['bytes and a list', Buffer.from('a'), [97]],
		['bytes', Buffer.from('a'), Buffer.from('b')],
		['a list and an object', [], {}],
		['a shorter list', [1], [1, 2]],
		['an object and a map', { a: 1 }, new Map([['a', 1]])],
		['blobs in two files', file('a'), file('b')],
		['blobs of two types', file('a'), file('a', 'image/gif')],
		['a blob in a file and one in the record', file('a'), inline('x')],
		['blobs in the record', inline('x'), inline('y')],
		['an attribute more', { a: 1 }, { a: 1, b: 1 }],
	])('%s', (_what, one, other) => {
		expect([isSame(one, other), isSame(other, one)]).toEqual([false, false]);
	});
});

test('a value is what its copy is, and no other', () => {
	fc.assert(
		fc.property(storable, storable, (value, other) => {
			expect(isSame(value, fromTagged(toTagged(value)))).toBe(true);
			expect(isSame(value, [value])).toBe(false);
			expect(isSame(value, other)).toBe(isSame(other, value));
		})
	);
});
