import { createDecipheriv, hkdfSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeCipher } from '../../../lib/adapters/node-cipher.ts';
import { seal, unseal, unsealRange } from '../../../lib/repository/sealing/seal.ts';
import { snapshotSealer } from '../../../lib/repository/sealing/sealer.ts';
import { bytesOf, chunked, noise } from '../../support/bytes.ts';

const KEY = noise(32, 7);
const CONTEXT = { snapshotId: '20261123T135342123Z-1a2b3c4d', role: 'data.mdb.br' };
const CHUNK = 65_536;
const STORED = CHUNK + 16;
const HEADER = 40;

const sealed = (plain: Uint8Array, chunkBytes = CHUNK) =>
	bytesOf(seal(nodeCipher, chunked(plain), KEY, CONTEXT, chunkBytes));
const unsealed = (bytes: Uint8Array, key = KEY, context = CONTEXT) =>
	bytesOf(unseal(nodeCipher, chunked(bytes), key, context));
const damaged = { name: 'CustodianError', code: 'object_damaged', subject: CONTEXT.role };

/** Around the borders of chunks, where mistakes live. */
const size = fc.oneof(
	fc.integer({ min: 0, max: 300 }),
	fc.constantFrom(CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5)
);

describe('a sealed stream', () => {
	test('gives back what was sealed, however it was cut', async () => {
		await fc.assert(
			fc.asyncProperty(size, fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 }), async (length, cuts) => {
				const plain = noise(length);
				const bytes = await bytesOf(seal(nodeCipher, cutAt(plain, cuts), KEY, CONTEXT, CHUNK));
				const again = await bytesOf(unseal(nodeCipher, cutAt(bytes, cuts), KEY, CONTEXT));
				expect(Buffer.compare(again, plain)).toBe(0);
				expect(bytes.length).toBe(HEADER + length + 16 * Math.max(1, Math.ceil(length / CHUNK)));
			}),
			{ numRuns: 40 }
		);
	});

	test.each([CHUNK, 2 * CHUNK, 16 * CHUNK])('may have chunks of %d bytes', async (chunkBytes) => {
		const plain = noise(3 * CHUNK);
		expect(Buffer.compare(await unsealed(await sealed(plain, chunkBytes)), plain)).toBe(0);
	});

	test.each([0, 1, 32_768, 65_537, 2_097_152])('has no chunks of %d bytes', async (chunkBytes) => {
		await expect(sealed(noise(1), chunkBytes)).rejects.toThrow(RangeError);
	});

	test('is another one each time, and shows nothing of what it holds', async () => {
		const plain = new Uint8Array(1000);
		const [first, second] = [await sealed(plain), await sealed(plain)];
		expect(Buffer.compare(first.subarray(HEADER), second.subarray(HEADER))).not.toBe(0);
		expect(Buffer.from(first).includes(Buffer.alloc(16))).toBe(false);
	});

	test('is read by whoever follows the document and knows nothing of this code', async () => {
		const plain = noise(2 * CHUNK + 100);
		const bytes = Buffer.from(await sealed(plain));
		expect(Buffer.compare(readByTheDocument(bytes), plain)).toBe(0);
		expect(readByTheDocument(Buffer.from(await sealed(new Uint8Array(0)))).length).toBe(0);
	});

	test('passes on a chunk before the rest has come', async () => {
		const bytes = await sealed(noise(3 * CHUNK));
		async function* broken(): AsyncGenerator<Uint8Array> {
			yield bytes.subarray(0, HEADER + 2 * STORED);
			throw new Error('the rest was asked for');
		}
		const reading = unseal(nodeCipher, broken(), KEY, CONTEXT);
		expect((await reading.next()).value?.length).toBe(CHUNK);
		await expect(reading.next()).rejects.toThrow('the rest was asked for');
	});

	test('closes its source when the reader leaves', async () => {
		const bytes = await sealed(noise(3 * CHUNK));
		let closed = false;
		async function* source(): AsyncGenerator<Uint8Array> {
			try {
				for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
			} finally {
				closed = true;
			}
		}
		for await (const chunk of unseal(nodeCipher, source(), KEY, CONTEXT)) {
			expect(chunk.length).toBe(CHUNK);
			break;
		}
		expect(closed).toBe(true);
	});
});

describe('a change of a sealed stream is found:', () => {
	const length = 2 * CHUNK + 50;

	test('any bit', async () => {
		const bytes = await sealed(noise(length));
		await fc.assert(
			fc.asyncProperty(fc.integer({ min: 0, max: bytes.length * 8 - 1 }), async (bit) => {
				const changed = bytes.slice();
				changed[bit >> 3]! ^= 1 << (bit & 7);
				const code = bit >> 3 === 4 ? 'unknown_format' : 'object_damaged';
				await expect(unsealed(changed)).rejects.toMatchObject({ code });
			}),
			{ numRuns: 60, examples: Array.from({ length: HEADER }, (_, byte) => [byte * 8] as [number]) }
		);
	});

	test('any bit of a small one', async () => {
		const bytes = await sealed(noise(3));
		for (let bit = 0; bit < bytes.length * 8; bit++) {
			const changed = bytes.slice();
			changed[bit >> 3]! ^= 1 << (bit & 7);
			await expect(unsealed(changed)).rejects.toMatchObject({ name: 'CustodianError' });
		}
	});

	test('any end that is missing', async () => {
		const bytes = await sealed(noise(length));
		const ends = [0, 1, HEADER - 1, HEADER, HEADER + 1, HEADER + 16, HEADER + STORED, HEADER + 2 * STORED];
		for (const end of [...ends, bytes.length - 1, bytes.length - 16, bytes.length - 50]) {
			await expect(unsealed(bytes.subarray(0, end))).rejects.toMatchObject(damaged);
		}
	});

	test('any end that was added', async () => {
		for (const plain of [noise(length), noise(CHUNK), noise(0)]) {
			const bytes = await sealed(plain);
			for (const more of [noise(1), noise(16), noise(STORED), bytes.subarray(HEADER), bytes]) {
				await expect(unsealed(joined(bytes, more))).rejects.toMatchObject(damaged);
			}
		}
	});

	test('chunks in another order, twice, or missing', async () => {
		const bytes = await sealed(noise(4 * CHUNK));
		const head = bytes.subarray(0, HEADER);
		const chunk = (index: number) => bytes.subarray(HEADER + index * STORED, HEADER + (index + 1) * STORED);
		for (const order of [
			[1, 0, 2, 3],
			[0, 2, 1, 3],
			[0, 0, 1, 2, 3],
			[0, 1, 1, 3],
			[1, 2, 3],
			[0, 1, 3],
			[0, 1, 2],
			[3],
			[0, 1, 2, 3, 3],
		]) {
			await expect(unsealed(joined(head, ...order.map(chunk)))).rejects.toMatchObject(damaged);
		}
	});

	test('chunks of another object that has the same key', async () => {
		const [first, second] = [await sealed(noise(2 * CHUNK, 1)), await sealed(noise(2 * CHUNK, 2))];
		const mixed = joined(first.subarray(0, HEADER + STORED), second.subarray(HEADER + STORED));
		await expect(unsealed(mixed)).rejects.toMatchObject(damaged);
	});

	test.each([
		['another key', noise(32, 8), CONTEXT],
		['another role', KEY, { ...CONTEXT, role: 'blobs/1' }],
		['another snapshot', KEY, { ...CONTEXT, snapshotId: '20261123T135342124Z-1a2b3c4d' }],
	])('%s', async (_, key, context) => {
		await expect(unsealed(await sealed(noise(10)), key, context)).rejects.toMatchObject({ code: 'object_damaged' });
	});

	test('a version from the future, which is no damage', async () => {
		const bytes = await sealed(noise(10));
		bytes[4] = 2;
		await expect(unsealed(bytes)).rejects.toMatchObject({ code: 'unknown_format', hint: expect.any(String) });
	});
});

describe('a range of a sealed stream', () => {
	const objectOf = (bytes: Uint8Array, asked: { bytes: number } = { bytes: 0 }) => ({
		sizeBytes: bytes.length,
		async *read({ start, end }: { readonly start: number; readonly end?: number | undefined }) {
			const part = bytes.subarray(start, end);
			asked.bytes += part.length;
			yield* cutAt(part, [1000]);
		},
	});

	test('is what the whole has there', async () => {
		const edge = fc.oneof(
			fc.integer({ min: 0, max: 3 * CHUNK }),
			fc.constantFrom(0, CHUNK, CHUNK - 1, CHUNK + 1, 2 * CHUNK)
		);
		await fc.assert(
			fc.asyncProperty(size, edge, fc.option(edge, { nil: undefined }), async (length, start, end) => {
				const plain = noise(length);
				const object = objectOf(await sealed(plain));
				const found = await bytesOf(unsealRange(nodeCipher, object, KEY, CONTEXT, { start, end }));
				expect(Buffer.compare(found, plain.subarray(start, Math.max(start, end ?? length)))).toBe(0);
			}),
			{ numRuns: 60 }
		);
	});

	test('costs no more than its chunks and the header', async () => {
		const asked = { bytes: 0 };
		const object = objectOf(await sealed(noise(10 * CHUNK)), asked);
		await bytesOf(unsealRange(nodeCipher, object, KEY, CONTEXT, { start: 5 * CHUNK + 10, end: 5 * CHUNK + 20 }));
		expect(asked.bytes).toBe(HEADER + STORED);
	});

	test('is found damaged when it is, and when the object was cut', async () => {
		const bytes = await sealed(noise(3 * CHUNK));
		const range = { start: CHUNK, end: 3 * CHUNK };
		const changed = bytes.slice();
		changed[HEADER + STORED]! ^= 1;
		for (const wrong of [changed, bytes.subarray(0, HEADER + 2 * STORED), bytes.subarray(0, HEADER), noise(5)]) {
			const reading = bytesOf(unsealRange(nodeCipher, objectOf(wrong), KEY, CONTEXT, range));
			await expect(reading).rejects.toMatchObject(damaged);
		}
		const cut = objectOf(bytes.subarray(0, HEADER + 2 * STORED));
		const shorter = { ...cut, sizeBytes: bytes.length };
		await expect(bytesOf(unsealRange(nodeCipher, shorter, KEY, CONTEXT, range))).rejects.toMatchObject(damaged);
	});
});

test('the objects of a snapshot cannot be exchanged', async () => {
	const sealer = snapshotSealer(nodeCipher, KEY, CONTEXT.snapshotId);
	const bytes = await bytesOf(sealer.seal(chunked('first'), 'a'));
	expect(Buffer.from(await bytesOf(sealer.unseal(chunked(bytes), 'a'))).toString()).toBe('first');
	await expect(bytesOf(sealer.unseal(chunked(bytes), 'b'))).rejects.toMatchObject({ code: 'object_damaged' });
});

/** `docs/repository-format.md`, word for word. */
function readByTheDocument(bytes: Buffer): Buffer {
	expect(bytes.subarray(0, 4).toString()).toBe('HCSE');
	expect([bytes[4], bytes[5], bytes[6], bytes[7]]).toEqual([1, 16, 0, 0]);
	const key = Buffer.from(hkdfSync('sha256', KEY, bytes.subarray(8, 40), 'harper-custodian object v1', 32));
	const associated = Buffer.concat([
		bytes.subarray(0, 40),
		Buffer.from('["20261123T135342123Z-1a2b3c4d","data.mdb.br"]'),
	]);
	const plain: Buffer[] = [];
	for (let at = 40, index = 0; at < bytes.length; at += STORED, index++) {
		const end = Math.min(bytes.length, at + STORED);
		const nonce = Buffer.alloc(12);
		nonce.writeUInt32BE(index, 7);
		nonce.writeUInt8(end === bytes.length ? 1 : 0, 11);
		const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
		decipher.setAAD(associated);
		decipher.setAuthTag(bytes.subarray(end - 16, end));
		plain.push(decipher.update(bytes.subarray(at, end - 16)), decipher.final());
	}
	return Buffer.concat(plain);
}

async function* cutAt(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
	for (let at = 0, turn = 0; at < bytes.length; turn++) {
		const length = cuts[turn % cuts.length] ?? 1;
		yield bytes.subarray(at, at + length);
		at += length;
	}
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
	return new Uint8Array(Buffer.concat(parts));
}
