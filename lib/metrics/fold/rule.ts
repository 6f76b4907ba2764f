import type { FamilyDefinition } from '../family.ts';
import type { Entry } from './entry.ts';

/** What an operator may configure about the folding of labels. */
export interface FoldOptions {
	/** Operation names told apart; any other string that a client posts is counted under `other`. */
	readonly operations: ReadonlySet<string>;
	/** How many levels of an MQTT topic are kept. */
	readonly topicLevels: number;
}

interface Mapping {
	/** Narrows a rule to some of a metric's entries. */
	readonly when?: (entry: Entry) => boolean;
	readonly family: FamilyDefinition;
	/** Label values in the order of the family's labels. */
	readonly labels: (entry: Entry, options: FoldOptions) => readonly string[];
}

/** Adds to a counter. `amount` is undefined where the entry is not of the kind that the rule reads. */
export interface CountRule extends Mapping {
	readonly amount: (entry: Entry) => number | undefined;
}

/** Adds to a histogram. What Harper recorded is divided by `per` to reach the base unit. */
interface ObserveRule extends Mapping {
	readonly per: number;
}

export type Rule = CountRule | ObserveRule;

/** The rules of a subject, by the name of the raw metric that they read. */
export type Rules = Readonly<Record<string, readonly Rule[]>>;

/** `response_200`, `response_404`, … are one metric with the status code in its name. */
export const RESPONSE_PREFIX = 'response_';
export const RESPONSE = 'response_*';

export function ruleName(metric: string): string {
	return metric.startsWith(RESPONSE_PREFIX) ? RESPONSE : metric;
}

/** Milliseconds in a second: the divisor of every duration that Harper records. */
export const MILLISECONDS = 1000;

export const RAW_LOG = 'raw analytics log';

/** Stated once; every histogram that is folded from the raw log shares it. */
export const BINNED =
	"Harper keeps ten percentiles of each thread's second, so an observation stands in the bucket of the highest value of its percentile group.";

/** How many observations an entry stands for. */
export function observations(entry: Entry): number | undefined {
	return entry.kind === 'measures' ? undefined : entry.count;
}

/** How often a boolean metric was true. */
export function truths(entry: Entry): number | undefined {
	return entry.kind === 'boolean' ? entry.total : undefined;
}

/** How often a boolean metric was false. */
export function falsehoods(entry: Entry): number | undefined {
	return entry.kind === 'boolean' ? Math.max(0, entry.count - entry.total) : undefined;
}

/** The exact number of bytes: a row keeps mean and count, whose product is whole but for rounding. */
export function bytes(entry: Entry): number | undefined {
	return entry.kind === 'numeric' && entry.sum >= 0 ? Math.round(entry.sum) : undefined;
}

/** Durations between two clocks may come out negative; a histogram's sum must not fall, so those count as zero. */
export function nonNegative(entry: Entry): Entry {
	if (entry.kind !== 'numeric' || (entry.sum >= 0 && entry.bins.every((bin) => bin.value >= 0))) return entry;
	const bins = entry.bins.map((bin) => ({ value: Math.max(0, bin.value), count: bin.count }));
	return { ...entry, bins, sum: bins.reduce((sum, bin) => sum + bin.value * bin.count, 0) };
}
