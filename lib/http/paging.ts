/** How many items one answer may hold: what was asked for, 100 by default; undefined for what is no such number. */
export function limitOf(query: URLSearchParams): number | undefined {
	const written = query.get('limit') ?? '100';
	const limit = /^\d{1,4}$/.test(written) ? Number(written) : 0;
	return limit >= 1 && limit <= 1000 ? limit : undefined;
}
