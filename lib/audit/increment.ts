/** How much a value of a patch adds to what is there; undefined for a value that replaces it. */
export function incrementOf(value: unknown): number | bigint | undefined {
	if (typeof value !== 'object' || value === null || Reflect.get(value, '__op__') !== 'add') return undefined;
	const increment: unknown = Reflect.get(value, 'value');
	return typeof increment === 'number' || typeof increment === 'bigint' ? increment : undefined;
}

/** As Harper adds: what is no number counts as nothing. */
export function add(before: unknown, increment: number | bigint): unknown {
	if (typeof before === 'bigint') return before + BigInt(increment);
	const number = Number(before);
	if (before === undefined || Number.isNaN(number)) return increment;
	return typeof increment === 'bigint' ? BigInt(number) + increment : number + increment;
}
