import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSpan, spellSpan } from '../lib/span.ts';

describe('a span', () => {
	test.each([
		['1s', 1000],
		['90s', 90_000],
		['30m', 1_800_000],
		['12h', 43_200_000],
		['7d', 604_800_000],
		['8w', 4_838_400_000],
		['250ms', 250],
		['0s', 0],
	])('%s is %i milliseconds', (text, ms) => {
		expect(parseSpan(text)).toBe(ms);
	});

	test.each(['', '7', 'd', '7D', '7 d', ' 7d', '7d\n', '-7d', '+7d', '1.5h', '1d12h', '1y', '1mo', '7dd', '1toString'])(
		'is not %j',
		(text) => {
			expect(parseSpan(text)).toBeUndefined();
		}
	);

	test('that is too long to be exact is none', () => {
		expect(parseSpan(`${Number.MAX_SAFE_INTEGER}ms`)).toBe(Number.MAX_SAFE_INTEGER);
		expect(parseSpan(`${Number.MAX_SAFE_INTEGER}s`)).toBeUndefined();
	});

	test.each([
		[0, '0s'],
		[999, '999ms'],
		[5_400_000, '90m'],
		[172_800_000, '2d'],
		[604_800_000, '1w'],
	])('of %i ms is spelt %s', (ms, text) => {
		expect(spellSpan(ms)).toBe(text);
	});

	test('is read back as it was spelt', () => {
		fc.assert(fc.property(fc.maxSafeNat(), (ms) => parseSpan(spellSpan(ms)) === ms));
	});
});
