import type { Distribution, FamilyDefinition, Series } from './family.ts';

/** Why no reader would accept a family so defined, or undefined. */
export function flawInDefinition({ name, type, labels, bounds = [] }: FamilyDefinition): string | undefined {
	if (!/^[a-z][a-z0-9_]*$/i.test(name)) return 'its name is not a metric name';
	if ((type === 'counter') !== name.endsWith('_total')) return 'counters, and nothing else, end in _total';
	for (const [index, label] of labels.entries()) {
		if (!/^(?!__)[a-z_][a-z0-9_]*$/i.test(label)) return `${JSON.stringify(label)} is not a label name`;
		if (label === RESERVED_LABELS[type]) return `the label ${label} is reserved for a ${type}`;
		if (labels.indexOf(label) !== index) return `it has the label ${label} twice`;
	}
	let previous = -Infinity;
	for (const bound of bounds) {
		if (!(bound > previous && bound >= 0 && bound < Infinity)) return 'its bounds are not ascending from zero';
		previous = bound;
	}
	return undefined;
}

/** Why no reader would accept the series in a family so defined, or undefined. */
export function flawInSeries(definition: FamilyDefinition, series: Series): string | undefined {
	if (series.labelValues.length !== definition.labels.length) return 'it has not one value for each label';
	const simple = definition.type === 'counter' || definition.type === 'gauge';
	if (simple !== 'value' in series) return `it has not the shape of a ${definition.type}`;
	if (!('value' in series)) return flawInDistribution(definition, series);
	if (typeof series.value !== 'number') return 'its value is not a number';
	if (definition.type === 'counter' && !(series.value >= 0)) return 'a counter is negative or NaN';
	return undefined;
}

const RESERVED_LABELS: Readonly<Record<string, string>> = { histogram: 'le', summary: 'quantile' };

function flawInDistribution({ type, bounds = [] }: FamilyDefinition, distribution: Distribution): string | undefined {
	const { buckets, sum, count } = distribution;
	if (typeof sum !== 'number' || !(sum >= 0)) return 'its sum is negative or NaN';
	if (!isCount(count)) return 'its count is not a whole number';
	if (type === 'summary') return buckets.length === 0 ? undefined : 'a summary has no buckets';
	if (buckets.length !== bounds.length + 1) return 'it has not one bucket for each bound, and one more';
	let observations = 0;
	for (let index = 0; index < buckets.length; index++) {
		if (!isCount(buckets[index]!)) return 'a bucket is not a whole number';
		observations += buckets[index]!;
	}
	return observations === count ? undefined : 'its buckets do not add up to its count';
}

function isCount(value: number): boolean {
	return Number.isInteger(value) && value >= 0;
}
