export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** What a family means; documents, exposition and dashboards all read this one description. */
export interface FamilyDefinition {
	/** Full name in base units; a counter ends in `_total`, nothing else does. */
	readonly name: string;
	readonly type: FamilyType;
	readonly help: string;
	readonly labels: readonly string[];
	/** Where the facts come from, for `docs/metrics.md`. */
	readonly source: string;
	/** What the numbers approximate, where they do. */
	readonly approximation?: string;
	/** Upper bounds of the buckets, ascending, without +Inf. Histograms only. */
	readonly bounds?: readonly number[];
	/** Labels whose values strangers can choose. Over the cap, these become `other`; the rest stay. */
	readonly openLabels?: readonly string[];
	/** The label per value of which the cap counts, so that one protocol cannot use up the room of another. */
	readonly capPer?: string;
}

/** One value of a counter or gauge. Label values stand in the order of the definition's labels; '' is an absent label. */
export interface Sample {
	readonly labelValues: readonly string[];
	readonly value: number;
}

/** One distribution of a histogram or summary. */
export interface Distribution {
	readonly labelValues: readonly string[];
	/** Observations per bucket, not cumulative, one longer than the bounds; empty for a summary. */
	readonly buckets: ArrayLike<number>;
	readonly sum: number;
	readonly count: number;
}

export type Series = Sample | Distribution;

/**
 * A family and its series at one moment. It never changes, nor does any of its series: what has changed since is another
 * object. So the same object is the same text. A family with no series is absent from the exposition.
 */
export interface Family {
	readonly definition: FamilyDefinition;
	readonly series: readonly Series[];
}

/** Builds a family of samples; a fact that is unknown (undefined or not a number) yields no sample. */
export function samples(
	definition: FamilyDefinition,
	facts: Iterable<readonly [labelValues: readonly string[], value: number | undefined]>
): Family {
	const series: Sample[] = [];
	for (const [labelValues, value] of facts) {
		if (value !== undefined && !Number.isNaN(value)) series.push({ labelValues, value });
	}
	return { definition, series };
}

/** A family without labels: one sample, or none when the fact is unknown. */
export function single(definition: FamilyDefinition, value: number | undefined): Family {
	return samples(definition, [[[], value]]);
}

/** Milliseconds in the base unit; what is unknown stays unknown. */
export function seconds(ms: number | undefined): number | undefined {
	return ms === undefined ? undefined : ms / 1000;
}
