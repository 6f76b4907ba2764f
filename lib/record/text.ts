const utf8 = new TextDecoder();

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

const units: number[] = [];

function readShortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
	units.length = end - start;
	for (let at = start; at < end; at++) {
		const byte = bytes[at]!;
		if (byte >= 0x80) return undefined;
		units[at - start] = byte;
	}
	return String.fromCharCode.apply(undefined, units);
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
