import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRange } from '../../lib/http/range.ts';

const always = { ifRange: undefined, etag: '"e"' };

test.each<[string | undefined, number, ReturnType<typeof parseRange>]>([
	[undefined, 10, undefined],
	['bytes=0-0', 10, { start: 0, end: 1 }],
	['bytes=0-9', 10, { start: 0, end: 10 }],
	['bytes=2-100', 10, { start: 2, end: 10 }],
	['bytes=9-', 10, { start: 9, end: 10 }],
	[' bytes=1-2 ', 10, { start: 1, end: 3 }],
	['bytes=-3', 10, { start: 7, end: 10 }],
	['bytes=-30', 10, { start: 0, end: 10 }],
	['bytes=10-', 10, 'unsatisfiable'],
	['bytes=10-20', 10, 'unsatisfiable'],
	['bytes=-0', 10, 'unsatisfiable'],
	['bytes=0-', 0, 'unsatisfiable'],
	['bytes=-1', 0, 'unsatisfiable'],
	['bytes=5-4', 10, undefined],
	['bytes=50-40', 10, undefined],
	['bytes=-', 10, undefined],
	['bytes=0-1,3-4', 10, undefined],
	['bytes=a-b', 10, undefined],
	['bytes=1.0-2', 10, undefined],
	['lines=0-1', 10, undefined],
	['bytes=9999999999999999-', 10, undefined],
])('%j of %d bytes', (header, sizeBytes, range) => {
	expect(parseRange(header, sizeBytes, always)).toEqual(range);
});

test('a range of another version is all of it', () => {
	expect(parseRange('bytes=0-0', 10, { ifRange: '"other"', etag: '"e"' })).toBeUndefined();
	expect(parseRange('bytes=99-', 10, { ifRange: '"other"', etag: '"e"' })).toBeUndefined();
	expect(parseRange('bytes=0-0', 10, { ifRange: '"e"', etag: '"e"' })).toEqual({ start: 0, end: 1 });
});

/** The positions that RFC 9110 means, found by asking each one. */
function meant(first: number | undefined, last: number | undefined, sizeBytes: number): readonly number[] {
	const all = Array.from({ length: sizeBytes }, (_, position) => position);
	if (first === undefined) return all.filter((position) => position >= sizeBytes - (last ?? 0));
	return all.filter((position) => position >= first && (last === undefined || position <= last));
}

test('every range that can be written gives the bytes that it means', () => {
	const number = fc.option(fc.integer({ min: 0, max: 25 }), { nil: undefined });
	fc.assert(
		fc.property(number, number, fc.integer({ min: 0, max: 20 }), (first, last, sizeBytes) => {
			const range = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, sizeBytes, always);
			const isWrong = first === undefined ? last === undefined : first > (last ?? Infinity);
			const positions = meant(first, last, sizeBytes);
			const span = { start: positions[0], end: (positions.at(-1) ?? 0) + 1 };
			const expected = positions.length === 0 ? 'unsatisfiable' : span;
			expect(range).toEqual(isWrong ? undefined : expected);
		})
	);
});

test('whatever is written, what is understood lies within the object', () => {
	fc.assert(
		fc.property(fc.stringMatching(/^bytes=[\d, -]{0,20}$/), fc.nat(100), (header, sizeBytes) => {
			const range = parseRange(header, sizeBytes, always);
			const { start, end } = typeof range === 'object' ? range : { start: 0, end: sizeBytes };
			expect(start >= 0 && start <= end && end <= sizeBytes).toBe(true);
			expect(typeof range === 'object' && start === end).toBe(false);
		})
	);
});
