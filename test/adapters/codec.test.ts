import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zlibCodec } from '../../lib/adapters/codec.ts';
import { CustodianError } from '../../lib/errors.ts';
import type { Compression } from '../../lib/snapshot/manifest.ts';
import { bytesOf, chunked, noise } from '../support/bytes.ts';

const compressions: readonly Compression[] = ['brotli', 'gzip', 'none'];

test('what was compressed is decompressed to the same bytes, however they come', async () => {
	await fc.assert(
		fc.asyncProperty(fc.constantFrom(...compressions), fc.array(fc.uint8Array()), async (how, chunks) => {
			const back = zlibCodec.decompress(how, zlibCodec.compress(how, chunked(...chunks)));
			expect(Buffer.compare(await bytesOf(back), Buffer.concat(chunks))).toBe(0);
		}),
		{ numRuns: 50 }
	);
});

test.each(['brotli', 'gzip'] as const)('%s makes less of what repeats, and passes more than a chunk', async (how) => {
	const whole = Buffer.concat([Buffer.alloc(2_000_000, 'abc'), noise(300_000)]);
	const compressed = await bytesOf(zlibCodec.compress(how, chunked(whole)));
	expect(compressed.length).toBeLessThan(400_000);
	expect(Buffer.compare(await bytesOf(zlibCodec.decompress(how, chunked(compressed))), whole)).toBe(0);
});

test.each(['brotli', 'gzip'] as const)('%s that is no such thing, or was cut short, is damaged', async (how) => {
	const compressed = await bytesOf(zlibCodec.compress(how, chunked(noise(10_000))));
	for (const bytes of [Buffer.alloc(500, 0xff), compressed.slice(0, -20)]) {
		await expect(bytesOf(zlibCodec.decompress(how, chunked(bytes)))).rejects.toMatchObject({
			code: 'object_damaged',
			hint: expect.any(String),
		});
	}
});

test.each(compressions)('what fails below passes through %s as it is', async (how) => {
	async function* failing(error: Error): AsyncGenerator<Uint8Array> {
		yield new Uint8Array(10);
		throw error;
	}
	for (const error of [new CustodianError('repository_unreachable', 'x', 'Down.'), new Error('plain')]) {
		await expect(bytesOf(zlibCodec.compress(how, failing(error)))).rejects.toBe(error);
		await expect(bytesOf(zlibCodec.decompress(how, failing(error)))).rejects.toBe(error);
	}
});

test.each(compressions)('who stops reading %s ends the source', async (how) => {
	let ended = false;
	async function* endless(): AsyncGenerator<Uint8Array> {
		try {
			for (;;) yield noise(100_000);
		} finally {
			ended = true;
		}
	}
	for await (const _ of zlibCodec.compress(how, endless())) break;
	await expect.poll(() => ended).toBe(true);
});
