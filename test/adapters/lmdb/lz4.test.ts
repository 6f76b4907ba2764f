import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { open, type RootDatabase } from 'lmdb';
import { afterAll, describe, expect, test } from 'vitest';
import { compressionOf, Decompressor } from '../../../lib/adapters/lmdb/compression.ts';
import { defaultDictionary } from '../../../lib/adapters/lmdb/dictionary.ts';
import { CustodianError } from '../../../lib/errors.ts';
import { endsWellOrWith } from '../../support/thrown.ts';

const directory = mkdtempSync(join(tmpdir(), 'lz4-'));
const root: RootDatabase = open({ path: join(directory, 'live.mdb') });
const options = { startingOffset: 32, threshold: 100 };
const written = root.openDB('values', { encoding: 'binary', compression: options } as never);
/** The same store without knowing that it compresses: it gives what is stored. */
const raw = root.openDB('values', { encoding: 'binary', compression: false } as never);
afterAll(async () => {
	await root.close();
	rmSync(directory, { recursive: true, force: true });
});

const compression = compressionOf(options, 'here')!;

function shown(stored: Buffer): Buffer {
	const decompressor = new Decompressor(compression);
	const padded = Buffer.concat([Buffer.alloc(3, 0xff), stored, Buffer.alloc(3, 0xff)]);
	decompressor.show(padded, 3, padded.length - 3, () => 'here');
	return Buffer.from(decompressor.bytes.subarray(decompressor.start, decompressor.end));
}

function store(value: Buffer): Buffer {
	written.putSync('key', value);
	return Buffer.from(raw.getBinary('key')!);
}

const words = fc
	.array(fc.constantFrom('that with they have this from word what some ', '"id":', 'x'.repeat(500), '\u00e4', '1234'), {
		maxLength: 80,
	})
	.map((parts) => Buffer.from(parts.join('')));

describe('a value that lmdb compressed', () => {
	test('is what was put', () => {
		let compressed = 0;
		fc.assert(
			fc.property(
				fc.oneof(
					words,
					fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))
				),
				(value) => {
					const stored = store(value);
					if (!stored.equals(value)) compressed++;
					expect(shown(stored).equals(value)).toBe(true);
				}
			),
			{ numRuns: 300 }
		);
		expect(compressed).toBeGreaterThan(50);
	});

	test('is what was put, also when it is long', () => {
		for (const size of [70_000, 2_000_000, 17_000_000]) {
			const value = Buffer.alloc(size, 'a text that comes again and again, ');
			expect(shown(store(value)).equals(value)).toBe(true);
		}
	});

	test('and was damaged is refused, or is something else', () => {
		const stored = store(Buffer.from('that with they have this from word what some '.repeat(30)));
		fc.assert(
			fc.property(
				fc.integer({ min: 32, max: stored.length - 1 }),
				fc.nat(255),
				fc.nat(stored.length),
				(at, byte, length) => {
					const damaged = Buffer.from(stored);
					damaged[at] = byte;
					const cut = damaged.subarray(0, Math.max(length, at));
					expect(endsWellOrWith(CustodianError, () => shown(cut))).toBe(true);
				}
			),
			{ numRuns: 3000 }
		);
	});
});

test('the dictionary is the one that lmdb ships', () => {
	const shipped = join(dirname(createRequire(import.meta.url).resolve('lmdb')), '../dict/dict.txt');
	expect(Buffer.from(defaultDictionary()).equals(readFileSync(shipped))).toBe(true);
});
