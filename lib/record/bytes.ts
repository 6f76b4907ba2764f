/** Byte by byte, as LMDB orders keys: negative, zero or positive. */
export function compareBytes(
	one: Uint8Array,
	oneStart: number,
	oneEnd: number,
	other: Uint8Array,
	otherStart: number,
	otherEnd: number
): number {
	const length = Math.min(oneEnd - oneStart, otherEnd - otherStart);
	for (let i = 0; i < length; i++) {
		const difference = one[oneStart + i]! - other[otherStart + i]!;
		if (difference !== 0) return difference;
	}
	return oneEnd - oneStart - (otherEnd - otherStart);
}
