import { readText } from './text.ts';

/** What LMDB keys of Harper are made of. */
type KeyPart = string | number | bigint | boolean | null | symbol | Uint8Array;
export type Key = KeyPart | readonly Key[];

const float = new DataView(new ArrayBuffer(8));
const SEPARATOR = 0;
const SYMBOL = 2;
const ESCAPE = 4;
const FALSE = 6;
const TRUE = 7;
const TEXT_ESCAPE = 27;
const FIRST_TEXT = 28;
const BYTES_OF_A_NUMBER = 9;

/** Longer texts stand as they are, without escapes. */
const ESCAPED_LENGTH = 64;

/** Bytes in front of which there is room for every key that Harper writes. */
export const LONGEST_KEY_BYTES = 8192;

/** What LMDB can hold as a key with pages of 4 KB. */
export const LONGEST_ID_BYTES = 1978;

/**
 * Writes a key as ordered-binary 1.5 does, so that the order of the bytes is that of the keys, and returns where it
 * ends. Throws a `RangeError` on what is no key, or does not fit.
 */
export function writeKey(key: unknown, target: Buffer, at: number, inSequence = false): number {
	switch (typeof key) {
		case 'string':
			return writeText(key, target, at);
		case 'number':
			return writeNumber(key, target, at, inSequence);
		case 'bigint':
			return writeBigInt(key, target, at, inSequence);
		case 'boolean':
			return put(target, at, key ? TRUE : FALSE);
		case 'undefined':
			return at;
		case 'symbol':
			return writeText(key.description ?? '', target, put(target, at, SYMBOL));
		case 'object':
			if (key === null) return put(target, at, SEPARATOR);
			if (key instanceof Uint8Array) return writeBytes(key, target, at);
			if (Array.isArray(key)) return writeSequence(key, target, at);
	}
	throw new RangeError(`a key cannot be of type ${typeof key}`);
}

/** Throws a `RangeError` on bytes that are no key. */
export function readKey(bytes: Uint8Array, start: number, end: number): Key {
	const parts: KeyPart[] = [];
	for (let at = start; ;) {
		const [part, next] = readPart(bytes, at, end, parts.length > 0);
		parts.push(part);
		if (next >= end) return parts.length === 1 ? part : parts;
		if (bytes[next] !== SEPARATOR) throw new RangeError('the parts of a key are not separated');
		at = next + 1;
		if (at >= end) return [...parts, null];
	}
}

/** Throws a `RangeError` on bytes that are no key. */
export function checkKey(bytes: Uint8Array, start: number, end: number): void {
	if (!isPlainText(bytes, start, end)) readKey(bytes, start, end);
}

/** Whether these bytes are a text, and as a key the same bytes. It knows the common ones; others may be so too. */
export function isPlainText(bytes: Uint8Array, start: number, end: number): boolean {
	if (start >= end || bytes[start]! < FIRST_TEXT) return false;
	for (let at = start; at < end; at++) if (bytes[at]! <= ESCAPE || bytes[at]! >= 0x80) return false;
	return true;
}

function put(target: Buffer, at: number, byte: number): number {
	if (at >= target.length) throw new RangeError('the key does not fit');
	target[at] = byte;
	return at + 1;
}

function writeSequence(parts: readonly unknown[], target: Buffer, at: number): number {
	let position = at;
	for (let i = 0; i < parts.length; i++) {
		if (i > 0) position = put(target, position, SEPARATOR);
		position = writeKey(parts[i], target, position, true);
	}
	return position;
}

function writeBytes(bytes: Uint8Array, target: Buffer, at: number): number {
	if (bytes.length > target.length - at) throw new RangeError('the key does not fit');
	target.set(bytes, at);
	return at + bytes.length;
}

function writeText(text: string, target: Buffer, at: number): number {
	const { length } = text;
	if (length * 3 + 1 > target.length - at) throw new RangeError('the key does not fit');
	let position = at;
	if (!(text.charCodeAt(0) >= FIRST_TEXT)) target[position++] = TEXT_ESCAPE;
	if (length >= ESCAPED_LENGTH) return position + target.write(text, position, 'utf8');
	for (let i = 0; i < length; i++) {
		const unit = text.charCodeAt(i);
		if (unit < 0x80) {
			if (unit <= ESCAPE) target[position++] = ESCAPE;
			target[position++] = unit;
			continue;
		}
		const point = text.codePointAt(i)!;
		if (point > 0xffff) i++;
		position = writePoint(point, target, position);
	}
	return position;
}

/** As UTF-8 has it; also for half a surrogate pair, which UTF-8 has not. */
function writePoint(point: number, target: Buffer, at: number): number {
	let position = at;
	if (point < 0x800) {
		target[position++] = (point >> 6) | 0xc0;
	} else {
		if (point > 0xffff) {
			target[position++] = (point >> 18) | 0xf0;
			target[position++] = ((point >> 12) & 0x3f) | 0x80;
		} else {
			target[position++] = (point >> 12) | 0xe0;
		}
		target[position++] = ((point >> 6) & 0x3f) | 0x80;
	}
	target[position++] = (point & 0x3f) | 0x80;
	return position;
}

/** The bits of the float, moved by four to the right to make room for a type, without the zeros at the end. */
function writeNumber(number: number, target: Buffer, at: number, inSequence: boolean): number {
	if (BYTES_OF_A_NUMBER > target.length - at) throw new RangeError('the key does not fit');
	float.setFloat64(0, number);
	const high = float.getInt32(0);
	const low = float.getInt32(4);
	if (number < 0) {
		putInt32(target, at, (high ^ 0x7fffffff) >>> 4);
		putInt32(target, at + 4, ~((low >>> 4) | (high << 28)));
		target[at + 8] = ((low & 0xf) ^ 0xf) << 4;
		return at + BYTES_OF_A_NUMBER;
	}
	putInt32(target, at, (high >>> 4) | 0x10000000);
	putInt32(target, at + 4, (low >>> 4) | (high << 28));
	target[at + 8] = (low & 0xf) << 4;
	if ((low & 0xf) !== 0 || inSequence) return at + BYTES_OF_A_NUMBER;
	if ((low & 0xfffff) !== 0) return at + 8;
	return low !== 0 || (high & 0xf) !== 0 ? at + 6 : at + 4;
}

function putInt32(target: Buffer, at: number, value: number): void {
	target[at] = value >>> 24;
	target[at + 1] = value >>> 16;
	target[at + 2] = value >>> 8;
	target[at + 3] = value;
}

/** The greatest float that is not above it, and behind that the difference, seven bits to a byte. */
function writeBigInt(integer: bigint, target: Buffer, at: number, inSequence: boolean): number {
	let nearest = Number(integer);
	if (BigInt(nearest) > integer) nearest = floatBelow(nearest);
	let difference = integer - BigInt(nearest);
	writeNumber(nearest, target, at, inSequence);
	if (difference === 0n) return writeNumber(nearest, target, at, inSequence);
	float.setFloat64(0, nearest);
	let exponent = BigInt(((float.getInt32(0) >> 20) & 0x7ff) - 1079);
	let position = at + BYTES_OF_A_NUMBER;
	let next = difference >> exponent;
	target[position - 1]! |= Number(next);
	difference -= next << exponent;
	do {
		exponent -= 7n;
		next = difference >> exponent;
		position = put(target, position, Number(next) | 0x80);
		difference -= next << exponent;
	} while (difference !== 0n);
	return position;
}

function floatBelow(number: number): number {
	float.setFloat64(0, number);
	float.setBigInt64(0, float.getBigInt64(0) + (number > 0 ? -1n : 1n));
	return float.getFloat64(0);
}

function readPart(bytes: Uint8Array, at: number, end: number, inSequence: boolean): [KeyPart, number] {
	if (at >= end) {
		if (inSequence) return [null, end];
		throw new RangeError('a key is empty');
	}
	const control = bytes[at]!;
	if (control >= 24) return readTextPart(bytes, control === TEXT_ESCAPE ? at + 1 : at, end);
	if (control >= 8) return readNumberPart(bytes, at, end);
	switch (control) {
		case SEPARATOR:
			return [null, at + 1];
		case SYMBOL: {
			const start = bytes[at + 1] === TEXT_ESCAPE ? at + 2 : at + 1;
			const [name, next] = readTextPart(bytes, start, end);
			return [Symbol.for(name), next];
		}
		case FALSE:
			return [false, at + 1];
		case TRUE:
			return [true, at + 1];
		default:
			return [bytes.slice(at, end), end];
	}
}

function readTextPart(bytes: Uint8Array, start: number, end: number): [string, number] {
	let stop = start;
	let hasEscapes = false;
	for (; stop < end && bytes[stop] !== SEPARATOR; stop++) {
		if (bytes[stop] !== ESCAPE) continue;
		hasEscapes = true;
		stop++;
	}
	if (stop > end) throw new RangeError('a text in a key is cut off');
	if (!hasEscapes) return [readText(bytes, start, stop), stop];
	const plain: number[] = [];
	for (let at = start; at < stop; at++) plain.push(bytes[at] === ESCAPE ? bytes[++at]! : bytes[at]!);
	return [readText(Uint8Array.from(plain), 0, plain.length), stop];
}

function readNumberPart(bytes: Uint8Array, at: number, end: number): [number | bigint, number] {
	const size = end - at;
	if (size < 4) throw new RangeError('a number in a key is cut off');
	const byte = (i: number) => (i < size ? bytes[at + i]! : 0);
	const int32 = (i: number) => (byte(i) << 24) | (byte(i + 1) << 16) | (byte(i + 2) << 8) | byte(i + 3);
	const rest = int32(4);
	let high = (int32(0) << 4) | (rest >>> 28);
	let low = (rest << 4) | (byte(8) >> 4);
	const isNegative = bytes[at]! < 16;
	if (isNegative) {
		high ^= 0x7fffffff;
		low = ~low;
	}
	float.setInt32(0, high);
	float.setInt32(4, low);
	const number = float.getFloat64(0);
	if (size <= BYTES_OF_A_NUMBER || byte(BYTES_OF_A_NUMBER) < 0x80)
		return [number, at + Math.min(size, BYTES_OF_A_NUMBER)];
	if (!Number.isInteger(number)) throw new RangeError('an integer in a key has a fraction');
	return readBigIntPart(bytes, at, end, number, (high >> 20) & 0x7ff);
}

function readBigIntPart(bytes: Uint8Array, at: number, end: number, base: number, exponent: number): [bigint, number] {
	// Negative where the float has bits for fractions; shifting by it then goes the other way.
	let shift = BigInt(exponent - 1079);
	let integer = BigInt(base) + (BigInt(bytes[at + 8]! & 0xf) << shift);
	let next = at + BYTES_OF_A_NUMBER;
	for (; next < end && bytes[next]! >= 0x80; next++) {
		shift -= 7n;
		integer += BigInt(bytes[next]! & 0x7f) << shift;
	}
	return [integer, next];
}
