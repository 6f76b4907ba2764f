import { samples, type Family, type FamilyDefinition } from '../family.ts';
import { Counter, Histogram, type StoredFamily } from './accumulator.ts';
import {
	customEvents,
	customFamilies,
	customLabels,
	customMeasures,
	customObservations,
	customTruths,
	definitionOf,
	mapLabels,
	type CustomMetric,
} from './custom.ts';
import type { Entry, Row } from './entry.ts';
import { lostObservations } from './loss.ts';
import { bookkeepingFamilies, capped, lost, openConnections, rows, unreadable } from './bookkeeping.ts';
import { nonNegative, ruleName, type FoldOptions, type Rule } from './rule.ts';
import { connectionRules } from './rules/connections.ts';
import { httpRules } from './rules/http.ts';
import { operationRules } from './rules/operations.ts';
import { profilerRules } from './rules/profiler.ts';
import { replicationRules } from './rules/replication.ts';
import { tableRules } from './rules/tables.ts';
import { trafficRules } from './rules/traffic.ts';
import { ThreadReadings, type StoredThreads } from './threads.ts';

const SUBJECTS = [
	httpRules,
	operationRules,
	trafficRules,
	connectionRules,
	tableRules,
	replicationRules,
	profilerRules,
];

/** Gauges of each thread that stand in the raw log only, by the metric that carries them. */
const CONNECTIONS: Readonly<Record<string, string>> = { 'ws-connections': 'ws', 'mqtt-connections': 'mqtt' };

/** Metrics that a collector reads from a better source, or that repeat another. */
const NOT_FOLDED = new Set(['memory', 'utilization', 'connections', ...Object.keys(CONNECTIONS)]);

export interface FoldConfiguration extends FoldOptions {
	readonly maxSeriesPerFamily: number;
	readonly custom: readonly CustomMetric[];
}

/** Everything the fold knows, as plain data. */
export interface StoredFold {
	readonly families: Readonly<Record<string, StoredFamily>>;
	readonly connections: StoredThreads;
	readonly measures: StoredThreads;
}

/** Whether Harper records a metric of this name itself, so that no component can use it for its own. */
export function isBuiltIn(metric: string): boolean {
	return NOT_FOLDED.has(metric) || SUBJECTS.some((rules) => Object.hasOwn(rules, ruleName(metric)));
}

/** Every family that the fold can yield under a configuration. */
export function foldDefinitions(custom: readonly CustomMetric[]): readonly FamilyDefinition[] {
	const ruled = new Set(SUBJECTS.flatMap((rules) => Object.values(rules).flat()).map((rule) => rule.family));
	return [...ruled, ...bookkeepingFamilies, ...customFamilies, ...custom.map(definitionOf)];
}

/**
 * Folds the raw analytics log, row by row, into counters and histograms that only grow.
 *
 * The same rows in the same order give the same totals, whichever worker folds them; `store` and `restore` carry
 * them over a restart.
 */
export class Fold {
	readonly #configuration: FoldConfiguration;
	readonly #counters = new Map<string, Counter>();
	readonly #histograms = new Map<string, Histogram>();
	readonly #rules = new Map<string, Rule[]>();
	readonly #custom = new Map<string, CustomMetric[]>();
	readonly #connections: ThreadReadings;
	readonly #measures: ThreadReadings;

	constructor(configuration: FoldConfiguration) {
		const { maxSeriesPerFamily, custom } = configuration;
		this.#configuration = configuration;
		this.#connections = new ThreadReadings(maxSeriesPerFamily);
		this.#measures = new ThreadReadings(maxSeriesPerFamily);
		const onCapped = (family: string) => {
			// Its own labels are the names of families, of which there are only so many.
			if (family !== capped.name) this.#count(capped, [family], 1);
		};
		for (const definition of foldDefinitions(custom)) {
			const { name, type } = definition;
			if (type === 'counter') this.#counters.set(name, new Counter(definition, maxSeriesPerFamily, onCapped));
			else if (type !== 'gauge') this.#histograms.set(name, new Histogram(definition, maxSeriesPerFamily, onCapped));
		}
		for (const subject of SUBJECTS) {
			for (const [metric, rules] of Object.entries(subject)) append(this.#rules, metric, rules);
		}
		for (const mapping of custom) append(this.#custom, mapping.metric, [mapping]);
	}

	/** Adds one row. `fromThisProcess` is false for rows of an earlier process, whose connections are gone. */
	add(row: Row, fromThisProcess: boolean): void {
		this.#count(rows, [], 1);
		if (row.unreadable > 0) this.#count(unreadable, [], row.unreadable);
		for (const [metric, count] of lostObservations(row)) this.#count(lost, [metric], count);
		for (const entry of row.entries) this.#addEntry(row.threadId, entry);
		if (fromThisProcess) this.#readConnections(row);
	}

	/** A new process begins: thread ids start over and nothing is connected. */
	forgetThreads(): void {
		this.#connections.clear();
		this.#measures.clear();
	}

	/** The families at this moment. `living` are the ids of the threads that exist. */
	families(living: ReadonlySet<number>): readonly Family[] {
		this.#connections.keep(living);
		this.#measures.keep(living);
		const folded = [...this.#counters.values(), ...this.#histograms.values()];
		return [...folded.map((accumulator) => accumulator.family()), ...this.#gauges(living)];
	}

	store(): StoredFold {
		const families: Record<string, StoredFamily> = {};
		for (const [name, accumulator] of this.#accumulators()) families[name] = accumulator.store();
		return { families, connections: this.#connections.store(), measures: this.#measures.store() };
	}

	restore(stored: StoredFold): void {
		for (const [name, accumulator] of this.#accumulators()) {
			const family = stored.families[name];
			if (family) accumulator.restore(family);
		}
		this.#connections.restore(stored.connections);
		this.#measures.restore(stored.measures);
	}

	#accumulators(): (readonly [string, Counter | Histogram])[] {
		return [...this.#counters, ...this.#histograms];
	}

	#addEntry(threadId: number, entry: Entry): void {
		const rules = this.#rules.get(ruleName(entry.metric));
		if (rules) for (const rule of rules) this.#apply(rule, entry);
		else if (!NOT_FOLDED.has(entry.metric)) this.#addCustom(threadId, entry);
	}

	#apply(rule: Rule, entry: Entry): void {
		if (rule.when && !rule.when(entry)) return;
		const labelValues = rule.labels(entry, this.#configuration);
		if ('amount' in rule) this.#count(rule.family, labelValues, rule.amount(entry));
		else this.#observe(rule.family, labelValues, entry, rule.per);
	}

	#addCustom(threadId: number, entry: Entry): void {
		const mappings = (this.#custom.get(entry.metric) ?? []).filter((custom) => takes(custom, entry));
		for (const custom of mappings) this.#map(custom, entry);
		if (mappings.length > 0) return;
		const labelValues = customLabels(entry);
		if (entry.kind === 'numeric') {
			this.#observe(customObservations, labelValues, entry, 1);
		} else if (entry.kind === 'boolean') {
			this.#count(customEvents, labelValues, entry.count);
			this.#count(customTruths, labelValues, entry.total);
		} else {
			for (const [field, value] of entry.measures) this.#measure(threadId, [...labelValues, field], value);
		}
	}

	#map(custom: CustomMetric, entry: Entry): void {
		const labelValues = mapLabels(custom, entry);
		if (custom.type !== 'counter') this.#observe(custom, labelValues, entry, 1);
		else if (entry.kind === 'boolean' && custom.count === 'true') this.#count(custom, labelValues, entry.total);
		else if (entry.kind !== 'measures') this.#count(custom, labelValues, entry.count);
	}

	#count({ name }: { readonly name: string }, labelValues: readonly string[], amount: number | undefined): void {
		if (amount !== undefined) this.#counters.get(name)?.add(labelValues, amount);
	}

	#observe({ name }: { readonly name: string }, labelValues: readonly string[], entry: Entry, per: number): void {
		if (entry.kind !== 'numeric') return;
		const { sum, count, bins } = nonNegative(entry);
		this.#histograms.get(name)?.observe(labelValues, sum, count, bins, per);
	}

	#measure(threadId: number, labelValues: readonly string[], value: number): void {
		const kept = this.#measures.set(threadId, [...labelValues, String(threadId)], value);
		if (!kept) this.#count(capped, [customMeasures.name], 1);
	}

	/** A thread reports its connections while it has any; a report without them says that it has none. */
	#readConnections(row: Row): void {
		for (const [metric, protocol] of Object.entries(CONNECTIONS)) {
			const entry = row.entries.find((candidate) => candidate.metric === metric);
			const open = entry?.kind === 'measures' ? entry.measures.get('connections') : undefined;
			this.#connections.set(row.threadId, [protocol], open ?? 0);
		}
	}

	#gauges(living: ReadonlySet<number>): Family[] {
		const open = new Map<string, number>();
		const measures: (readonly [readonly string[], number])[] = [];
		for (const threadId of living) {
			for (const [[protocol = ''], value] of this.#connections.of(threadId)) {
				open.set(protocol, (open.get(protocol) ?? 0) + value);
			}
			measures.push(...this.#measures.of(threadId));
		}
		return [
			samples(
				openConnections,
				[...open].map(([protocol, value]) => [[protocol], value])
			),
			samples(customMeasures, measures),
		];
	}
}

/** A mapping takes the entries of its kind; the others stay with the generic families, so nothing is lost. */
function takes(custom: CustomMetric, entry: Entry): boolean {
	return custom.type === 'counter' ? entry.kind !== 'measures' : entry.kind === 'numeric';
}

function append<T>(groups: Map<string, T[]>, key: string, items: readonly T[]): void {
	groups.set(key, [...(groups.get(key) ?? []), ...items]);
}
