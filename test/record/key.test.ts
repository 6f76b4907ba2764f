import fc from 'fast-check';
import { fromBufferKey, toBufferKey } from 'ordered-binary';
import { describe, expect, test } from 'vitest';
import { compareBytes } from '../../lib/record/bytes.ts';
import { isPlainText, readKey, writeKey } from '../../lib/record/key.ts';
import { endsWellOrWith } from '../support/thrown.ts';

const target = Buffer.alloc(8192);

function written(key: unknown): Buffer {
	return Buffer.from(target.subarray(0, writeKey(key, target.fill(0xee), 0)));
}

const text = fc.oneof(
	fc.string({ unit: 'binary', maxLength: 80 }),
	fc.string({ maxLength: 20 }),
	fc.constantFrom('', '\u0000', '\u0003x', '\u001b')
);
const scalar = fc.oneof(
	text,
	fc.integer(),
	fc.double({ noNaN: true }),
	fc
		.bigInt({ min: -(2n ** 70n), max: 2n ** 70n })
		.filter((integer) => integer > 0n || BigInt(Number(integer)) === integer),
	fc.boolean(),
	fc.constant(null)
);

describe('a key', () => {
	test('has the bytes that ordered-binary gives it', () => {
		fc.assert(
			fc.property(fc.oneof(scalar, fc.array(scalar, { minLength: 2, maxLength: 4 })), (key) => {
				expect(written(key).toString('hex')).toBe(Buffer.from(toBufferKey(key as never)).toString('hex'));
			}),
			{ numRuns: 3000 }
		);
	});

	test('is the bytes of a text where those are plain', () => {
		const ascii = fc.oneof(text, fc.string({ maxLength: 300 }));
		fc.assert(
			fc.property(ascii, (one) => {
				const bytes = Buffer.from(one);
				if (!isPlainText(bytes, 0, bytes.length)) return;
				expect(written(one).toString('hex')).toBe(bytes.toString('hex'));
				expect(readKey(bytes, 0, bytes.length)).toBe(one);
			}),
			{ numRuns: 3000 }
		);
	});

	test('reads as ordered-binary reads it, which takes a null at the end of a list for an empty text', () => {
		const scalarThere = scalar.filter((one) => !Object.is(one, -0));
		const part = scalarThere.filter((one) => one !== null);
		fc.assert(
			fc.property(fc.oneof(scalarThere, fc.array(part, { minLength: 2, maxLength: 4 })), (key) => {
				const bytes = written(key);
				expect(readKey(bytes, 0, bytes.length)).toEqual(
					fromBufferKey(Buffer.concat([bytes, Buffer.alloc(12)]).subarray(0, bytes.length))
				);
			}),
			{ numRuns: 3000 }
		);
	});

	test('reads as it was written', () => {
		const short = fc.string({ unit: 'grapheme', maxLength: 15 });
		const key = fc.oneof(
			short,
			fc.integer(),
			fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
			fc.boolean()
		);
		fc.assert(
			fc.property(fc.oneof(key, fc.array(key, { minLength: 2, maxLength: 4 })), (one) => {
				const bytes = written(one);
				expect(readKey(bytes, 0, bytes.length)).toEqual(one);
			}),
			{ numRuns: 3000 }
		);
	});

	test('stands among others as numbers do', () => {
		fc.assert(
			fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
				fc.pre(!Object.is(a, -0) && !Object.is(b, -0));
				const [one, other] = [written(a), written(b)];
				expect(Math.sign(compareBytes(one, 0, one.length, other, 0, other.length))).toBe(
					Math.sign(a < b ? -1 : a > b ? 1 : 0)
				);
			})
		);
	});

	test.each([2n ** 53n + 1n, 2n ** 64n - 1n, 2n ** 100n + 12_345n, 2n ** 60n + 1n])(
		'keeps %s to the last digit',
		(integer) => {
			const bytes = written(integer);
			expect(readKey(bytes, 0, bytes.length)).toBe(integer);
		}
	);

	test('is a symbol where a store keeps what is no row', () => {
		const bytes = written(Symbol.for('structures'));
		expect(bytes[0]).toBe(2);
		expect(readKey(bytes, 0, bytes.length)).toBe(Symbol.for('structures'));
	});
});

test('bytes that are no key give a RangeError or some key', () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 30 }), (noise) => {
			expect(endsWellOrWith(RangeError, () => readKey(noise, 0, noise.length))).toBe(true);
		}),
		{ numRuns: 5000 }
	);
});

test.each([[() => 1], [{}], ['x'.repeat(5000)]])('what is no key, or none that fits, is refused', (value) => {
	expect(() => writeKey(value, target, 0)).toThrow(RangeError);
});
