import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSettled, settle, settledBefore, type Settled } from '../../lib/schedule/settled.ts';

const beside = (moment: number) => ({ before: moment - 10, after: moment + 10 });
const all = (...moments: number[]) => moments.reduce<Settled>((sum, one) => settle(sum, one, beside(one)), []);

describe('settled occurrences', () => {
	it('that follow each other are one span, in whatever order they came', () => {
		expect(all(10, 20, 30)).toEqual([{ from: 10, to: 30 }]);
		expect(all(30, 10, 20)).toEqual([{ from: 10, to: 30 }]);
	});

	it('leave open what lies between two spans', () => {
		const settled = all(10, 20, 50);
		expect(settled).toEqual([
			{ from: 10, to: 20 },
			{ from: 50, to: 50 },
		]);
		expect([20, 30, 40, 50].map((one) => isSettled(settled, one))).toEqual([true, false, false, true]);
		expect([10, 30, 60].map((one) => settledBefore(settled, one))).toEqual([undefined, 20, 50]);
	});

	it('stand alone where nothing is before or after them', () => {
		expect(settle([], 5, { before: undefined, after: undefined })).toEqual([{ from: 5, to: 5 }]);
	});

	it('of a hundred downtimes and more are joined where they are oldest', () => {
		const moments = Array.from({ length: 150 }, (_, i) => i * 100);
		const settled = all(...moments);
		expect(settled).toHaveLength(100);
		expect(settled[0]).toEqual({ from: 0, to: 5000 });
		expect(settled.at(-1)).toEqual({ from: 14_900, to: 14_900 });
	});

	it('are never forgotten, and never more than a hundred spans', () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 400 }), (tens) => {
				const moments = tens.map((ten) => ten * 10);
				const settled = all(...moments);
				expect(moments.every((one) => isSettled(settled, one))).toBe(true);
				expect(settled.length).toBeLessThanOrEqual(100);
				expect(settled.toSorted((a, b) => a.from - b.from)).toEqual(settled);
				// Up to a hundred spans nothing else is taken for settled.
				const extra = Array.from({ length: 1001 }, (_, i) => i * 10).filter((one) => isSettled(settled, one));
				expect(extra.length === new Set(moments).size || settled.length === 100).toBe(true);
			})
		);
	});
});
