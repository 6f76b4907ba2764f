import { CustodianError } from '../errors.ts';

/** What S3 and every file system in use can hold. */
export const MAX_KEY_LENGTH = 1024;
export const MAX_SEGMENT_LENGTH = 255;

/**
 * Segments of `[A-Za-z0-9._~%-]`, joined by slashes, none of them beginning with a dot: so no key climbs out of a
 * directory, or meets the files that an implementation keeps for itself.
 */
export function requireKey(key: string): void {
	if (!isKey(key)) throw invalid(key);
}

export function isKey(text: string): boolean {
	return text.length <= MAX_KEY_LENGTH && text.split('/').every(isSegment);
}

/** The beginning of keys, as `list` takes it: empty, or a key and a slash. */
export function requirePrefix(prefix: string): void {
	if (prefix === '') return;
	if (!prefix.endsWith('/')) throw invalid(prefix);
	requireKey(prefix.slice(0, -1));
}

export function isSegment(text: string): boolean {
	return text.length <= MAX_SEGMENT_LENGTH && /^[A-Za-z0-9_~%-][A-Za-z0-9._~%-]*$/.test(text);
}

function invalid(key: string): CustodianError {
	return new CustodianError('object_key_invalid', key, `${JSON.stringify(key)} is no key of a repository.`);
}
