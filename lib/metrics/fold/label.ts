/** The longest label value that is kept, in UTF-16 units; memory must not depend on what strangers send. */
const MAX_LABEL_LENGTH = 200;

/** A label value that is bounded, well-formed and free of NUL, so that values can be joined into a key. */
export function sanitize(value: string): string {
	const bounded = value.length > MAX_LABEL_LENGTH ? value.slice(0, MAX_LABEL_LENGTH) : value;
	return bounded.toWellFormed().replaceAll('\0', '\uFFFD');
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The same text in memory of its own. A part of a string keeps the whole string alive, and a label that is kept must
 * not keep what a stranger sent around it.
 */
export function ownCopy(value: string): string {
	return decoder.decode(encoder.encode(value));
}
