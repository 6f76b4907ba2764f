const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A text where it stands, for whoever can do with its bytes. Good for as long as they are. */
export class StoredText {
	readonly bytes: Uint8Array;
	readonly start: number;
	readonly end: number;

	constructor(bytes: Uint8Array, start: number, end: number) {
		this.bytes = bytes;
		this.start = start;
		this.end = end;
	}

	toString(): string {
		return readText(this.bytes, this.start, this.end);
	}
}

/** How long a text may be so that reading it here costs less than a call into the engine. */
const SHORT = 24;

/** Text as msgpackr writes it: UTF-8, but halves of surrogate pairs stand for themselves. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
	if (end - start <= SHORT) {
		const text = readShortAscii(bytes, start, end);
		if (text !== undefined) return text;
	}
	const text = bytes instanceof Buffer ? bytes.toString('utf8', start, end) : utf8.decode(bytes.subarray(start, end));
	return text.includes('\ufffd') ? readLoosely(bytes, start, end) : text;
}

function readShortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
	let text = '';
	for (let at = start; at < end; at++) {
		const byte = bytes[at]!;
		if (byte >= 0x80) return undefined;
		text += String.fromCharCode(byte);
	}
	return text;
}

/** Where bytes are no UTF-8 at all, what comes out is no worse than what went in. */
function readLoosely(bytes: Uint8Array, start: number, end: number): string {
	let text = '';
	for (let at = start; at < end;) {
		const lead = bytes[at]!;
		const width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
		const isSurrogate = width === 3 && lead === 0xed && (bytes[at + 1] ?? 0) >= 0xa0 && at + 3 <= end;
		text += isSurrogate
			? String.fromCharCode(0xd000 | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f))
			: utf8.decode(bytes.subarray(at, Math.min(at + width, end)));
		at += width;
	}
	return text;
}

/** Whether these bytes are what a well-formed text is written as: no half of a surrogate pair, nothing longer than need be. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
	for (let at = start; at < end;) {
		const lead = bytes[at++]!;
		if (lead < 0x80) continue;
		if (lead < 0xc2 || lead > 0xf4) return false;
		const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
		if (more > end - at) return false;
		const second = bytes[at]!;
		const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
		const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
		if (second < lowest || second > highest) return false;
		for (let i = 1; i < more; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return false;
		at += more;
	}
	return true;
}
