import * as v from 'valibot';
import { flawInDefinition } from '../metrics/flaws.ts';
import { customFamilies, definitionOf, type CustomMetric } from '../metrics/fold/custom.ts';
import { isBuiltIn } from '../metrics/fold/fold.ts';
import { bool, object, text, unique, wholeNumber } from './atoms.ts';

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

export const metrics = object(
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

/** Names that differ in their suffix only would clash in the exposition. */
function baseName(name: string): string {
	return name.replace(/_total$/, '');
}
