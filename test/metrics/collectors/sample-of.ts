import type { Collector } from '../../../lib/metrics/collector.ts';
import type { Family } from '../../../lib/metrics/family.ts';

/** One reading of a collector, as `name{label values}` and value: what a test compares. */
export async function collected(collector: Collector): Promise<Record<string, number>> {
	const known = new Set(collector.definitions);
	const values: Record<string, number> = {};
	for (const family of await collector.collect()) {
		if (!known.has(family.definition)) throw new Error(`${family.definition.name} is not among the definitions`);
		for (const [key, value] of entries(family)) {
			if (key in values) throw new Error(`${key} stands twice`);
			values[key] = value;
		}
	}
	return values;
}

function* entries({ definition, series }: Family): Iterable<[string, number]> {
	for (const one of series) {
		if (one.labelValues.length !== definition.labels.length) throw new Error(`${definition.name}: labels do not match`);
		if ('value' in one) yield [`${definition.name}{${one.labelValues.join('|')}}`, one.value];
	}
}
