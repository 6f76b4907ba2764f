import { Shape } from './shape.ts';

/** What a table has agreed with itself about how its records are written; its records are unreadable without. */
export interface Structures {
	/** Kinds of objects, by number. */
	readonly named: readonly (Shape | undefined)[];
	/** Kinds of records with a fixed place for each attribute, by number. */
	readonly typed: readonly (Layout | undefined)[];
}

export const noStructures: Structures = { named: [], typed: [] };

export const fieldType = { number: 0, object: 1, utf8: 2, ascii: 3, date: 16 } as const;

export interface Field {
	readonly type: number;
	/** How many bytes it takes in the fixed part. */
	readonly size: number;
	/** Where they stand there. */
	readonly offset: number;
	/** Which value of the row it is. */
	readonly position: number;
	/** It says where in the variable part its bytes begin; they end where those of the next one begin. */
	readonly isReference: boolean;
}

export interface Layout {
	readonly shape: Shape;
	readonly fields: readonly Field[];
	/** As many values as there are fields: copied, it takes less room than a list that grows. */
	readonly blank: readonly unknown[];
	/** The variable part begins here. */
	readonly fixedBytes: number;
}

/** Checks what was decoded of the place where a table keeps its structures. Throws a `RangeError` on anything else. */
export function parseStructures(stored: unknown): Structures {
	if (stored === undefined || stored === null) return noStructures;
	if (Array.isArray(stored)) return { named: stored.map(parseNamed), typed: [] };
	if (!(stored instanceof Map)) throw new RangeError('the structures are neither a list nor a map');
	const named: unknown = stored.get('named') ?? [];
	const typed: unknown = stored.get('typed') ?? [];
	if (!Array.isArray(named) || !Array.isArray(typed)) throw new RangeError('the structures are no lists');
	return { named: named.map(parseNamed), typed: typed.map(parseTyped) };
}

/** msgpackr renames this one, lest it set a prototype. */
export function safeName(name: string): string {
	return name === '__proto__' ? '__proto_' : name;
}

function parseNamed(stored: unknown): Shape | undefined {
	if (stored === undefined || stored === null) return undefined;
	if (!Array.isArray(stored)) throw new RangeError('a structure is no list');
	return new Shape(
		stored.map((name: unknown) => {
			if (typeof name !== 'string') throw new RangeError('a name in a structure is no text');
			return safeName(name);
		})
	);
}

function parseTyped(stored: unknown): Layout | undefined {
	if (stored === undefined || stored === null) return undefined;
	if (!Array.isArray(stored)) throw new RangeError('a structure is no list');
	const order: number[] = [];
	const names: string[] = [];
	let fixedBytes = 0;
	const fields = stored.map((definition: unknown, index) => {
		if (!Array.isArray(definition)) throw new RangeError('a field of a structure is no list');
		const [type, size, name, moved]: unknown[] = definition;
		if (typeof type !== 'number' || typeof size !== 'number' || typeof name !== 'string') {
			throw new RangeError('a field of a structure lacks its type, its size or its name');
		}
		if (!SIZES[type]?.includes(size)) throw new RangeError(`no field is of type ${type} and size ${size}`);
		// Objects are written last; this says how far back they belong.
		if (typeof moved === 'number' && moved !== 0) order.splice(index + moved, 0, index);
		else order.push(index);
		names.push(safeName(name));
		const offset = fixedBytes;
		fixedBytes += size;
		return { type, size, offset };
	});
	const shape = new Shape(order.map((index) => names[index]!));
	const position = new Map(order.map((index, place) => [index, place]));
	return {
		shape,
		fixedBytes,
		blank: fields.map(() => undefined),
		fields: fields.map((field, index) => ({
			...field,
			position: position.get(index)!,
			isReference: field.type === fieldType.object || field.type === fieldType.utf8 || field.type === fieldType.ascii,
		})),
	};
}

const SIZES: Readonly<Record<number, readonly number[]>> = {
	[fieldType.number]: [1, 4, 8],
	[fieldType.object]: [2, 4],
	[fieldType.utf8]: [1, 2],
	[fieldType.ascii]: [0, 1],
	[fieldType.date]: [8],
};
