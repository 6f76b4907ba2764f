import type { Distribution, Family, FamilyDefinition, Sample } from '../family.ts';
import type { Bin } from './entry.ts';

/** The label value that stands for everything over a family's cap. */
export const OTHER = 'other';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Counted = Mutable<Sample>;
type Observed = Mutable<Distribution> & { readonly buckets: number[] };

/** A series as it is stored: its label values, then its numbers. */
type StoredSeries = readonly [labelValues: readonly string[], numbers: readonly number[]];

export interface StoredFamily {
	readonly labels: readonly string[];
	readonly bounds: readonly number[];
	readonly series: readonly StoredSeries[];
	readonly capped: number;
}

/**
 * The running totals of one family. It only grows: a total never falls, a series never vanishes. At most `maxSeries`
 * label sets are told apart, in order of arrival; the rest is added up under `other`, so that totals stay right.
 */
abstract class Accumulator<S extends Counted | Observed> {
	readonly definition: FamilyDefinition;
	readonly #maxSeries: number;
	readonly #series = new Map<string, S>();
	/** The same series in order of arrival: a scrape must not copy thousands. */
	readonly #list: S[] = [];
	#others = 0;
	#capped = 0;

	constructor(definition: FamilyDefinition, maxSeries: number) {
		this.definition = definition;
		this.#maxSeries = maxSeries;
	}

	/** How many additions went to `other` because the family was full. */
	get capped(): number {
		return this.#capped;
	}

	/** Live: its series change in place, and become more, as more is added. */
	family(): Family {
		return { definition: this.definition, series: this.#list };
	}

	store(): StoredFamily {
		const { labels, bounds = [] } = this.definition;
		const series = this.#list.map((s): StoredSeries => [s.labelValues, this.numbers(s)]);
		return { labels, bounds, series, capped: this.#capped };
	}

	/** Takes back what `store` gave. A family whose labels or bounds have changed starts anew, as any counter may. */
	restore(stored: StoredFamily): void {
		const { labels, bounds = [] } = this.definition;
		if (!sameList(stored.labels, labels) || !sameList(stored.bounds, bounds)) return;
		for (const [labelValues, numbers] of stored.series) {
			this.#others += labelValues.includes(OTHER) ? 1 : 0;
			this.#insert(labelValues, numbers);
		}
		this.#capped = stored.capped;
	}

	/** The series to add to, which is `other` once the family is full. */
	protected at(labelValues: readonly string[]): S {
		const known = this.#series.get(keyOf(labelValues));
		if (known) return known;
		if (this.#series.size - this.#others < this.#maxSeries) return this.#insert(labelValues);
		this.#capped += 1;
		const folded = this.#fold(labelValues);
		const other = this.#series.get(keyOf(folded));
		if (other) return other;
		this.#others += 1;
		return this.#insert(folded);
	}

	protected abstract create(labelValues: readonly string[], numbers: readonly number[]): S;
	protected abstract numbers(series: S): readonly number[];

	#insert(labelValues: readonly string[], numbers: readonly number[] = []): S {
		const series = this.create(labelValues, numbers);
		this.#series.set(keyOf(labelValues), series);
		this.#list.push(series);
		return series;
	}

	/** Labels that are bounded by nature (method, status code) survive; those that strangers choose do not. */
	#fold(labelValues: readonly string[]): string[] {
		const { labels, openLabels = labels } = this.definition;
		return labelValues.map((value, index) => (openLabels.includes(labels[index] ?? '') ? OTHER : value));
	}
}

export class Counter extends Accumulator<Counted> {
	add(labelValues: readonly string[], amount: number): void {
		this.at(labelValues).value += amount;
	}

	protected override create(labelValues: readonly string[], [value = 0]: readonly number[]): Counted {
		return { labelValues, value };
	}

	protected override numbers(series: Counted): readonly number[] {
		return [series.value];
	}
}

/** A histogram family, or a summary without quantiles where the definition has no bounds. */
export class Histogram extends Accumulator<Observed> {
	/** Adds `count` observations whose sum is `sum`; both and the bins are divided by `per` to reach the base unit. */
	observe(labelValues: readonly string[], sum: number, count: number, bins: readonly Bin[], per: number): void {
		const series = this.at(labelValues);
		series.sum += sum / per;
		series.count += count;
		const { bounds } = this.definition;
		if (!bounds) return;
		for (const bin of bins) {
			const bucket = bucketOf(bounds, bin.value / per);
			series.buckets[bucket] = (series.buckets[bucket] ?? 0) + bin.count;
		}
	}

	protected override create(labelValues: readonly string[], numbers: readonly number[]): Observed {
		const { bounds } = this.definition;
		const [sum = 0, count = 0, ...buckets] = numbers;
		const empty = Array.from({ length: bounds ? bounds.length + 1 : 0 }, () => 0);
		return { labelValues, sum, count, buckets: buckets.length > 0 ? buckets : empty };
	}

	protected override numbers(series: Observed): readonly number[] {
		return [series.sum, series.count, ...series.buckets];
	}
}

/** The index of the first bound that is not below the value; the last bucket is +Inf. */
function bucketOf(bounds: readonly number[], value: number): number {
	let low = 0;
	let high = bounds.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (value <= (bounds[middle] ?? Infinity)) high = middle;
		else low = middle + 1;
	}
	return low;
}

/** Label values hold no NUL (see `sanitize`), so the key is unambiguous. */
function keyOf(labelValues: readonly string[]): string {
	return labelValues.join('\0');
}

function sameList<T>(left: readonly T[], right: readonly T[]): boolean {
	return left.length === right.length && left.every((item, index) => item === right[index]);
}
