import type { FamilyDefinition } from '../../family.ts';
import type { Entry } from '../entry.ts';
import {
	BINNED,
	falsehoods,
	MILLISECONDS,
	observations,
	RAW_LOG,
	RESPONSE,
	RESPONSE_PREFIX,
	type FoldOptions,
	type Rules,
} from '../rule.ts';

export const DURATION_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

type Naming = readonly [name: string, help: string];
type LabelValues = (entry: Entry, options: FoldOptions) => readonly string[];

/** One sort of requests: Harper records the same of each, under the same names. */
interface Sort {
	readonly when: (entry: Entry) => boolean;
	readonly labels: readonly string[];
	readonly openLabels: readonly string[];
	readonly labelValues: LabelValues;
	/** A label that the durations have beside the others. */
	readonly durationLabel?: readonly [label: string, value: (entry: Entry) => string];
	readonly requests: Naming;
	readonly failures: Naming;
	readonly responses: Naming;
	readonly durations: Naming;
	readonly transfers: Naming;
}

export function requestRules(sort: Sort): Rules {
	const { when, labels, labelValues, durationLabel } = sort;
	const rule = ([name, help]: Naming, metric: string, more: Partial<FamilyDefinition> = {}) => {
		const type = more.bounds === undefined ? 'counter' : 'histogram';
		const source = `${RAW_LOG}: ${metric}`;
		const family: FamilyDefinition = { name, type, help, labels, openLabels: sort.openLabels, source, ...more };
		return { when, family, labels: labelValues };
	};
	const binned = { bounds: DURATION_BOUNDS, approximation: BINNED };
	const durations = rule(sort.durations, 'duration', {
		...binned,
		labels: durationLabel ? [...labels, durationLabel[0]] : labels,
	});
	const withDurationLabel: LabelValues = (entry, options) => {
		const values = labelValues(entry, options);
		return durationLabel ? [...values, durationLabel[1](entry)] : values;
	};
	const withCode: LabelValues = (entry, options) => [
		...labelValues(entry, options),
		entry.metric.slice(RESPONSE_PREFIX.length),
	];
	const responses = rule(sort.responses, 'response_<code>', { labels: [...labels, 'code'] });
	return {
		duration: [
			{ ...rule(sort.requests, 'duration'), amount: observations },
			{ ...durations, labels: withDurationLabel, per: MILLISECONDS },
		],
		success: [{ ...rule(sort.failures, 'success'), amount: falsehoods }],
		[RESPONSE]: [{ ...responses, labels: withCode, amount: observations }],
		transfer: [{ ...rule(sort.transfers, 'transfer', binned), per: MILLISECONDS }],
	};
}

export function isOperation(entry: Entry): boolean {
	return entry.type === 'operation';
}
