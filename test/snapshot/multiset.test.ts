import fc from 'fast-check';
import { expect, test } from 'vitest';
import { indexedValues } from '../../lib/snapshot/indexed-values.ts';
import { Digest, Multiset } from '../../lib/snapshot/multiset.ts';

type Pair = readonly [Uint8Array, Uint8Array];

function sum(pairs: readonly Pair[]): Multiset {
	const multiset = new Multiset();
	const [one, other] = [new Digest(), new Digest()];
	for (const [key, value] of pairs) {
		one.set(key, 0, key.length);
		other.set(value, 0, value.length);
		multiset.add(one, other);
	}
	return multiset;
}

const pairs = fc.array(fc.tuple(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 })), { maxLength: 12 });

test('the order of entries does not matter', () => {
	fc.assert(fc.property(pairs, (one) => sum(one).equals(sum(one.toReversed()))));
});

test('any other entry does', () => {
	fc.assert(
		fc.property(pairs, pairs, (one, other) => {
			const text = (list: readonly Pair[]) => list.map(([key, value]) => `${key.join()}|${value.join()}`).sort();
			expect(sum(one).equals(sum(other))).toBe(text(one).join(' ') === text(other).join(' '));
		}),
		{ numRuns: 2000 }
	);
});

test('entries that swap their values are others', () => {
	fc.assert(
		fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (a, b, x, y) => {
			fc.pre(a.join() !== b.join() && x.join() !== y.join());
			expect(
				sum([
					[a, x],
					[b, y],
				]).equals(
					sum([
						[a, y],
						[b, x],
					])
				)
			).toBe(false);
		}),
		{ numRuns: 1000 }
	);
});

test.each([
	['a text', 'a', ['a']],
	['a long text, cut', 'x'.repeat(300), [`${'x'.repeat(256)}\uffff`]],
	['a number', 7, [7]],
	['a date', new Date(5), [5]],
	['null', null, [null]],
	['undefined', undefined, []],
	['an object', { a: 1 }, []],
	['bytes', new Uint8Array([1]), []],
	['a list', ['a', 1, { no: 1 }, true], ['a', 1, true]],
	['a list with null', ['a', null], []],
	['a list with a date', ['a', new Date(5)], []],
	['an empty list', [], []],
])('%s is indexed as Harper does', (_, value, expected) => {
	expect(indexedValues(value, true)).toEqual(expected);
});

test('null is not indexed where nulls are not, and does no harm in a list', () => {
	expect(indexedValues(null, false)).toEqual([]);
	expect(indexedValues(['a', null], false)).toEqual(['a']);
});
