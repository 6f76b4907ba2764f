/** Raw analytics rows as Harper 4.7.29 writes them, for the tests of the fold. */

export interface RawNumeric {
	metric: string;
	path?: unknown;
	method?: unknown;
	type?: unknown;
	mean: number;
	distribution: (number | { value: number; count: number })[];
	count: number;
}

/** What Harper makes of numbers recorded under one name in one second. */
export function numeric(
	metric: string,
	values: readonly number[],
	path?: unknown,
	method?: unknown,
	type?: unknown
): RawNumeric {
	const sorted = [...values].sort((a, b) => a - b);
	const distribution: { value: number; count: number }[] = [];
	let lastUpper = 0;
	for (const percentile of [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1]) {
		const upper = Math.floor(sorted.length * percentile);
		if (upper > lastUpper) distribution.push({ value: Math.fround(sorted[upper - 1]!), count: upper - lastUpper });
		lastUpper = Math.max(lastUpper, upper);
	}
	return {
		metric,
		path,
		method,
		type,
		mean: values.reduce((sum, value) => sum + value, 0) / values.length,
		distribution: distribution.map((bin) => (bin.count === 1 ? bin.value : bin)),
		count: values.length,
	};
}

export function boolean(
	metric: string,
	total: number,
	count: number,
	path?: unknown,
	method?: unknown,
	type?: unknown
): object {
	return { metric, path, method, type, total, count };
}

/** The entries of one request, recorded together. */
export function request(
	path: string | undefined,
	method: string,
	status: number,
	durations: readonly number[]
): object[] {
	const count = durations.length;
	return [
		numeric('duration', durations, path, method),
		boolean('success', status < 400 ? count : 0, count, path, method),
		boolean(`response_${status}`, count, count, path, method),
	];
}

export function row(threadId: number, ...metrics: readonly (object | object[])[]): object {
	return { time: 0, period: 1000, threadId, totalBytesProcessed: 0, metrics: metrics.flat() };
}
