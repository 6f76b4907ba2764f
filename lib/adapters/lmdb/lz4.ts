/**
 * Decodes one LZ4 block that was made with a dictionary. `target` is filled from `targetStart` to its end, exactly.
 * False where the block is none, or is of another length.
 */
export function decodeLz4(
	source: Uint8Array,
	start: number,
	end: number,
	target: Uint8Array,
	targetStart: number,
	dictionary: Uint8Array
): boolean {
	let from = start;
	let to = targetStart;
	while (from < end) {
		const token = source[from++]!;
		let literals = token >> 4;
		if (literals === 15) {
			let more = 255;
			while (more === 255) {
				if (from >= end) return false;
				more = source[from++]!;
				literals += more;
			}
		}
		if (literals > end - from || literals > target.length - to) return false;
		for (const stop = from + literals; from < stop;) target[to++] = source[from++]!;
		// The last sequence has literals only.
		if (from === end) return to === target.length;

		if (end - from < 2) return false;
		const distance = source[from]! | (source[from + 1]! << 8);
		from += 2;
		let length = (token & 15) + 4;
		if (length === 19) {
			let more = 255;
			while (more === 255) {
				if (from >= end) return false;
				more = source[from++]!;
				length += more;
			}
		}
		if (distance === 0 || length > target.length - to) return false;
		let match = to - distance;
		if (match < targetStart) {
			let inDictionary = dictionary.length - (targetStart - match);
			if (inDictionary < 0) return false;
			for (; length > 0 && inDictionary < dictionary.length; length--) target[to++] = dictionary[inDictionary++]!;
			match = targetStart;
		}
		for (; length > 0; length--) target[to++] = target[match++]!;
	}
	return false;
}

/** No block can grow to more than this. */
export function longestLz4(compressedBytes: number): number {
	return compressedBytes * 255 + 64;
}
