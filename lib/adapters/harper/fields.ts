/** Reads named fields of what Harper answers. A field that is missing or of another type is undefined, never a guess. */

export type Fields = Readonly<Record<string, unknown>>;

export function asFields(value: unknown): Fields {
	return isObject(value) ? value : {};
}

export function numberIn(fields: Fields, name: string): number | undefined {
	const value = fields[name];
	return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function stringIn(fields: Fields, name: string): string | undefined {
	const value = fields[name];
	return typeof value === 'string' ? value : undefined;
}

export function booleanIn(fields: Fields, name: string): boolean | undefined {
	const value = fields[name];
	return typeof value === 'boolean' ? value : undefined;
}

export function listIn(fields: Fields, name: string): readonly Fields[] {
	const value = fields[name];
	return Array.isArray(value) ? value.map(asFields) : [];
}

/** An instant that Harper writes as a date in words, or as milliseconds. */
export function instantIn(fields: Fields, name: string): number | undefined {
	const value = fields[name];
	if (value instanceof Date) return definite(value.getTime());
	return typeof value === 'string' ? definite(Date.parse(value)) : numberIn(fields, name);
}

/** Any object may be asked for any name. */
function isObject(value: unknown): value is Fields {
	return typeof value === 'object' && value !== null;
}

function definite(at: number): number | undefined {
	return Number.isNaN(at) ? undefined : at;
}
