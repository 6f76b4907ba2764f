import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCursor, writeCursor, type Order } from '../../lib/audit/cursor.ts';

const moment = fc.double({ min: 0, max: 8.64e15, noNaN: true });

test('a cursor says what was written into it, and stands in a URL as it is', () => {
	const order = fc.constantFrom<Order>('newest', 'oldest');
	fc.assert(
		fc.property(fc.record({ order, after: moment, from: moment, to: moment }), (cursor) => {
			const text = writeCursor(cursor);
			expect(text).toBe(encodeURIComponent(text));
			expect(readCursor(text)).toEqual({
				...cursor,
				after: cursor.after + 0,
				from: cursor.from + 0,
				to: cursor.to + 0,
			});
		})
	);
});

test('what is no cursor is none', () => {
	for (const text of ['', 'x', btoa('n_1_2'), btoa('z_1_2_3'), btoa('n_1_2_x'), btoa('n_1_-2_3'), 'a'.repeat(500)]) {
		expect([text, readCursor(text)]).toEqual([text, undefined]);
	}
	fc.assert(fc.property(fc.string(), (text) => readCursor(text) === undefined || text.length > 4));
});
