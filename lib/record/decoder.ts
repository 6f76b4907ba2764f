import { dateOf } from '../time.ts';
import { BlobReference } from './blob.ts';
import { Shape, objectOf, type Row } from './shape.ts';
import { fieldType, type Field, type Layout, noStructures, safeName, type Structures } from './structures.ts';
import { readText, StoredText } from './text.ts';

/** Deeper nesting than anybody writes; our own recursion ends long before the stack does. */
const DEEPEST = 2000;

/**
 * Reads values as Harper stores them: MessagePack with msgpackr's structures. Unlike msgpackr it looks at every length
 * before it believes it, keeps its extensions to itself, and compiles nothing. Throws a `RangeError` on bytes that are
 * no value.
 */
export class RecordDecoder {
	/** The blobs of the value that was read last. */
	readonly blobs: BlobReference[] = [];
	readonly #structures: Structures;
	readonly #plain: boolean;
	/** Texts that are read now become a `StoredText`. */
	#storesText: boolean;
	#local: Map<number, LocalShape> | undefined;
	#bytes: Uint8Array = new Uint8Array();
	#view = new DataView(this.#bytes.buffer);
	#at = 0;
	#end = 0;
	#depth = 0;

	/**
	 * `plain`: as msgpackr writes without structures, small numbers and maps for objects. `storesText`: a text that is the
	 * value of an attribute or in a list comes as a `StoredText`.
	 */
	constructor(structures: Structures = noStructures, options: { plain?: boolean; storesText?: boolean } = {}) {
		this.#structures = structures;
		this.#plain = options.plain ?? false;
		this.#storesText = options.storesText ?? false;
	}

	/** `undefined`: there is null, which stands for a record that was deleted. */
	readRow(bytes: Uint8Array, start = 0, end = bytes.length): Row | undefined {
		this.#begin(bytes, start, end);
		const first = bytes[start]!;
		if (first === NULL && end - start === 1) return undefined;
		if (isStruct(first)) return this.#readStruct(start, end);
		if (first >= 0x40 && first < 0x80 && !this.#plain) {
			this.#at++;
			return this.#finished(this.#readNamed(first));
		}
		if (first === DEFINITION || first === WIDE_DEFINITION) {
			this.#at++;
			if (bytes[this.#at] === DEFINES_SHAPE) return this.#finished(this.#readDefinition(first === WIDE_DEFINITION));
		}
		throw new RangeError('it is no record');
	}

	readValue(bytes: Uint8Array, start = 0, end = bytes.length): unknown {
		this.#begin(bytes, start, end);
		return this.#readWhole(start, end);
	}

	/** Reads a value only to see that it can be read, and which blobs it has. */
	skim(bytes: Uint8Array, start = 0, end = bytes.length): void {
		this.#begin(bytes, start, end);
		if (isStruct(bytes[start]!) && !this.#plain) this.#readStruct(start, end);
		else this.#readWhole(start, end);
	}

	#begin(bytes: Uint8Array, start: number, end: number): void {
		if (start >= end || end > bytes.length) throw new RangeError('there is nothing');
		if (bytes !== this.#bytes) {
			this.#bytes = bytes;
			this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		}
		this.#at = start;
		this.#end = end;
		this.#depth = 0;
		this.#local = undefined;
		if (this.blobs.length > 0) this.blobs.length = 0;
	}

	#finished<T>(value: T): T {
		if (this.#at !== this.#end) throw new RangeError('bytes are left over');
		return value;
	}

	/** A value that fills its place; only such a one may be a record with fixed places. */
	#readWhole(start: number, end: number): unknown {
		if (start >= end) throw new RangeError('there is nothing');
		if (isStruct(this.#bytes[start]!) && !this.#plain) return objectOf(this.#readStruct(start, end));
		this.#at = start;
		this.#end = end;
		return this.#finished(this.#read());
	}

	#readStruct(start: number, end: number): Row {
		const bytes = this.#bytes;
		let at = start + 1;
		let number = bytes[start]! - 0x20;
		if (number >= 24) {
			const width = number - 23;
			if (width > 4) throw new RangeError('a structure has an impossible number');
			number = 0;
			for (let i = 0; i < width; i++) number += this.#byteAt(at + i, end) * 2 ** (8 * i);
			at += width;
		}
		const layout = this.#structures.typed[number];
		if (layout === undefined) throw new RangeError(`there is no structure ${number} with places`);
		const referencesAt = at + layout.fixedBytes;
		if (referencesAt > end) throw new RangeError('a record is cut off');
		return { shape: layout.shape, values: this.#readFields(layout, at, referencesAt, end) };
	}

	#readFields({ fields, blank }: Layout, at: number, referencesAt: number, end: number): unknown[] {
		const values = blank.slice();
		// From the last to the first, as each reference ends where the next one begins.
		let referenceEnd = end;
		for (let i = fields.length - 1; i >= 0; i--) {
			const field = fields[i]!;
			const place = at + field.offset;
			if (!field.isReference) {
				values[field.position] = this.#readFixed(field, place);
				continue;
			}
			const reference = this.#referenceAt(field.size, place);
			if (reference < 0) {
				values[field.position] = constantOf(~reference);
				continue;
			}
			const from = referencesAt + reference;
			if (from > referenceEnd) throw new RangeError('the parts of a record overlap');
			values[field.position] =
				field.type === fieldType.object ? this.#readNested(from, referenceEnd) : this.#text(from, referenceEnd);
			referenceEnd = from;
		}
		return values;
	}

	/** Where the bytes of a field begin; or, negated, which constant it is instead. */
	#referenceAt(size: number, at: number): number {
		if (size === 0) return 0;
		if (size === 1) {
			const reference = this.#bytes[at]!;
			return reference >= 0xf6 ? ~reference : reference;
		}
		const reference = size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
		return reference >= (size === 2 ? 0xff00 : 0xffffff00) ? ~(reference & 0xff) : reference;
	}

	#readNested(start: number, end: number): unknown {
		const { at, outerEnd, local } = { at: this.#at, outerEnd: this.#end, local: this.#local };
		this.#local = undefined;
		this.#deeper();
		const value = this.#readWhole(start, end);
		this.#depth--;
		this.#at = at;
		this.#end = outerEnd;
		this.#local = local;
		return value;
	}

	#readFixed({ type, size }: Field, at: number): unknown {
		if (type === fieldType.date) return dateOf(this.#view.getFloat64(at, true));
		if (size === 1) {
			const value = this.#bytes[at]!;
			return value < 0xf6 ? value : constantOf(value);
		}
		if (size === 8) {
			const value = this.#view.getFloat64(at, true);
			return value !== value && this.#bytes[at]! >= 0xf6 ? constantOf(this.#bytes[at]!) : value;
		}
		const value = this.#view.getInt32(at, true);
		if (value < 0x20000000 && value > -0x1f000000) return value;
		if (value < 0 && value > -0x20000000) return constantOf(value & 0xff);
		return decimalOf(this.#view.getFloat32(at, true), this.#bytes[at + 3]!, this.#bytes[at + 2]!);
	}

	#read(): unknown {
		const token = this.#byte();
		if (token < 0x40) return token;
		if (token < 0x80) return this.#plain ? token : objectOf(this.#readNamed(token));
		if (token < 0x90) return this.#readMap(token - 0x80);
		if (token < 0xa0) return this.#readArray(token - 0x90);
		if (token < 0xc0) return this.#readString(token - 0xa0);
		if (token >= 0xe0) return token - 0x100;
		return this.#readToken(token);
	}

	#readToken(token: number): unknown {
		switch (token) {
			case NULL:
				return null;
			case 0xc2:
				return false;
			case 0xc3:
				return true;
			case 0xc4:
				return this.#readBytes(this.#byte());
			case 0xc5:
				return this.#readBytes(this.#uint16());
			case 0xc6:
				return this.#readBytes(this.#uint32());
			case 0xc7:
				return this.#readExtension(this.#byte());
			case 0xc8:
				return this.#readExtension(this.#uint16());
			case 0xc9:
				return this.#readExtension(this.#uint32());
			case 0xca:
				return this.#view.getFloat32(this.#take(4));
			case 0xcb:
				return this.#view.getFloat64(this.#take(8));
			case 0xcc:
				return this.#byte();
			case 0xcd:
				return this.#uint16();
			case 0xce:
				return this.#uint32();
			case 0xcf:
				return this.#view.getBigUint64(this.#take(8));
			case 0xd0:
				return this.#view.getInt8(this.#take(1));
			case 0xd1:
				return this.#view.getInt16(this.#take(2));
			case 0xd2:
				return this.#view.getInt32(this.#take(4));
			case 0xd3:
				return this.#view.getBigInt64(this.#take(8));
			case DEFINITION:
			case WIDE_DEFINITION:
				if (this.#bytes[this.#at] === DEFINES_SHAPE && !this.#plain) {
					return objectOf(this.#readDefinition(token === WIDE_DEFINITION));
				}
				return this.#readExtension(token === DEFINITION ? 1 : 2);
			case 0xd6:
				return this.#readExtension(4);
			case 0xd7:
				return this.#readExtension(8);
			case 0xd8:
				return this.#readExtension(16);
			case 0xd9:
				return this.#readString(this.#byte());
			case 0xda:
				return this.#readString(this.#uint16());
			case 0xdb:
				return this.#readString(this.#uint32());
			case 0xdc:
				return this.#readArray(this.#uint16());
			case 0xdd:
				return this.#readArray(this.#uint32());
			case 0xde:
				return this.#readMap(this.#uint16());
			case 0xdf:
				return this.#readMap(this.#uint32());
			default:
				throw new RangeError(`there is no token ${token}`);
		}
	}

	/** An object of a kind that the table knows, or that stood earlier in this value. */
	#readNamed(token: number): Row {
		let number = token & 0x3f;
		const local = this.#local?.get(number);
		if (local !== undefined && !local.isWide) return this.#readProperties(local.shape);
		if (number >= 32) number += this.#byte() << 5;
		const shape = this.#local?.get(number)?.shape ?? this.#structures.named[number];
		if (shape === undefined) throw new RangeError(`there is no structure ${number}`);
		return this.#readProperties(shape);
	}

	/** An object whose names stand here. */
	#readDefinition(isWide: boolean): Row {
		this.#at++;
		const low = this.#byte() & 0x3f;
		const number = isWide ? low + (this.#byte() << 5) : low;
		const names = this.#withStrings(() => this.#read());
		if (!Array.isArray(names)) throw new RangeError('the names of an object are no list');
		const shape = new Shape(names.map((name: unknown) => safeName(nameOf(name))));
		this.#local ??= new Map();
		this.#local.set(number, { shape, isWide });
		return this.#readProperties(shape);
	}

	#readProperties(shape: Shape): Row {
		this.#deeper();
		const values = shape.names.map(() => this.#read());
		this.#depth--;
		return { shape, values };
	}

	#readArray(length: number): unknown[] {
		if (length > this.#end - this.#at) throw new RangeError('a list is longer than its bytes');
		this.#deeper();
		const values: unknown[] = [];
		for (let i = 0; i < length; i++) values.push(this.#read());
		this.#depth--;
		return values;
	}

	#readMap(length: number): unknown {
		if (2 * length > this.#end - this.#at) throw new RangeError('a map is longer than its bytes');
		this.#deeper();
		const entries: [unknown, unknown][] = [];
		this.#withStrings(() => {
			for (let i = 0; i < length; i++) entries.push([this.#read(), this.#read()]);
		});
		this.#depth--;
		return this.#plain
			? Object.fromEntries(entries.map(([key, value]) => [safeName(nameOf(key)), value]))
			: new Map(entries);
	}

	#readString(length: number): string | StoredText {
		const at = this.#take(length);
		return this.#text(at, at + length);
	}

	#text(start: number, end: number): string | StoredText {
		return this.#storesText ? new StoredText(this.#bytes, start, end) : readText(this.#bytes, start, end);
	}

	/** For what is compared, or is more than itself. */
	#withStrings<T>(read: () => T): T {
		const before = this.#storesText;
		this.#storesText = false;
		try {
			return read();
		} finally {
			this.#storesText = before;
		}
	}

	#readBytes(length: number): Uint8Array {
		const at = this.#take(length);
		return new Uint8Array(this.#bytes.subarray(at, at + length));
	}

	#readExtension(length: number): unknown {
		const type = this.#byte();
		const at = this.#take(length);
		switch (type) {
			case extension.undefined:
				return undefined;
			case extension.blob:
				return this.#readBlob(at, at + length);
			case extension.bigint:
				return readBigInt(this.#bytes, at, at + length);
			case extension.date:
				return dateOf(this.#readTime(at, length));
			case extension.typedArray:
				return readTypedArray(this.#bytes, at, at + length);
			// The value follows behind a byte that means nothing.
			case extension.set:
				return new Set(this.#readList());
			case extension.regExp: {
				const [source, flags] = this.#readList();
				return regExpOf(nameOf(source), nameOf(flags));
			}
			case extension.error: {
				const [name, message, cause] = this.#readList();
				return errorOf(nameOf(name), nameOf(message), cause);
			}
			default:
				throw new RangeError(`there is no extension ${type}`);
		}
	}

	#readList(): unknown[] {
		this.#deeper();
		const list = this.#withStrings(() => this.#read());
		this.#depth--;
		if (!Array.isArray(list)) throw new RangeError('an extension lacks its list');
		return list;
	}

	#readTime(at: number, length: number): number {
		const view = this.#view;
		if (length === 4) return view.getUint32(at) * 1000;
		if (length === 8) {
			const nanoseconds = view.getUint32(at) >>> 2;
			const seconds = (view.getUint32(at) & 3) * 0x1_0000_0000 + view.getUint32(at + 4);
			return nanoseconds / 1_000_000 + seconds * 1000;
		}
		if (length === 12) return view.getUint32(at) / 1_000_000 + Number(view.getBigInt64(at + 4)) * 1000;
		return Number.NaN;
	}

	#readBlob(start: number, end: number): BlobReference {
		const stored = new RecordDecoder(noStructures, { plain: true }).readValue(this.#bytes, start, end);
		if (!Array.isArray(stored)) throw new RangeError('a blob is no list');
		const [properties, place, fileId]: unknown[] = stored;
		if (typeof properties !== 'object' || properties === null) throw new RangeError('a blob has no properties');
		const blob = blobOf({ ...properties }, place, fileId);
		this.blobs.push(blob);
		return blob;
	}

	#deeper(): void {
		if (++this.#depth > DEEPEST) throw new RangeError('it is nested too deeply');
	}

	#byteAt(at: number, end: number): number {
		if (at >= end) throw new RangeError('a value is cut off');
		return this.#bytes[at]!;
	}

	#byte(): number {
		return this.#bytes[this.#take(1)]!;
	}

	#uint16(): number {
		return this.#view.getUint16(this.#take(2));
	}

	#uint32(): number {
		return this.#view.getUint32(this.#take(4));
	}

	/** Where the next so many bytes stand. */
	#take(length: number): number {
		const at = this.#at;
		if (length > this.#end - at) throw new RangeError('a value is cut off');
		this.#at = at + length;
		return at;
	}
}

interface LocalShape {
	readonly shape: Shape;
	/** Two bytes name it. */
	readonly isWide: boolean;
}

const NULL = 0xc0;
const DEFINITION = 0xd4;
const WIDE_DEFINITION = 0xd5;
const DEFINES_SHAPE = 0x72;

const extension = {
	undefined: 0,
	blob: 11,
	bigint: 0x42,
	error: 0x65,
	set: 0x73,
	typedArray: 0x74,
	regExp: 0x78,
	date: 0xff,
} as const;

function isStruct(token: number): boolean {
	return token >= 0x20 && token < 0x40;
}

function constantOf(code: number): unknown {
	switch (code) {
		case 0xf6:
			return null;
		case 0xf7:
			return undefined;
		case 0xf8:
			return false;
		case 0xf9:
			return true;
		default:
			throw new RangeError(`there is no constant ${code}`);
	}
}

const MULTIPLIERS = Array.from({ length: 256 }, (_, exponent) => Number(`1e${Math.floor(45.15 - exponent * 0.30103)}`));

/** msgpackr keeps some decimals in 32 bits, and rounds to as many digits as those hold. */
function decimalOf(float: number, high: number, low: number): number {
	const exponent = ((high & 0x7f) << 1) | (low >> 7);
	const multiplier = MULTIPLIERS[exponent]!;
	return ((multiplier * float + (float > 0 ? 0.5 : -0.5)) >> 0) / multiplier;
}

function nameOf(key: unknown): string {
	if (typeof key === 'string') return key;
	if (typeof key === 'object' && key !== null) throw new RangeError('a name is no text');
	return String(key);
}

function blobOf(properties: Readonly<Record<string, unknown>>, place: unknown, fileId: unknown): BlobReference {
	if (place instanceof Uint8Array) return new BlobReference(properties, { bytes: place });
	if (typeof place !== 'number' || typeof fileId !== 'string' || !/^[0-9a-f]+$/i.test(fileId)) {
		throw new RangeError('a blob names no file');
	}
	return new BlobReference(properties, { storageIndex: place, fileId });
}

export function errorOf(name: string, message: string, cause: unknown): Error {
	const error = cause === undefined ? new Error(message) : new Error(message, { cause });
	return name === error.name ? error : Object.assign(error, { name });
}

function regExpOf(source: string, flags: string): RegExp {
	try {
		return new RegExp(source, flags);
	} catch (error) {
		throw new RangeError('a regular expression is none', { cause: error });
	}
}

/** Two's complement, the highest byte first. */
function readBigInt(bytes: Uint8Array, start: number, end: number): bigint {
	if (start === end) throw new RangeError('an integer has no digits');
	let hex = '';
	for (let at = start; at < end; at++) hex += bytes[at]!.toString(16).padStart(2, '0');
	return BigInt.asIntN((end - start) * 8, BigInt(`0x${hex}`));
}

const TYPED_ARRAYS = [
	Int8Array,
	Uint8Array,
	Uint8ClampedArray,
	Int16Array,
	Uint16Array,
	Int32Array,
	Uint32Array,
	Float32Array,
	Float64Array,
	BigInt64Array,
	BigUint64Array,
];

function readTypedArray(bytes: Uint8Array, start: number, end: number): unknown {
	if (start === end) throw new RangeError('a typed array has no type');
	const code = bytes[start]!;
	const { buffer } = new Uint8Array(bytes.subarray(start + 1, end));
	if (code === 16) return buffer;
	if (code === 17) return new DataView(buffer);
	const TypedArray = TYPED_ARRAYS[code];
	if (TypedArray === undefined || buffer.byteLength % TypedArray.BYTES_PER_ELEMENT !== 0) {
		throw new RangeError(`there is no typed array ${code} of ${buffer.byteLength} bytes`);
	}
	return new TypedArray(buffer);
}
