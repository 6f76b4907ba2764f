import type { FamilyDefinition } from '../family.ts';
import { partText, type Entry } from './entry.ts';
import { RAW_LOG } from './rule.ts';

/** Where a label of a custom family takes its value from. */
interface CustomLabel {
	readonly label: string;
	readonly from: 'metric' | 'path' | 'method' | 'type';
	/** Splits the text; without it only arrays have parts. */
	readonly delimiter?: string | undefined;
	/** Which part, from 0. */
	readonly index?: number | undefined;
}

/** A mapping of one `server.recordAnalytics` metric to a family of its own. */
export interface CustomMetric {
	/** The name given to `recordAnalytics`. */
	readonly metric: string;
	/** The family; a counter's ends in `_total`. */
	readonly name: string;
	readonly help: string;
	/** counter counts events (of a boolean metric: the true ones with `count: true`); the others take numbers. */
	readonly type: 'counter' | 'summary' | 'histogram';
	readonly count: 'all' | 'true';
	readonly bounds?: readonly number[] | undefined;
	readonly labels: readonly CustomLabel[];
}

const labels = ['metric', 'path', 'method', 'type'];
const RECORDED = 'recorded with server.recordAnalytics';

/** Every numeric custom metric that no mapping names. Without knowing its unit there are no honest buckets. */
export const customObservations: FamilyDefinition = {
	name: 'harper_custom_observations',
	type: 'summary',
	help: `Sum and count of the numbers that components ${RECORDED}, in their own units.`,
	labels,
	source: `${RAW_LOG}: any other numeric metric`,
};

export const customEvents: FamilyDefinition = {
	name: 'harper_custom_events_total',
	type: 'counter',
	help: `Booleans and callbacks that components ${RECORDED}.`,
	labels,
	source: `${RAW_LOG}: any other boolean metric`,
};

export const customTruths: FamilyDefinition = {
	name: 'harper_custom_true_total',
	type: 'counter',
	help: `How many of harper_custom_events_total were true; for callbacks, the sum of the totals they returned.`,
	labels,
	source: `${RAW_LOG}: any other boolean metric`,
};

export const customMeasures: FamilyDefinition = {
	name: 'harper_custom_measure',
	type: 'gauge',
	help: `The latest value of each field that a callback ${RECORDED} returned, by thread.`,
	labels: [...labels, 'field', 'thread'],
	source: `${RAW_LOG}: any other metric`,
};

export const customFamilies = [customObservations, customEvents, customTruths, customMeasures];

export function customLabels(entry: Entry): readonly string[] {
	return [entry.metric, entry.path, entry.method, entry.type];
}

export function definitionOf(custom: CustomMetric): FamilyDefinition {
	const { name, type, help, bounds } = custom;
	return {
		name,
		type,
		help,
		labels: custom.labels.map(({ label }) => label),
		...(type === 'histogram' && bounds ? { bounds } : {}),
		source: `${RAW_LOG}: ${custom.metric}`,
	};
}

/** The values of a mapping's labels; a part that is not there is an absent label. */
export function mapLabels(custom: CustomMetric, entry: Entry): readonly string[] {
	return custom.labels.map((label) => labelValue(label, entry));
}

function labelValue({ from, delimiter, index }: CustomLabel, entry: Entry): string {
	if (from === 'metric') return entry.metric;
	const part = entry.parts[from];
	if (index === undefined) return entry[from];
	if (delimiter !== undefined && delimiter !== '') return entry[from].split(delimiter)[index] ?? '';
	return Array.isArray(part) ? partText(part[index]) : '';
}
