import { isDate } from '../time.ts';
import { BlobReference } from './blob.ts';
import { compareBytes } from './bytes.ts';
import type { Row, Shape } from './shape.ts';
import { isUtf8, StoredText } from './text.ts';

/**
 * Writes values so that equal ones give equal bytes and others do not: the form that is hashed. It knows nothing of how
 * a value was stored: attributes, and the members of maps and sets, stand in an order of their own; a blob in a file
 * counts as what it says of itself, since a recovery gives it another file, and its bytes are for whoever copies it.
 * Integers are numbers or BigInts, as they were written: the two differ.
 */
export class CanonicalWriter {
	bytes: Buffer;
	length = 0;
	#view: DataView;
	readonly #names = new WeakMap<Shape, Buffer[]>();

	constructor(roomBytes = 65_536) {
		this.bytes = Buffer.allocUnsafe(roomBytes);
		this.#view = viewOf(this.bytes);
	}

	writeRow({ shape, values }: Row): void {
		const names = this.#namesOf(shape);
		const { sorted } = shape;
		this.#tag(tag.object);
		this.#count(sorted.length);
		for (let i = 0; i < sorted.length; i++) {
			this.writeBytes(names[i]!);
			this.writeValue(values[sorted[i]!]);
		}
	}

	writeValue(value: unknown): void {
		switch (typeof value) {
			case 'string':
				this.#text(value);
				return;
			case 'number':
				this.#number(tag.number, value);
				return;
			case 'boolean':
				this.#tag(value ? tag.true : tag.false);
				return;
			case 'undefined':
				this.#tag(tag.undefined);
				return;
			case 'bigint':
				this.#tag(tag.bigint);
				this.#string(value.toString(16));
				return;
			case 'object':
				this.#object(value);
				return;
			default:
				throw new TypeError(`A record cannot hold a ${typeof value}`);
		}
	}

	/** The bytes and how many they are. */
	writeBytes(bytes: Uint8Array, start = 0, end = bytes.length): void {
		const size = end - start;
		this.#count(size);
		this.#room(size);
		const { bytes: target, length } = this;
		if (size < 64) for (let i = 0; i < size; i++) target[length + i] = bytes[start + i]!;
		else target.set(size === bytes.length ? bytes : bytes.subarray(start, end), length);
		this.length = length + size;
	}

	writeFloat64(value: number): void {
		this.#room(8);
		this.#view.setFloat64(this.length, value);
		this.length += 8;
	}

	#object(value: object | null): void {
		if (value === null) this.#tag(tag.null);
		else if (value instanceof StoredText) this.#storedText(value);
		else if (Array.isArray(value)) this.#list(tag.array, value);
		else if (isDate(value)) this.#number(tag.date, value.getTime());
		else if (value instanceof Uint8Array && (value.constructor === Uint8Array || value instanceof Buffer)) {
			this.#tag(tag.bytes);
			this.writeBytes(value);
		} else if (value instanceof Map) this.#sorted(tag.map, [...value]);
		else if (value instanceof Set) this.#sorted(tag.set, [...value]);
		else if (value instanceof BlobReference) this.#blob(value);
		else if (value instanceof RegExp) this.#list(tag.regExp, [value.source, value.flags]);
		else if (value instanceof Error) this.#list(tag.error, [value.name, value.message, value.cause]);
		else if (ArrayBuffer.isView(value)) {
			this.#tag(tag.view);
			this.#string(value.constructor.name);
			this.writeBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
		} else if (value instanceof ArrayBuffer) {
			this.#tag(tag.view);
			this.#string('ArrayBuffer');
			this.writeBytes(new Uint8Array(value));
		} else this.#plainObject(value);
	}

	#plainObject(value: object): void {
		const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
		this.#tag(tag.object);
		this.#count(entries.length);
		for (const [name, member] of entries) {
			this.writeBytes(nameBytes(name));
			this.writeValue(member);
		}
	}

	#list(kind: number, values: readonly unknown[]): void {
		this.#tag(kind);
		this.#count(values.length);
		for (let i = 0; i < values.length; i++) this.writeValue(values[i]);
	}

	#sorted(kind: number, members: readonly unknown[]): void {
		const parts = members.map((member) => canonicalBytes(member));
		parts.sort((a, b) => compareBytes(a, 0, a.length, b, 0, b.length));
		this.#tag(kind);
		this.#count(parts.length);
		for (const part of parts) this.writeBytes(part);
	}

	#blob({ bytes, properties }: BlobReference): void {
		this.#tag(tag.blob);
		this.writeValue(properties['type'] ?? '');
		this.writeValue(bytes);
	}

	#namesOf(shape: Shape): Buffer[] {
		let names = this.#names.get(shape);
		if (names === undefined) {
			names = shape.sorted.map((position) => nameBytes(shape.names[position]!));
			this.#names.set(shape, names);
		}
		return names;
	}

	/** A well-formed text is hashed as the bytes that it is stored as. */
	#storedText(text: StoredText): void {
		const { bytes, start, end } = text;
		const { length } = this;
		this.#tag(tag.text);
		this.writeBytes(bytes, start, end);
		if (this.#endsInAscii(end - start) || isUtf8(bytes, start, end)) return;
		this.length = length;
		this.#text(text.toString());
	}

	#endsInAscii(size: number): boolean {
		const { bytes, length } = this;
		const view = this.#view;
		let at = length - size;
		let bits = 0;
		for (; at <= length - 8; at += 8) bits |= view.getInt32(at) | view.getInt32(at + 4);
		for (; at < length; at++) bits |= bytes[at]!;
		return (bits & 0x80808080) === 0;
	}

	#text(text: string): void {
		if (text.length < 32 && this.#shortAscii(text)) return;
		if (text.isWellFormed()) {
			this.#tag(tag.text);
			this.#string(text);
		} else {
			this.#tag(tag.brokenText);
			this.writeBytes(Buffer.from(text, 'utf16le'));
		}
	}

	/** The common case without a call into the engine: the same bytes as `#string` writes. */
	#shortAscii(text: string): boolean {
		const size = text.length;
		this.#room(size + 2);
		const { bytes, length } = this;
		for (let i = 0; i < size; i++) {
			const unit = text.charCodeAt(i);
			if (unit >= 0x80) return false;
			bytes[length + 2 + i] = unit;
		}
		bytes[length] = tag.text;
		bytes[length + 1] = size;
		this.length = length + 2 + size;
		return true;
	}

	#string(text: string): void {
		const size = Buffer.byteLength(text);
		this.#count(size);
		this.#room(size);
		this.length += this.bytes.write(text, this.length, size, 'utf8');
	}

	#number(kind: number, value: number): void {
		this.#tag(kind);
		// Every NaN is the same one.
		this.writeFloat64(value === value ? value : Number.NaN);
	}

	#tag(byte: number): void {
		this.#room(1);
		this.bytes[this.length++] = byte;
	}

	/** Seven bits to a byte, the lowest first. */
	#count(count: number): void {
		this.#room(8);
		let rest = count;
		for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.bytes[this.length++] = (rest % 0x80) | 0x80;
		this.bytes[this.length++] = rest;
	}

	#room(size: number): void {
		if (this.length + size <= this.bytes.length) return;
		const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + size));
		this.bytes.copy(larger, 0, 0, this.length);
		this.bytes = larger;
		this.#view = viewOf(larger);
	}
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
	return new DataView(buffer, byteOffset, byteLength);
}

export function canonicalBytes(value: unknown): Uint8Array {
	const writer = new CanonicalWriter(256);
	writer.writeValue(value);
	return writer.bytes.subarray(0, writer.length);
}

const tag = {
	null: 0,
	undefined: 1,
	false: 2,
	true: 3,
	number: 4,
	bigint: 5,
	text: 6,
	brokenText: 7,
	date: 8,
	bytes: 9,
	array: 10,
	object: 11,
	map: 12,
	set: 13,
	regExp: 14,
	error: 15,
	view: 16,
	blob: 17,
} as const;

/** Half a surrogate pair in a name gets a form that no UTF-8 has. */
function nameBytes(name: string): Buffer {
	return name.isWellFormed() ? Buffer.from(name) : Buffer.concat([Buffer.of(0xff), Buffer.from(name, 'utf16le')]);
}
