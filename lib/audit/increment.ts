/** How much a value of a patch adds to what is there; undefined for a value that replaces it. */
export function incrementOf(value: unknown): number | bigint | undefined {
	if (typeof value !== 'object' || value === null || Reflect.get(value, '__op__') !== 'add') return undefined;
	const increment: unknown = Reflect.get(value, 'value');
	return typeof increment === 'number' || typeof increment === 'bigint' ? increment : undefined;
}

/** As Harper adds: what is no number counts as nothing, and what can be read as one does not. */
export function add(before: unknown, increment: number | bigint): unknown {
	const sum = sumOf(before, increment);
	// A BigInt that is zero is stored as no value: see docs/harper.md.
	return sum === 0n ? undefined : sum;
}

function sumOf(before: unknown, increment: number | bigint): unknown {
	if (typeof before === 'bigint') return before + BigInt(increment);
	if (before === null || Number.isNaN(Number(before))) return increment;
	if (typeof before !== 'object' && typeof before !== 'string') return Number(before) + Number(increment);
	// A text, a list and a moment that read as a number are written out, and the increment behind them.
	return `${Reflect.apply(String, undefined, [before])}${increment}`;
}
