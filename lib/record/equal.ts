import { isDate } from '../time.ts';
import { BlobReference } from './blob.ts';
import { canonicalBytes } from './canonical.ts';
import { compareBytes } from './bytes.ts';
import { ownValue } from './own-value.ts';

/**
 * Whether two values of a record mean the same. Numbers and BigInts differ; an attribute that is `undefined` is none;
 * a blob is the same where it is the same file, or has the same bytes in the record.
 */
export function isSame(a: unknown, b: unknown): boolean {
	if (a === b) return true;
	if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return isNaNumber(a) && isNaNumber(b);
	if (isDate(a))
		return isDate(b) && (a.getTime() === b.getTime() || (isNaNumber(a.getTime()) && isNaNumber(b.getTime())));
	if (Array.isArray(a)) return Array.isArray(b) && isSameList(a, b);
	if (a instanceof BlobReference) return b instanceof BlobReference && isSameBlob(a, b);
	if (isPlain(a)) return isPlain(b) && isSameObject(a, b);
	return !isPlain(b) && isSameBytes(canonicalBytes(a), canonicalBytes(b));
}

/** Whether it holds attributes of its own, and is not one of the values that have a form of their own. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
	if (typeof value !== 'object' || value === null) return false;
	const prototype: unknown = Object.getPrototypeOf(value);
	return prototype === Object.prototype || prototype === null;
}

function isNaNumber(value: unknown): boolean {
	return typeof value === 'number' && Number.isNaN(value);
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
	if (a.length !== b.length) return false;
	for (let i = 0; i < a.length; i++) if (!isSame(a[i], b[i])) return false;
	return true;
}

function isSameObject(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
	for (const name of Object.keys(a)) if (!isSame(a[name], ownValue(b, name))) return false;
	for (const name of Object.keys(b)) if (b[name] !== undefined && !Object.hasOwn(a, name)) return false;
	return true;
}

function isSameBlob(a: BlobReference, b: BlobReference): boolean {
	if (a.fileId !== b.fileId || a.storageIndex !== b.storageIndex) return false;
	if (a.bytes !== undefined && b.bytes !== undefined && !isSameBytes(a.bytes, b.bytes)) return false;
	return (a.bytes === undefined) === (b.bytes === undefined) && isSameObject(a.properties, b.properties);
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
	return compareBytes(a, 0, a.length, b, 0, b.length) === 0;
}
