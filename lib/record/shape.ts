/** The attributes that records of one kind have, in the order in which they were written. */
export class Shape {
	readonly names: readonly string[];
	readonly #positions: ReadonlyMap<string, number>;
	#sorted: readonly number[] | undefined;

	constructor(names: readonly string[]) {
		this.names = names;
		this.#positions = new Map(names.map((name, position) => [name, position]));
		if (this.#positions.size !== names.length) throw new RangeError('an attribute stands twice in a structure');
	}

	/** The positions of the names, sorted by name. */
	get sorted(): readonly number[] {
		this.#sorted ??= this.names
			.map((name, position) => ({ name, position }))
			.sort((a, b) => (a.name < b.name ? -1 : 1))
			.map(({ position }) => position);
		return this.#sorted;
	}

	positionOf(name: string): number | undefined {
		return this.#positions.get(name);
	}
}

/** A record, of which many share one shape. */
export interface Row {
	readonly shape: Shape;
	readonly values: readonly unknown[];
}

/** No name is `__proto__`: structures rename it. */
export function objectOf({ shape: { names }, values }: Row): Record<string, unknown> {
	const object: Record<string, unknown> = {};
	for (let position = 0; position < names.length; position++) object[names[position]!] = values[position];
	return object;
}
