import * as v from 'valibot';
import { customFamilies, type CustomMetric } from './metrics/fold/custom.ts';

/** The component's configuration, parsed once: everything in it is valid and every default is filled in. */
interface Configuration {
	readonly metrics: MetricsConfiguration;
}

export interface MetricsConfiguration {
	/** Whether anybody may scrape without credentials. */
	readonly anonymous: boolean;
	/** Where a listener of our own serves metrics, besides Harper's HTTP port. */
	readonly port?: string | number | undefined;
	/** How many series of one family are told apart; the rest is added up under `other`. */
	readonly maxSeriesPerFamily: number;
	/** How many levels of an MQTT topic are kept in a label. */
	readonly topicLevels: number;
	/** Operations that other components bring, told apart besides Harper's own. */
	readonly operations: readonly string[];
	readonly custom: readonly CustomMetric[];
}

/** One thing that is wrong with the configuration. */
interface ConfigurationProblem {
	/** Dotted path of the key, from `custodian`. */
	readonly key: string;
	readonly expected: string;
	/** What stood there; never the value of a secret. */
	readonly got: string;
}

export type ParsedConfiguration =
	| { readonly valid: true; readonly configuration: Configuration }
	| {
			readonly valid: false;
			readonly configuration: Configuration;
			readonly problems: readonly ConfigurationProblem[];
	  };

const wholeNumber = (minimum: number, maximum: number) => {
	const message = `a whole number from ${minimum} to ${maximum}`;
	return v.pipe(v.number(message), v.integer(message), v.minValue(minimum, message), v.maxValue(maximum, message));
};

/** valibot takes lists for objects; an operator's list is a mistake. */
const object = <const T extends v.ObjectEntries>(entries: T, message: string) =>
	v.pipe(
		v.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), message),
		v.strictObject(entries, message)
	);

const bool = v.boolean('true or false');
const text = (what: string) => v.pipe(v.string(what), v.minLength(1, what), v.maxLength(1000, what));

const port = v.custom<string | number>(isListenAddress, 'a port from 1 to 65535, or host:port');

const LABEL = /^(?!__)[a-zA-Z_]\w*$/;
const FAMILY = /^(?!harper_(?!custom_))[a-zA-Z_]\w*$/;
/** The families of custom metrics that no mapping names. */
const GENERIC = new Set(customFamilies.map(({ name }) => baseName(name)));
const RESERVED = /_(?:bucket|count|sum|created|info)$/;

const label = object(
	{
		label: v.pipe(
			v.string('a label name'),
			v.regex(LABEL, 'a label name: letters, digits and _, not beginning with __')
		),
		from: v.picklist(['metric', 'path', 'method', 'type'], 'metric, path, method or type'),
		delimiter: v.optional(text('the text between the parts')),
		index: v.optional(wholeNumber(0, 100)),
	},
	'{ label, from, delimiter?, index? }'
);

const custom = v.pipe(
	object(
		{
			metric: text('the name given to recordAnalytics'),
			name: v.pipe(
				v.string('a metric name'),
				v.regex(FAMILY, 'a metric name: letters, digits and _, beginning with harper_ only as harper_custom_'),
				v.check(
					(name) => !RESERVED.test(baseName(name)),
					'a metric name that does not end in a suffix Prometheus reserves'
				),
				v.check((name) => !GENERIC.has(baseName(name)), 'a metric name that is not taken')
			),
			help: text('a sentence'),
			type: v.optional(v.picklist(['counter', 'summary', 'histogram'], 'counter, summary or histogram'), 'summary'),
			count: v.optional(v.picklist(['all', 'true'], 'all or true'), 'all'),
			bounds: v.optional(
				v.pipe(
					v.array(v.pipe(v.number('a number'), v.finite('a finite number')), 'a list of numbers'),
					v.minLength(1, 'at least one bound'),
					v.maxLength(100, 'at most 100 bounds'),
					v.check((bounds) => bounds.every((b, i) => i === 0 || b > (bounds[i - 1] ?? 0)), 'ascending numbers')
				)
			),
			labels: v.optional(
				v.pipe(
					v.array(label, 'a list of labels'),
					v.maxLength(20, 'at most 20 labels'),
					v.check((labels) => unique(labels.map((l) => l.label)), 'labels with different names')
				),
				[]
			),
		},
		'{ metric, name, help, type?, bounds?, labels? }'
	),
	v.check(
		(c) => (c.type === 'counter') === c.name.endsWith('_total'),
		'a name that ends in _total if, and only if, it is a counter'
	),
	v.check((c) => (c.type === 'histogram') === (c.bounds !== undefined), 'bounds if, and only if, it is a histogram'),
	v.check(
		(c) => c.labels.every((l) => !(c.type === 'histogram' && l.label === 'le')),
		'no label named le on a histogram'
	),
	v.check(
		(c) => c.labels.every((l) => !(c.type === 'summary' && l.label === 'quantile')),
		'no label named quantile on a summary'
	)
);

const metrics = object(
	{
		anonymous: v.optional(bool, false),
		port: v.optional(port),
		maxSeriesPerFamily: v.optional(wholeNumber(1, 100_000), 1000),
		topicLevels: v.optional(wholeNumber(1, 20), 1),
		operations: v.optional(v.array(text('the name of an operation'), 'a list of names'), []),
		custom: v.optional(
			v.pipe(
				v.array(custom, 'a list of mappings'),
				v.maxLength(200, 'at most 200 mappings'),
				v.check((list) => unique(list.map((c) => baseName(c.name))), 'mappings with different names')
			),
			[]
		),
	},
	'an object'
);

const schema = object({ metrics: v.optional(metrics, {}) }, 'an object');

/** The configuration where the operator wrote none. */
const defaults: Configuration = v.parse(schema, {});

/**
 * Parses the value of the key `custodian` of `harperdb-config.yaml`; absent or null means all defaults.
 *
 * It does not throw. Where anything is wrong the defaults apply, so that a typo opens nothing, and every problem is
 * named with its key, what was expected and what was got.
 */
export function parseConfiguration(value: unknown): ParsedConfiguration {
	const result = v.safeParse(schema, value ?? {});
	if (result.success) return { valid: true, configuration: result.output };
	return { valid: false, configuration: defaults, problems: result.issues.map(problem) };
}

function problem(issue: v.BaseIssue<unknown>): ConfigurationProblem {
	const key = ['custodian', ...(issue.path ?? []).map((item) => String(item.key))].join('.');
	if (issue.type === 'strict_object' && issue.expected === 'never') {
		return { key, expected: 'no such key', got: 'a key that is not known' };
	}
	const missing = issue.type === 'strict_object' && issue.received === 'undefined';
	return { key, expected: issue.message, got: missing ? 'nothing' : describe(issue.input) };
}

/** Enough to recognise a mistake, short, and without the inside of objects. */
function describe(input: unknown): string {
	if (input === null) return 'null';
	if (Array.isArray(input)) return `a list of ${input.length}`;
	if (typeof input === 'object') return 'an object';
	const shown = typeof input === 'bigint' ? `${input}` : (JSON.stringify(input) ?? typeof input);
	return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown;
}

const HOST_AND_PORT = /^(?:[\w.-]+|\[[\da-fA-F:.]+\]):(\d{1,5})$/;

function isListenAddress(value: unknown): boolean {
	const listenPort = typeof value === 'string' ? Number(HOST_AND_PORT.exec(value)?.[1]) : value;
	return typeof listenPort === 'number' && Number.isInteger(listenPort) && listenPort >= 1 && listenPort <= 65_535;
}

function unique(names: readonly string[]): boolean {
	return new Set(names).size === names.length;
}

/** Names that differ in their suffix only would clash in the exposition. */
function baseName(name: string): string {
	return name.replace(/_total$/, '');
}
