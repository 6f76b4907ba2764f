import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CanonicalWriter } from '../../lib/record/canonical.ts';
import { RecordDecoder } from '../../lib/record/decoder.ts';
import type { Structures } from '../../lib/record/structures.ts';
import { isUtf8, readText, StoredText } from '../../lib/record/text.ts';
import { storable, storableRecord } from './arbitrary.ts';
import { harperPackr } from './harper-packr.ts';

/** Long and short, of every script, with halves of surrogate pairs. */
const text = fc.oneof(
	fc.string({ unit: 'binary', maxLength: 400 }),
	fc.string({ unit: 'grapheme', maxLength: 90 }),
	fc.array(fc.nat(0xffff), { maxLength: 90 }).map((units) => String.fromCharCode(...units)),
	fc.tuple(fc.string(), fc.constantFrom('\ud800', '\udfff', '\ufeff', '\ufffd', '\0')).map(([a, b]) => a + b + a),
	fc.integer({ min: 0, max: 70_000 }).map((length) => 'é'.repeat(length % 7) + 'x'.repeat(length))
);
const record = fc
	.tuple(storableRecord, text, fc.array(text, { maxLength: 3 }), fc.dictionary(text, text, { maxKeys: 3 }), storable)
	.map(([some, name, list, map, value]) => ({
		...some,
		name,
		list,
		map: new Map(Object.entries(map)),
		deep: { name, value },
	}));

/** The canonical form of a row, read with its texts as strings or as they are stored; or why it is none. */
function canonical(structures: Structures, bytes: Uint8Array, storesText: boolean): string {
	try {
		const row = new RecordDecoder(structures, { storesText }).readRow(bytes);
		const writer = new CanonicalWriter(16);
		if (row === undefined) writer.writeValue(null);
		else writer.writeRow(row);
		return writer.bytes.toString('hex', 0, writer.length);
	} catch (error) {
		if (error instanceof RangeError) return error.message;
		throw error;
	}
}

function isWellFormed(bytes: Uint8Array): boolean {
	try {
		new TextDecoder('utf-8', { fatal: true }).decode(bytes);
		return true;
	} catch {
		return false;
	}
}

describe('a row whose texts stay as they are stored', () => {
	test('has the canonical form of the one whose texts are read', () => {
		fc.assert(
			fc.property(fc.array(record, { minLength: 1, maxLength: 4 }), (records) => {
				const { packr, structures } = harperPackr();
				const encoded = records.map((one) => Buffer.from(packr.pack(one)));
				const known = structures();
				for (const bytes of encoded) expect(canonical(known, bytes, true)).toEqual(canonical(known, bytes, false));
			}),
			{ numRuns: 300 }
		);
	});

	test('fails as the other one does, or gives the same, where bytes were changed', () => {
		const { packr, structures } = harperPackr();
		const sample = Buffer.from(
			packr.pack({
				id: 'ä',
				text: 'ein längerer Text, \ud83d\ude00',
				list: ['ö', { two: ['x'] }],
				map: new Map([['k', 'v']]),
			})
		);
		const known = structures();
		const changes = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { maxLength: 3 });
		fc.assert(
			fc.property(changes, fc.integer({ min: sample.length - 3, max: sample.length }), (some, length) => {
				const bytes = Buffer.from(sample);
				for (const [at, byte] of some) bytes[at] = byte;
				const cut = bytes.subarray(0, length);
				expect(canonical(known, cut, true)).toEqual(canonical(known, cut, false));
			}),
			{ numRuns: 3000 }
		);
	});
});

describe('the bytes of a text', () => {
	test('are taken as they are just where reading and writing them gives the same', () => {
		const noise = fc.array(
			fc.oneof(fc.nat(255), fc.constantFrom(0xed, 0xa0, 0x80, 0xf0, 0xf4, 0x90, 0xe0, 0xc2, 0x41))
		);
		fc.assert(
			fc.property(
				fc.oneof(
					noise.map((one) => Buffer.from(one)),
					text.map((one) => Buffer.from(one))
				),
				(bytes) => {
					expect(isUtf8(bytes, 0, bytes.length)).toBe(isWellFormed(bytes));
				}
			),
			{ numRuns: 3000 }
		);
	});

	test('say the text that they are', () => {
		fc.assert(
			fc.property(text, (one) => {
				const bytes = Buffer.from(one.toWellFormed());
				expect(String(new StoredText(bytes, 0, bytes.length))).toBe(one.toWellFormed());
				expect(readText(Uint8Array.from(bytes), 0, bytes.length)).toBe(one.toWellFormed());
			})
		);
	});
});
