import { dateOf, isDate } from '../time.ts';
import { BlobReference } from './blob.ts';
import { errorOf } from './decoder.ts';

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/**
 * Values as JSON, and back without loss. What JSON has not is an object with one attribute that begins with `$`; an
 * object of the data that looks like one is wrapped in `$object`.
 */
export function toTagged(value: unknown): Json {
	switch (typeof value) {
		case 'string':
			return value;
		case 'boolean':
			return value;
		case 'number':
			return Number.isFinite(value) && !Object.is(value, -0)
				? value
				: { $number: Object.is(value, -0) ? '-0' : String(value) };
		case 'bigint':
			return { $bigint: value.toString() };
		case 'undefined':
			return { $undefined: true };
		case 'object':
			return value === null ? null : objectToTagged(value);
		default:
			throw new TypeError(`A record cannot hold a ${typeof value}`);
	}
}

/** Throws a `RangeError` on tags that it does not know, or that hold something else than theirs. */
export function fromTagged(json: Json): unknown {
	if (typeof json !== 'object' || json === null) return json;
	if (isList(json)) return json.map(fromTagged);
	const names = Object.keys(json);
	const name = names[0];
	if (names.length !== 1 || name === undefined || !name.startsWith('$')) return objectFrom(json);
	const read = readers.get(name);
	if (read === undefined) throw new RangeError(`there is no tag ${name}`);
	return read(json[name]!);
}

function objectToTagged(value: object): Json {
	if (Array.isArray(value)) return Array.from(value, toTagged);
	if (isDate(value)) return { $date: toTagged(value.getTime()) };
	if (value instanceof Uint8Array && (value.constructor === Uint8Array || value instanceof Buffer)) {
		return { $bytes: base64Of(value) };
	}
	if (value instanceof Map) return { $map: Array.from(value, ([key, member]) => [toTagged(key), toTagged(member)]) };
	if (value instanceof Set) return { $set: Array.from(value, toTagged) };
	if (value instanceof BlobReference) return { $blob: blobToTagged(value) };
	if (value instanceof RegExp) return { $regExp: [value.source, value.flags] };
	if (value instanceof Error) return { $error: [value.name, value.message, toTagged(value.cause)] };
	if (value instanceof ArrayBuffer) return { $view: ['ArrayBuffer', base64Of(new Uint8Array(value))] };
	if (ArrayBuffer.isView(value)) {
		const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
		return { $view: [value.constructor.name, base64Of(bytes)] };
	}
	const names = Object.keys(value);
	const json = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toTagged(member)]));
	return names.length === 1 && names[0]!.startsWith('$') ? { $object: json } : json;
}

function objectFrom(json: { readonly [name: string]: Json }): Record<string, unknown> {
	return Object.fromEntries(Object.entries(json).map(([name, member]) => [name, fromTagged(member)]));
}

function blobToTagged({ fileId, storageIndex, bytes, properties }: BlobReference): Json {
	return {
		properties: toTagged(properties),
		...(fileId === undefined ? {} : { fileId, storageIndex }),
		...(bytes === undefined ? {} : { bytes: base64Of(bytes) }),
	};
}

function blobFrom(json: Json): BlobReference {
	const { properties, fileId, storageIndex, bytes } = objectOf(json);
	const described = recordOf(properties === undefined ? undefined : fromTagged(properties));
	if (bytes !== undefined) return new BlobReference(described, { bytes: bytesOf(bytes) });
	if (typeof fileId !== 'string' || typeof storageIndex !== 'number') throw new RangeError('a blob names no file');
	return new BlobReference(described, { fileId, storageIndex });
}

const readers: ReadonlyMap<string, (json: Json) => unknown> = new Map<string, (json: Json) => unknown>([
	['$number', (json) => numberOf(json)],
	['$bigint', (json) => bigintOf(json)],
	['$undefined', () => undefined],
	['$date', (json) => dateFrom(fromTagged(json))],
	['$bytes', (json) => bytesOf(json)],
	[
		'$map',
		(json) =>
			new Map(
				listOf(json).map((entry) => [fromTagged(listOf(entry)[0] ?? null), fromTagged(listOf(entry)[1] ?? null)])
			),
	],
	['$set', (json) => new Set(listOf(json).map(fromTagged))],
	['$blob', blobFrom],
	['$regExp', (json) => new RegExp(textOf(listOf(json)[0]), textOf(listOf(json)[1]))],
	['$error', errorFrom],
	['$view', viewFrom],
	['$object', (json) => objectFrom(objectOf(json))],
]);

function errorFrom(json: Json): Error {
	const [name, message, cause = { $undefined: true }] = listOf(json);
	return errorOf(textOf(name), textOf(message), fromTagged(cause));
}

const VIEWS: ReadonlyMap<string, new (buffer: ArrayBuffer) => ArrayBufferView> = new Map(
	[
		Int8Array,
		Uint8ClampedArray,
		Int16Array,
		Uint16Array,
		Int32Array,
		Uint32Array,
		Float32Array,
		Float64Array,
		BigInt64Array,
		BigUint64Array,
		DataView,
	].map((View: new (buffer: ArrayBuffer) => ArrayBufferView) => [View.name, View])
);

function viewFrom(json: Json): unknown {
	const [name, base64 = ''] = listOf(json);
	const { buffer } = bytesOf(base64);
	if (name === 'ArrayBuffer') return buffer;
	const View = VIEWS.get(textOf(name));
	if (View === undefined) throw new RangeError(`there is no view ${textOf(name)}`);
	return new View(buffer);
}

function numberOf(json: Json): number {
	if (json !== 'NaN' && json !== 'Infinity' && json !== '-Infinity' && json !== '-0')
		throw new RangeError('a number is none');
	return Number(json);
}

function dateFrom(ms: unknown): Date {
	if (typeof ms !== 'number') throw new RangeError('a date is no number');
	return dateOf(ms);
}

function bigintOf(json: Json): bigint {
	if (typeof json !== 'string' || !/^-?\d+$/.test(json)) throw new RangeError('an integer is none');
	return BigInt(json);
}

function textOf(json: Json | undefined): string {
	if (typeof json !== 'string') throw new RangeError('a text is none');
	return json;
}

function bytesOf(json: Json): Uint8Array<ArrayBuffer> {
	if (typeof json !== 'string') throw new RangeError('bytes are no text');
	return new Uint8Array(Buffer.from(json, 'base64'));
}

function base64Of(bytes: Uint8Array): string {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function listOf(json: Json): readonly Json[] {
	if (!isList(json)) throw new RangeError('a list is none');
	return json;
}

function isList(json: Json): json is readonly Json[] {
	return Array.isArray(json);
}

function objectOf(json: Json): { readonly [name: string]: Json } {
	if (typeof json !== 'object' || json === null || isList(json)) throw new RangeError('an object is none');
	return json;
}

function recordOf(value: unknown): Record<string, unknown> {
	if (typeof value !== 'object' || value === null) throw new RangeError('an object is none');
	return { ...value };
}
