/** Cuts bytes into blocks of one size; the last may be shorter, none is empty. Each block is memory of its own. */
export async function* inBlocks(
	bytes: AsyncIterable<Uint8Array>,
	blockBytes: number
): AsyncGenerator<Uint8Array, void, undefined> {
	let block = new Uint8Array(0);
	let filled = 0;
	for await (const chunk of bytes) {
		for (let taken = 0; taken < chunk.length;) {
			if (filled === block.length) block = grown(block, blockBytes);
			const piece = chunk.subarray(taken, taken + block.length - filled);
			block.set(piece, filled);
			taken += piece.length;
			filled += piece.length;
			if (filled < blockBytes) continue;
			yield block;
			block = new Uint8Array(0);
			filled = 0;
		}
	}
	if (filled > 0) yield block.subarray(0, filled);
}

const FIRST_BYTES = 64 * 1024;

/** So that a small object costs no large block. */
function grown(block: Uint8Array, limitBytes: number): Uint8Array<ArrayBuffer> {
	const larger = new Uint8Array(Math.min(limitBytes, Math.max(FIRST_BYTES, block.length * 2)));
	larger.set(block);
	return larger;
}
