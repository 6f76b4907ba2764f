/** Which tables a role may read, and which attributes of them: as much of its permission as decides that. */
export type Grants = ReadonlyMap<string, ReadonlyMap<string, Readable>>;

/** `undefined`: every attribute. */
type Readable = { readonly attributes: ReadonlySet<string> | undefined };

/** Reads the permission of a role as Harper keeps it. What is not exactly as expected grants nothing. */
export function grantsOf(permission: unknown): Grants {
	const grants = new Map<string, ReadonlyMap<string, Readable>>();
	for (const [database, { tables }] of objectsIn(permission)) {
		const readable = new Map<string, Readable>();
		for (const [table, { read, attribute_permissions: attributes }] of objectsIn(tables)) {
			const granted = read === true ? readableOf(attributes) : undefined;
			if (granted !== undefined) readable.set(table, granted);
		}
		grants.set(database, readable);
	}
	return grants;
}

/** No list, or an empty one, restricts nothing; an attribute that another list leaves out may not be read. */
function readableOf(permissions: unknown): Readable | undefined {
	if (permissions === undefined || permissions === null) return { attributes: undefined };
	if (!Array.isArray(permissions)) return undefined;
	if (permissions.length === 0) return { attributes: undefined };
	const readable = permissions.filter((one) => isObject(one) && one['read'] === true);
	const names = readable.map((one: Readonly<Record<string, unknown>>) => one['attribute_name']);
	return { attributes: new Set(names.filter((name) => typeof name === 'string')) };
}

function objectsIn(value: unknown): readonly (readonly [string, Readonly<Record<string, unknown>>])[] {
	if (!isObject(value)) return [];
	return Object.entries(value).flatMap(([name, member]) => (isObject(member) ? [[name, member] as const] : []));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
