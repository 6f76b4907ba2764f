/** The value of an attribute. What every object inherits, such as `constructor`, is none. */
export function ownValue(object: Readonly<Record<string, unknown>> | null | undefined, name: string): unknown {
	return object && Object.hasOwn(object, name) ? object[name] : undefined;
}
