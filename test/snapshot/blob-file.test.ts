import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blobState } from '../../lib/snapshot/blob-file.ts';

function header(kind: number, contentBytes: number): Uint8Array {
	const bytes = Buffer.alloc(8);
	bytes.writeUInt16BE(kind, 0);
	bytes.writeUIntBE(contentBytes, 2, 6);
	return bytes;
}

const UNFINISHED = 2 ** 48 - 1;

test.each([
	['plain, with all of its bytes', header(0, 100), 108, 'complete'],
	['plain and empty', header(0, 0), 8, 'complete'],
	['plain and larger than four gigabytes', header(0, 2 ** 33 + 5), 2 ** 33 + 13, 'complete'],
	['plain and short of bytes', header(0, 100), 107, 'unfinished'],
	['plain with too many bytes', header(0, 100), 109, 'damaged'],
	['plain, its size yet to come', header(0, UNFINISHED), 50, 'unfinished'],
	['deflated, whose size is that of its content', header(1, 100), 30, 'complete'],
	['deflated, its size yet to come', header(1, UNFINISHED), 30, 'unfinished'],
	['an error that Harper met', header(255, 12), 20, 'failed'],
	['an error, its size yet to come', header(255, UNFINISHED), 20, 'failed'],
	['of a kind that nobody knows', header(2, 100), 108, 'damaged'],
	['without a byte', new Uint8Array(), 0, 'unfinished'],
	['shorter than its header', new Uint8Array(5), 5, 'damaged'],
])('a file that is %s', (_, bytes, fileBytes, state) => {
	expect(blobState(bytes, fileBytes)).toBe(state);
});

test('the header may stand anywhere in memory', () => {
	fc.assert(
		fc.property(fc.integer({ min: 0, max: UNFINISHED - 9 }), fc.nat(20), (contentBytes, offset) => {
			const memory = new Uint8Array(offset + 8 + 5).fill(7);
			memory.set(header(0, contentBytes), offset);
			expect(blobState(memory.subarray(offset, offset + 8), contentBytes + 8)).toBe('complete');
		})
	);
});
