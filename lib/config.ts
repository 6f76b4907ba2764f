import * as v from 'valibot';
import { flawInDefinition } from './metrics/flaws.ts';
import { customFamilies, definitionOf, type CustomMetric } from './metrics/fold/custom.ts';
import { isBuiltIn } from './metrics/fold/fold.ts';

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

const port = v.custom<string | number>(
	isListenAddress,
	'a port from 1 to 65535, or an address and a port as in 127.0.0.1:9464'
);

const OURS = /^harper_(?!custom_)/;
const RESERVED = /_(?:bucket|count|sum|created|info)$/;
/** The families of custom metrics that no mapping names. */
const GENERIC = new Set(customFamilies.map(({ name }) => baseName(name)));

const label = v.pipe(
	object(
		{
			label: text('a label name'),
			from: v.picklist(['metric', 'path', 'method', 'type'], 'metric, path, method or type'),
			delimiter: v.optional(text('the text between the parts')),
			index: v.optional(wholeNumber(0, 100)),
		},
		'{ label, from, delimiter?, index? }'
	),
	v.check((l) => l.delimiter === undefined || l.index !== undefined, 'an index beside the delimiter')
);

const custom = v.pipe(
	object(
		{
			metric: v.pipe(
				text('the name given to recordAnalytics'),
				v.check((metric) => !isBuiltIn(metric), 'a name that Harper does not use itself')
			),
			name: v.pipe(
				text('a metric name'),
				v.check((name) => !OURS.test(name), 'a metric name that begins with harper_ only as harper_custom_'),
				v.check((name) => !RESERVED.test(baseName(name)), 'a metric name without a suffix that Prometheus reserves'),
				v.check((name) => !GENERIC.has(baseName(name)), 'a metric name that is not taken')
			),
			help: text('a sentence'),
			type: v.optional(v.picklist(['counter', 'summary', 'histogram'], 'counter, summary or histogram'), 'summary'),
			count: v.optional(v.picklist(['all', 'true'], 'all or true'), 'all'),
			bounds: v.optional(
				v.pipe(
					v.array(v.number('a number'), 'a list of numbers'),
					v.minLength(1, 'at least one bound'),
					v.maxLength(100, 'at most 100 bounds')
				)
			),
			labels: v.optional(v.pipe(v.array(label, 'a list of labels'), v.maxLength(20, 'at most 20 labels')), []),
		},
		'{ metric, name, help, type?, count?, bounds?, labels? }'
	),
	v.check((c) => (c.type === 'histogram') === (c.bounds !== undefined), 'bounds if, and only if, it is a histogram'),
	v.check(
		(c) => flawInDefinition(definitionOf(c)) === undefined,
		({ input }) => `a family that can be shown (${flawInDefinition(definitionOf(input))})`
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
		return { key, expected: 'a key that is known', got: 'another' };
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

const ADDRESS_AND_PORT = /^(?:(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})|[\da-f]*:[\da-f:]+):(\d{1,5})$/i;

/** Harper binds addresses, not names, and takes an IPv6 address without brackets: `::1:9464`. */
function isListenAddress(value: unknown): boolean {
	if (typeof value !== 'string') return isPort(value);
	const [, ...parts] = ADDRESS_AND_PORT.exec(value) ?? [];
	return isPort(Number(parts.at(-1))) && parts.slice(0, 4).every((octet) => Number(octet ?? 0) <= 255);
}

function isPort(value: unknown): boolean {
	return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535;
}

function unique(names: readonly string[]): boolean {
	return new Set(names).size === names.length;
}

/** Names that differ in their suffix only would clash in the exposition. */
function baseName(name: string): string {
	return name.replace(/_total$/, '');
}
