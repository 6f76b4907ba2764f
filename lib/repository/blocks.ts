/** Cuts bytes into blocks of one size; the last may be shorter, none is empty. Each block is memory of its own. */
export async function* inBlocks(
	bytes: AsyncIterable<Uint8Array>,
	blockBytes: number
): AsyncGenerator<Uint8Array, void, undefined> {
	let block = new Uint8Array(0);
	let filled = 0;
	let firstBytes = FIRST_BYTES;
	for await (const chunk of bytes) {
		for (let taken = 0; taken < chunk.length;) {
			if (filled === block.length) block = grown(block, Math.min(blockBytes, Math.max(firstBytes, block.length * 2)));
			const piece = chunk.subarray(taken, taken + block.length - filled);
			block.set(piece, filled);
			taken += piece.length;
			filled += piece.length;
			if (filled < blockBytes) continue;
			yield block;
			block = new Uint8Array(0);
			filled = 0;
			firstBytes = blockBytes;
		}
	}
	if (filled > 0) yield block.subarray(0, filled);
}

/** So that a small object costs no large block. */
const FIRST_BYTES = 64 * 1024;

function grown(block: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
	const larger = new Uint8Array(length);
	larger.set(block);
	return larger;
}
