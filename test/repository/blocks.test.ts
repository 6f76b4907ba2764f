import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { inBlocks } from '../../lib/repository/blocks.ts';
import { all, chunked } from '../support/bytes.ts';

test('blocks are full but the last, none is empty, and together they are the bytes', async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
			fc.integer({ min: 1, max: 30 }),
			async (chunks, blockBytes) => {
				const blocks = await all(inBlocks(chunked(...chunks), blockBytes));
				expect(Buffer.concat(blocks)).toEqual(Buffer.concat(chunks));
				expect(blocks.slice(0, -1).every(({ length }) => length === blockBytes)).toBe(true);
				expect(blocks.every(({ length }) => length > 0 && length <= blockBytes)).toBe(true);
			}
		)
	);
});

test('a small object costs no large block', async () => {
	const [block] = await all(inBlocks(chunked('x'), 8 * 1024 * 1024));
	expect(block?.buffer.byteLength).toBeLessThanOrEqual(65_536);
});
