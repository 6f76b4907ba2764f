import { KEY_BYTES } from './cipher.ts';

/** A key as a file holds it: 32 bytes, or a line of 64 hexadecimal digits or of base64. Undefined for anything else. */
export function parseKey(file: Uint8Array): Uint8Array | undefined {
	if (file.length === KEY_BYTES) return file.slice();
	const line = new TextDecoder('latin1').decode(file).trim();
	if (/^[\da-f]{64}$/i.test(line)) {
		return Uint8Array.from({ length: KEY_BYTES }, (_, index) => parseInt(line.slice(index * 2, index * 2 + 2), 16));
	}
	if (!/^[A-Za-z0-9+/]{43}=$/.test(line)) return undefined;
	return Uint8Array.from(atob(line), (character) => character.charCodeAt(0));
}
