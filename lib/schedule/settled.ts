/**
 * Occurrences about which all is said, by their nominal moments. A span holds occurrences that followed each other;
 * what was superseded lies between two spans, so that a clock which ran ahead and is set back does not find the time
 * until then used up.
 */
export type Settled = readonly Span[];

interface Span {
	readonly from: number;
	readonly to: number;
}

/** A new span begins after each downtime; the two oldest are joined where there would be more. */
const MAX_SPANS = 100;

export function isSettled(settled: Settled, nominalAt: number): boolean {
	return settled.some(({ from, to }) => from <= nominalAt && nominalAt <= to);
}

/** The last settled moment before one that is not settled. */
export function settledBefore(settled: Settled, nominalAt: number): number | undefined {
	return settled.findLast(({ from }) => from < nominalAt)?.to;
}

/** `before` and `after` are the nominal moments on either side: a span that reaches one of them grows. */
export function settle(
	settled: Settled,
	nominalAt: number,
	{ before = nominalAt, after = nominalAt }: { readonly before: number | undefined; readonly after: number | undefined }
): Settled {
	const joined = settled.filter(({ from, to }) => from <= after && to >= before);
	const span = {
		from: Math.min(nominalAt, ...joined.map(({ from }) => from)),
		to: Math.max(nominalAt, ...joined.map(({ to }) => to)),
	};
	const spans = [...settled.filter((one) => !joined.includes(one)), span].sort((a, b) => a.from - b.from);
	const [oldest, second, ...rest] = spans;
	if (spans.length <= MAX_SPANS || !oldest || !second) return spans;
	return [{ from: oldest.from, to: second.to }, ...rest];
}
