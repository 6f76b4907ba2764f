export interface Range {
	readonly start: number;
	/** Exclusive. */
	readonly end: number;
}

/**
 * The one range that a request asks for; undefined for all of it: no header, several ranges, another unit, a syntax
 * that means nothing, or an If-Range that names another version. RFC 9110, section 14.
 */
export function parseRange(
	header: string | undefined,
	sizeBytes: number,
	{ ifRange, etag }: { readonly ifRange: string | undefined; readonly etag: string }
): Range | 'unsatisfiable' | undefined {
	const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
	if (first === '' && last === '') return undefined;
	if (ifRange !== undefined && ifRange !== etag) return undefined;
	if (first === '') {
		const length = Math.min(Number(last), sizeBytes);
		return length === 0 ? 'unsatisfiable' : { start: sizeBytes - length, end: sizeBytes };
	}
	const start = Number(first);
	const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
	if (last !== '' && Number(last) < start) return undefined;
	return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}
