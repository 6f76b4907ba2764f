import type { Distribution, Family, FamilyDefinition, Sample, Series } from '../family.ts';
import type { Bin } from './entry.ts';
import { ownCopy } from './label.ts';

/** The label value that stands for everything over a family's cap. */
export const OTHER = 'other';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A running series: its place among those of its family, and whether it has grown since it was last shown. */
interface Running {
	readonly index: number;
	grown: boolean;
}
type Counted = Mutable<Sample> & Running;
type Observed = Mutable<Distribution> & Running & { readonly buckets: number[] };

/** A series as it is stored: its label values, then its numbers. */
type StoredSeries = readonly [labelValues: readonly string[], numbers: readonly number[]];

export interface StoredFamily {
	readonly labels: readonly string[];
	readonly bounds: readonly number[];
	readonly series: readonly StoredSeries[];
}

/**
 * The running totals of one family. It only grows: a total never falls, a series never vanishes. At most `maxSeries`
 * label sets are told apart, in order of arrival (see `capPer`); the rest is added up under `other`, so that totals
 * stay right, and `onCapped` hears of each addition that went there.
 */
abstract class Accumulator<S extends Counted | Observed> {
	readonly definition: FamilyDefinition;
	readonly #maxSeries: number;
	readonly #onCapped: (family: string) => void;
	readonly #series = new Map<string, S>();
	/** The same series in order of arrival, and those that have grown since they were shown: of thousands it is mostly few. */
	readonly #list: S[] = [];
	#grown: S[] = [];
	#shown: Family;
	/** How many label sets are told apart, by the value of the label that the cap counts per. */
	readonly #told = new Map<string, number>();

	constructor(definition: FamilyDefinition, maxSeries: number, onCapped: (family: string) => void) {
		this.definition = definition;
		this.#maxSeries = maxSeries;
		this.#onCapped = onCapped;
		this.#shown = { definition, series: [] };
	}

	/** The same family for as long as nothing is added. */
	family(): Family {
		if (this.#grown.length === 0) return this.#shown;
		const series = [...this.#shown.series];
		for (const running of this.#grown) {
			series[running.index] = this.show(running);
			running.grown = false;
		}
		this.#grown = [];
		this.#shown = { definition: this.definition, series };
		return this.#shown;
	}

	store(): StoredFamily {
		const { labels, bounds = [] } = this.definition;
		const series = this.#list.map((s): StoredSeries => [s.labelValues, this.numbers(s)]);
		return { labels, bounds, series };
	}

	/** Takes back what `store` gave. A family whose labels or bounds have changed starts anew, as any counter may. */
	restore(stored: StoredFamily): void {
		const { labels, bounds = [] } = this.definition;
		if (!sameList(stored.labels, labels) || !sameList(stored.bounds, bounds)) return;
		for (const [labelValues, numbers] of stored.series) this.#insert(labelValues, numbers);
	}

	/** The series to add to, which is `other` once the family is full. */
	protected at(labelValues: readonly string[]): S {
		const known = this.#series.get(keyOf(labelValues));
		if (known) return known;
		if ((this.#told.get(this.#capGroup(labelValues)) ?? 0) < this.#maxSeries) return this.#insert(labelValues, []);
		this.#onCapped(this.definition.name);
		const folded = this.#fold(labelValues);
		return this.#series.get(keyOf(folded)) ?? this.#insert(folded, []);
	}

	/** To be called whenever a series is added to. */
	protected grow(running: S): void {
		if (!running.grown) this.#grown.push(running);
		running.grown = true;
	}

	protected abstract create(labelValues: readonly string[], numbers: readonly number[], index: number): S;
	protected abstract numbers(series: S): readonly number[];
	protected abstract show(series: S): Series;

	#insert(givenLabels: readonly string[], numbers: readonly number[]): S {
		const labelValues = givenLabels.map(ownCopy);
		const series = this.create(labelValues, numbers, this.#list.length);
		this.#series.set(keyOf(labelValues), series);
		this.#list.push(series);
		this.grow(series);
		// What stands for the rest takes nobody's place.
		if (!labelValues.includes(OTHER)) {
			const group = this.#capGroup(labelValues);
			this.#told.set(group, (this.#told.get(group) ?? 0) + 1);
		}
		return series;
	}

	#capGroup(labelValues: readonly string[]): string {
		const { labels, capPer } = this.definition;
		return capPer === undefined ? '' : (labelValues[labels.indexOf(capPer)] ?? '');
	}

	/** Labels that are bounded by nature (method, status code) survive; those that strangers choose do not. */
	#fold(labelValues: readonly string[]): string[] {
		const { labels, openLabels = labels } = this.definition;
		return labelValues.map((value, index) => (openLabels.includes(labels[index] ?? '') ? OTHER : value));
	}
}

export class Counter extends Accumulator<Counted> {
	add(labelValues: readonly string[], amount: number): void {
		const series = this.at(labelValues);
		series.value = sumOf(series.value, amount);
		this.grow(series);
	}

	protected override create(labelValues: readonly string[], [value = 0]: readonly number[], index: number): Counted {
		return { labelValues, value, index, grown: false };
	}

	protected override show({ labelValues, value }: Counted): Sample {
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
		this.grow(series);
		series.sum = sumOf(series.sum, sum / per);
		series.count += count;
		const { bounds } = this.definition;
		if (!bounds) return;
		for (const bin of bins) {
			const bucket = bucketOf(bounds, bin.value / per);
			series.buckets[bucket] = (series.buckets[bucket] ?? 0) + bin.count;
		}
	}

	protected override create(labelValues: readonly string[], numbers: readonly number[], index: number): Observed {
		const { bounds } = this.definition;
		const [sum = 0, count = 0, ...buckets] = numbers;
		const empty = Array.from({ length: bounds ? bounds.length + 1 : 0 }, () => 0);
		return { labelValues, sum, count, buckets: buckets.length > 0 ? buckets : empty, index, grown: false };
	}

	protected override show({ labelValues, buckets, sum, count }: Observed): Distribution {
		return { labelValues, buckets: [...buckets], sum, count };
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

/** A number that leaves the range of numbers is left out: a total that is infinite says nothing, for ever. */
function sumOf(total: number, amount: number): number {
	const sum = total + amount;
	return Number.isFinite(sum) ? sum : total;
}

/** Label values hold no NUL (see `sanitize`), so the key is unambiguous. */
function keyOf(labelValues: readonly string[]): string {
	return labelValues.join('\0');
}

function sameList<T>(left: readonly T[], right: readonly T[]): boolean {
	return left.length === right.length && left.every((item, index) => item === right[index]);
}
