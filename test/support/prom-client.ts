import { Gauge, Registry } from 'prom-client';
import type { Family } from '../../lib/metrics/family.ts';

/**
 * The families as constant metrics of prom-client, which then only has to write them out: an independent opinion on
 * what our exposition should say. It spells the bounds of buckets as it is told, and omits empty labels only so.
 */
export function promClient(families: readonly Family[], spellBound: (bound: number) => string = String): Registry {
	const registry = new Registry();
	for (const { definition, series } of families) {
		const { name, help, type, bounds = [] } = definition;
		const values = series.flatMap((one) => {
			const labels: Record<string, string> = {};
			for (const [index, label] of definition.labels.entries()) {
				if (one.labelValues[index]) labels[label] = one.labelValues[index];
			}
			if ('value' in one) return [{ metricName: name, labels, value: one.value }];
			const totals = [
				{ metricName: `${name}_sum`, labels, value: one.sum },
				{ metricName: `${name}_count`, labels, value: one.count },
			];
			if (type === 'summary') return totals;
			let observations = 0;
			const buckets = [...bounds.map(spellBound), '+Inf'].map((le, index) => ({
				metricName: `${name}_bucket`,
				labels: { ...labels, le },
				value: (observations += one.buckets[index] ?? 0),
			}));
			return [...buckets, ...totals];
		});
		const metric = { name, help, type, values, aggregator: 'sum' };
		Object.assign(new Gauge({ name, help: 'Replaced.', registers: [registry] }), { get: () => metric });
	}
	return registry;
}
