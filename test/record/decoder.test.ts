import fc from 'fast-check';
import { addExtension, Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { BlobReference } from '../../lib/record/blob.ts';
import { canonicalBytes } from '../../lib/record/canonical.ts';
import { RecordDecoder } from '../../lib/record/decoder.ts';
import { objectOf } from '../../lib/record/shape.ts';
import { noStructures } from '../../lib/record/structures.ts';
import { endsWellOrWith } from '../support/thrown.ts';
import { storable, storableRecord } from './arbitrary.ts';
import { harperPackr } from './harper-packr.ts';

describe('a record that msgpackr wrote as Harper does', () => {
	test('reads as msgpackr reads it, whatever came before', () => {
		fc.assert(
			fc.property(fc.array(storableRecord, { minLength: 1, maxLength: 12 }), (records) => {
				const { packr, structures } = harperPackr();
				const encoded = records.map((record) => Buffer.from(packr.pack(record)));
				const decoder = new RecordDecoder(structures());
				for (const [i, bytes] of encoded.entries()) {
					const row = decoder.readRow(bytes);
					expect(canonicalBytes(row && objectOf(row))).toEqual(canonicalBytes({ ...packr.unpack(bytes) }));
					expect(Object.keys(objectOf(row!))).toEqual(Object.keys(packr.unpack(bytes)));
					expect(row && objectOf(row)).toEqual(records[i]);
				}
			}),
			{ numRuns: 300 }
		);
	});

	test('reads in the middle of other bytes', () => {
		const { packr, structures } = harperPackr();
		const bytes = Buffer.from(packr.pack({ id: 'a', list: [1, { two: 'zwei' }], note: 'é' }));
		const padded = Buffer.concat([Buffer.alloc(7, 0xff), bytes, Buffer.alloc(9, 0xff)]);
		const row = new RecordDecoder(structures()).readRow(padded, 7, 7 + bytes.length);
		expect(row && objectOf(row)).toEqual({ id: 'a', list: [1, { two: 'zwei' }], note: 'é' });
	});

	test('reads with more kinds of objects than one byte can name', () => {
		const { packr, structures } = harperPackr();
		const records = Array.from({ length: 200 }, (_, i) => ({
			id: i,
			list: [{ [`a${i}`]: i }, { [`a${i}`]: 2, b: 3 }],
		}));
		const encoded = records.map((record) => Buffer.from(packr.pack(record)));
		const decoder = new RecordDecoder(structures());
		for (const [i, bytes] of encoded.entries()) expect(objectOf(decoder.readRow(bytes)!)).toEqual(records[i]);
	});

	test('is undefined where it was deleted', () => {
		expect(new RecordDecoder().readRow(Buffer.of(0xc0))).toBeUndefined();
	});
});

test('any value reads as msgpackr reads it', () => {
	fc.assert(
		fc.property(storable, (value) => {
			const { packr, structures } = harperPackr();
			const bytes = Buffer.from(packr.pack(value));
			expect(new RecordDecoder(structures()).readValue(bytes)).toEqual(value);
		}),
		{ numRuns: 500 }
	);
});

/** Not in its declarations. */
const MORE_TYPES: object = { moreTypes: true };

test('sets, regular expressions, errors and typed arrays read as they were written', () => {
	const packr = new Packr(MORE_TYPES);
	const value = [
		new Set([1, 'two']),
		/a+b/gi,
		new Float64Array([1, 2.5]),
		new Int16Array([-1, 2]),
		new Date(Number.NaN),
		new Date(-1),
		new Date(8.64e15),
		new Error('no'),
	];
	const bytes = Buffer.from(packr.pack(value));
	expect(new RecordDecoder().readValue(bytes)).toEqual(value);
});

describe('a blob', () => {
	class Stored {
		readonly kind = 'stored';
	}
	const stored = new Map<object, unknown[]>();
	addExtension({
		Class: Stored,
		type: 11,
		pack: (blob: object) => new Packr({ useRecords: false }).pack(stored.get(blob)),
		unpack: () => undefined,
	});
	const written = (parts: unknown[]) => {
		const blob = new Stored();
		stored.set(blob, parts);
		const { packr, structures } = harperPackr();
		const bytes = Buffer.from(packr.pack({ id: 'a', picture: blob }));
		const decoder = new RecordDecoder(structures());
		const row = decoder.readRow(bytes)!;
		return { picture: objectOf(row)['picture'], blobs: decoder.blobs };
	};

	test('in a file gives the file', () => {
		const { picture, blobs } = written([{ type: 'image/png', size: 20_000 }, 1, '3fa']);
		expect(picture).toBeInstanceOf(BlobReference);
		expect(picture).toMatchObject({ fileId: '3fa', storageIndex: 1, properties: { type: 'image/png', size: 20_000 } });
		expect(blobs).toEqual([picture]);
	});

	test('within the record gives its bytes', () => {
		const { picture } = written([{ size: 3 }, new Uint8Array([1, 2, 3])]);
		expect(picture).toMatchObject({ fileId: undefined, bytes: new Uint8Array([1, 2, 3]) });
	});

	test('that names no file is refused', () => {
		expect(() => written([{}, 0, '../../etc'])).toThrow(RangeError);
	});
});

describe('bytes that are no value', () => {
	const { packr, structures } = harperPackr();
	const sample = Buffer.from(
		packr.pack({
			id: 'a',
			name: 'ein längerer Text',
			size: 7,
			list: [1, { two: [2n ** 90n, new Date(5)] }],
			map: new Map([['k', 1]]),
		})
	);
	const known = structures();

	test('give a RangeError or a value, never anything else', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 60 }), (noise) =>
				endsWellOrWith(RangeError, () => new RecordDecoder(known).readValue(noise))
			),
			{ numRuns: 3000 }
		);
	});

	test('also where only some bytes were changed or cut off', () => {
		fc.assert(
			fc.property(
				fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { maxLength: 3 }),
				fc.integer({ min: 0, max: sample.length }),
				(changes, length) => {
					const bytes = Buffer.from(sample);
					for (const [at, byte] of changes) bytes[at] = byte;
					return endsWellOrWith(RangeError, () => new RecordDecoder(known).readRow(bytes.subarray(0, length)));
				}
			),
			{ numRuns: 3000 }
		);
	});

	test.each([
		['a list of four billion', [0xdd, 0xff, 0xff, 0xff, 0xff]],
		['a map of four billion', [0xdf, 0xff, 0xff, 0xff, 0xff]],
		['a text of four billion', [0xdb, 0xff, 0xff, 0xff, 0xff]],
		['bytes of four billion', [0xc6, 0xff, 0xff, 0xff, 0xff]],
		['nesting without end', Array.from({ length: 100_000 }, () => 0x91)],
		['a structure that nobody knows', [0x3f - 8]],
		['bytes behind the value', [0x01, 0x02]],
		['nothing', []],
	])('such as %s are refused at once', (_, bytes) => {
		expect(() => new RecordDecoder(noStructures).readValue(Uint8Array.from(bytes))).toThrow(RangeError);
	});
});
