import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { contentTypes, Exposition } from '../../lib/metrics/exposition.ts';
import { type Family, type FamilyDefinition, samples, type Series, single } from '../../lib/metrics/family.ts';
import type { Format } from '../../lib/metrics/notation.ts';
import { parse, value } from '../support/openmetrics.ts';
import { promClient } from '../support/prom-client.ts';

const FORMATS = ['text', 'openmetrics'] as const;

/** Bounds beside what Prometheus' own Go code writes for them. */
const SPELLINGS: readonly (readonly [bound: number, spelling: string])[] = [
	[0, '0.0'],
	[1e-10, '1e-10'],
	[0.00001, '1e-05'],
	[0.000025, '2.5e-05'],
	[0.0001, '0.0001'],
	[0.005, '0.005'],
	[0.1, '0.1'],
	[1, '1.0'],
	[2.5, '2.5'],
	[10, '10.0'],
	[1024, '1024.0'],
	[65_536, '65536.0'],
	[100_000, '100000.0'],
	[999_999.5, '999999.5'],
	[1_000_000, '1e+06'],
	[1_048_576, '1.048576e+06'],
	[1_073_741_824, '1.073741824e+09'],
	[1e10, '1e+10'],
	[1e21, '1e+21'],
	[1e100, '1e+100'],
];

function define(definition: Partial<FamilyDefinition> & Pick<FamilyDefinition, 'name' | 'type'>): FamilyDefinition {
	return { help: 'Help.', labels: [], source: 'a test', ...definition };
}

function render(families: readonly Family[], format: Format, exposition = new Exposition()): string {
	const { body, omissions } = exposition.render(families, format);
	expect(omissions).toEqual([]);
	return body.toString();
}

const REQUESTS = define({ name: 'harper_requests_total', type: 'counter', labels: ['path', 'method'] });
const UPTIME = define({ name: 'harper_uptime_seconds', type: 'gauge' });
const WAIT = define({ name: 'harper_wait_seconds', type: 'histogram', labels: ['path'], bounds: [0.5, 1] });
const LOAD = define({ name: 'harper_load_ratio', type: 'summary', labels: ['path'] });

const EXAMPLE: readonly Family[] = [
	samples({ ...REQUESTS, help: 'Requests, "all" of them,\nat C:\\.' }, [
		[['/', 'GET'], 3],
		[['', 'GET'], 4],
		[['', ''], 0.5],
	]),
	single(UPTIME, 1e21),
	{ definition: WAIT, series: [{ labelValues: ['/'], buckets: [1, 0, 2], sum: 4.25, count: 3 }] },
	{ definition: LOAD, series: [{ labelValues: [''], buckets: [], sum: 4, count: 3 }] },
];

describe('an exposition', () => {
	it('is exact in text', () => {
		expect(render(EXAMPLE, 'text')).toBe(`# HELP harper_requests_total Requests, "all" of them,\\nat C:\\\\.
# TYPE harper_requests_total counter
harper_requests_total{path="/",method="GET"} 3
harper_requests_total{method="GET"} 4
harper_requests_total 0.5
# HELP harper_uptime_seconds Help.
# TYPE harper_uptime_seconds gauge
harper_uptime_seconds 1e+21
# HELP harper_wait_seconds Help.
# TYPE harper_wait_seconds histogram
harper_wait_seconds_bucket{path="/",le="0.5"} 1
harper_wait_seconds_bucket{path="/",le="1.0"} 1
harper_wait_seconds_bucket{path="/",le="+Inf"} 3
harper_wait_seconds_sum{path="/"} 4.25
harper_wait_seconds_count{path="/"} 3
# HELP harper_load_ratio Help.
# TYPE harper_load_ratio summary
harper_load_ratio_sum 4
harper_load_ratio_count 3
`);
	});

	it('is exact in OpenMetrics', () => {
		expect(render(EXAMPLE, 'openmetrics')).toBe(`# HELP harper_requests Requests, \\"all\\" of them,\\nat C:\\\\.
# TYPE harper_requests counter
harper_requests_total{path="/",method="GET"} 3
harper_requests_total{method="GET"} 4
harper_requests_total 0.5
# HELP harper_uptime_seconds Help.
# TYPE harper_uptime_seconds gauge
# UNIT harper_uptime_seconds seconds
harper_uptime_seconds 1e+21
# HELP harper_wait_seconds Help.
# TYPE harper_wait_seconds histogram
# UNIT harper_wait_seconds seconds
harper_wait_seconds_bucket{path="/",le="0.5"} 1
harper_wait_seconds_bucket{path="/",le="1.0"} 1
harper_wait_seconds_bucket{path="/",le="+Inf"} 3
harper_wait_seconds_sum{path="/"} 4.25
harper_wait_seconds_count{path="/"} 3
# HELP harper_load_ratio Help.
# TYPE harper_load_ratio summary
# UNIT harper_load_ratio ratio
harper_load_ratio_sum 4
harper_load_ratio_count 3
# EOF
`);
	});

	it('names its content types with version and charset', () => {
		expect(contentTypes).toEqual({
			text: 'text/plain; version=0.0.4; charset=utf-8',
			openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
		});
	});

	it('of nothing is empty in text and only an end in OpenMetrics', () => {
		const nothing = [{ definition: UPTIME, series: [] }];
		expect(render(nothing, 'text')).toBe('');
		expect(render(nothing, 'openmetrics')).toBe('# EOF\n');
	});

	it('gives a counter of seconds or bytes its unit', () => {
		const cpu = define({ name: 'harper_cpu_seconds_total', type: 'counter' });
		expect(parse(render([single(cpu, 1)], 'openmetrics'), 'openmetrics').get('harper_cpu_seconds')?.unit).toBe(
			'seconds'
		);
		const size = define({ name: 'harper_size_bytes', type: 'gauge' });
		expect(parse(render([single(size, 1)], 'openmetrics'), 'openmetrics').get('harper_size_bytes')?.unit).toBe('bytes');
	});

	it('gives no unit to a name that only mentions one', () => {
		const behind = define({ name: 'harper_seconds_behind', type: 'gauge' });
		expect(render([single(behind, 1)], 'openmetrics')).not.toContain('UNIT');
	});

	it.each(SPELLINGS)('writes the bound %d as %s in both formats', (bound, spelling) => {
		const definition = define({ name: 'h', type: 'histogram', bounds: [bound] });
		const family = { definition, series: [{ labelValues: [], buckets: [2, 1], sum: 1, count: 3 }] };
		for (const format of FORMATS) {
			expect(value(parse(render([family], format), format), 'h_bucket', { le: spelling })).toBe(2);
		}
	});

	it.each([
		['a quote', '"', '"'],
		['a backslash', '\\', '\\'],
		['a newline', '\n', '\n'],
		['a backslash before an n', '\\n', '\\n'],
		['all of them', '\\\n"\\"\n\\\\n', '\\\n"\\"\n\\\\n'],
		['UTF-8', 'Grüße, 世界 😀', 'Grüße, 世界 😀'],
		['other control characters', '\r\t\u2028', '\r\t\u2028'],
		['half a surrogate pair', 'a\ud83d"', 'a\ufffd"'],
		['two halves the wrong way round', '\ude00\ud83d', '\ufffd\ufffd'],
		['a NUL', 'a\0b', 'a\ufffdb'],
	])('keeps %s in label and help', (_, given, expected) => {
		const definition = define({ name: 'g', type: 'gauge', labels: ['label'], help: given });
		for (const format of FORMATS) {
			const { body } = new Exposition().render([samples(definition, [[[given], 1]])], format);
			const family = parse(body, format).get('g');
			expect(family?.help).toBe(expected);
			expect(family?.samples).toEqual([{ name: 'g', labels: { label: expected }, value: 1 }]);
		}
	});

	it.each([Infinity, -Infinity, NaN, 0, -0, -1.5, 5e-324, Number.MAX_VALUE, 1e-7, 0.1 + 0.2])(
		'writes %d so that it is read back',
		(number) => {
			const text = render([{ definition: UPTIME, series: [{ labelValues: [], value: number }] }], 'openmetrics');
			expect(value(parse(text, 'openmetrics'), UPTIME.name)).toBe(number === 0 ? 0 : number);
		}
	);
});

describe('what no reader would accept', () => {
	const good = single(define({ name: 'good', type: 'gauge' }), 1);
	const cases: [what: string, family: Family][] = [
		['a name that is none', single(define({ name: 'a-b', type: 'gauge' }), 1)],
		['an empty name', single(define({ name: '', type: 'gauge' }), 1)],
		['a counter without _total', single(define({ name: 'a', type: 'counter' }), 1)],
		['a gauge with _total', single(define({ name: 'a_total', type: 'gauge' }), 1)],
		['a label that is none', samples(define({ name: 'a', type: 'gauge', labels: ['b-c'] }), [[['d'], 1]])],
		['a reserved label', samples(define({ name: 'a', type: 'gauge', labels: ['__b'] }), [[['d'], 1]])],
		['a label twice', samples(define({ name: 'a', type: 'gauge', labels: ['b', 'b'] }), [[['c', 'd'], 1]])],
		[
			'a histogram with le',
			{
				definition: { ...WAIT, labels: ['le'] },
				series: [{ labelValues: ['1'], buckets: [0, 0, 0], sum: 0, count: 0 }],
			},
		],
		[
			'bounds that do not ascend',
			{
				definition: { ...WAIT, labels: [], bounds: [2, 1] },
				series: [{ labelValues: [], buckets: [0, 0, 0], sum: 0, count: 0 }],
			},
		],
		[
			'a negative bound',
			{
				definition: { ...WAIT, labels: [], bounds: [-1, 1] },
				series: [{ labelValues: [], buckets: [0, 0, 0], sum: 0, count: 0 }],
			},
		],
		['too few label values', samples(REQUESTS, [[['/'], 1]])],
		['a negative counter', samples(REQUESTS, [[['/', 'GET'], -1]])],
		['a counter that is no number', { definition: REQUESTS, series: [{ labelValues: ['/', 'GET'], value: NaN }] }],
		['a distribution in a gauge', { definition: UPTIME, series: [{ labelValues: [], buckets: [], sum: 1, count: 1 }] }],
		['a value in a histogram', { definition: WAIT, series: [{ labelValues: ['/'], value: 1 }] }],
		[
			'a value that is no number at all',
			{ definition: UPTIME, series: [{ labelValues: [], value: JSON.parse('"1 2"') }] },
		],
		['a bucket missing', { definition: WAIT, series: [{ labelValues: ['/'], buckets: [1, 0], sum: 1, count: 1 }] }],
		[
			'buckets that do not add up',
			{ definition: WAIT, series: [{ labelValues: ['/'], buckets: [1, 0, 0], sum: 1, count: 2 }] },
		],
		[
			'half an observation',
			{ definition: WAIT, series: [{ labelValues: ['/'], buckets: [0.5, 0, 0], sum: 1, count: 0.5 }] },
		],
		[
			'half an observation in a bucket',
			{ definition: WAIT, series: [{ labelValues: ['/'], buckets: [0.5, 0.5, 0], sum: 1, count: 1 }] },
		],
		['a negative sum', { definition: WAIT, series: [{ labelValues: ['/'], buckets: [1, 0, 0], sum: -1, count: 1 }] }],
		[
			'half an observation in a summary',
			{ definition: LOAD, series: [{ labelValues: ['/'], buckets: [], sum: 1, count: 0.5 }] },
		],
		['buckets in a summary', { definition: LOAD, series: [{ labelValues: ['/'], buckets: [1], sum: 1, count: 1 }] }],
	];

	it.each(cases)('is left out and said: %s', (_, family) => {
		for (const format of FORMATS) {
			const { body, omissions } = new Exposition().render([family, good], format);
			expect([...parse(body, format).keys()]).toEqual(['good']);
			expect(omissions).toHaveLength(1);
			expect(omissions[0]).toMatchObject({ family: family.definition.name, reason: expect.stringMatching(/./) });
		}
	});

	it('is left out at each scrape, until it is mended', () => {
		const exposition = new Exposition();
		const requests = (count: number) => samples(REQUESTS, [[['/', 'GET'], count]]);
		for (let scrape = 0; scrape < 2; scrape++) {
			expect(exposition.render([requests(-1), good], 'text').omissions).toEqual([
				{ family: REQUESTS.name, labelValues: ['/', 'GET'], reason: 'a counter is negative or NaN' },
			]);
		}
		expect(render([requests(1)], 'text', exposition)).toContain('{path="/",method="GET"} 1\n');
	});

	it.each([
		['the same definition twice', UPTIME, UPTIME],
		[
			'a gauge named as a counter in OpenMetrics',
			define({ name: 'a_total', type: 'counter' }),
			define({ name: 'a', type: 'gauge' }),
		],
		[
			'a gauge named as a creation time',
			define({ name: 'a_total', type: 'counter' }),
			define({ name: 'a_created', type: 'gauge' }),
		],
		['a gauge named as a sum', define({ name: 'a', type: 'summary' }), define({ name: 'a_sum', type: 'gauge' })],
		['a gauge named as a count', define({ name: 'a_count', type: 'gauge' }), define({ name: 'a', type: 'summary' })],
		[
			'a gauge named as a bucket',
			define({ name: 'a_bucket', type: 'gauge' }),
			define({ name: 'a', type: 'histogram' }),
		],
	])('of two families that clash is the second: %s', (_, first, second) => {
		const family = (definition: FamilyDefinition): Family => {
			if (definition.type === 'summary')
				return { definition, series: [{ labelValues: [], buckets: [], sum: 1, count: 1 }] };
			if (definition.type === 'histogram')
				return { definition, series: [{ labelValues: [], buckets: [1], sum: 1, count: 1 }] };
			return single(definition, 1);
		};
		for (const format of FORMATS) {
			const { body, omissions } = new Exposition().render([family(first), family(second), good], format);
			expect(parse(body, format).size).toBe(2);
			expect(omissions).toEqual([{ family: second.name, reason: expect.stringContaining('another family') }]);
		}
	});

	it('is no family without series, whatever its name', () => {
		const { omissions } = new Exposition().render([{ definition: good.definition, series: [] }, good], 'text');
		expect(omissions).toEqual([]);
	});

	it('of two series with the same labels is the second, also when they differ only in what cannot be written', () => {
		const twice = samples(REQUESTS, [
			[['/', 'a\ud83d'], 1],
			[['/', 'GET'], 2],
			[['/', 'a\udc00'], 3],
		]);
		const { body, omissions } = new Exposition().render([twice], 'text');
		const parsed = parse(body, 'text');
		expect(value(parsed, REQUESTS.name, { path: '/', method: 'a\ufffd' })).toBe(1);
		expect(value(parsed, REQUESTS.name, { path: '/', method: 'GET' })).toBe(2);
		expect(omissions).toMatchObject([{ labelValues: ['/', 'a\udc00'] }]);
	});

	it('comes back when its double is gone', () => {
		const exposition = new Exposition();
		const first = { labelValues: ['/', 'GET'], value: 1 };
		const second = { labelValues: ['/', 'GET'], value: 2 };
		const family = (...series: Series[]) => [{ definition: REQUESTS, series }];
		expect(exposition.render(family(first, second), 'text').omissions).toHaveLength(1);
		expect(render(family({ labelValues: ['/', 'PUT'], value: 3 }, second), 'text', exposition)).toContain('"GET"} 2\n');
		expect(exposition.render(family(first, second), 'text').omissions).toHaveLength(1);
		expect(render(family(first), 'text', exposition)).toContain('} 1\n');
		expect(
			exposition.render(family({ labelValues: ['/', 'PUT'], value: 3 }, second, first), 'text').omissions
		).toHaveLength(1);
		expect(render(family({ labelValues: ['/', 'PUT'], value: 3 }, second), 'text', exposition)).toContain('"GET"} 2\n');
	});
});

describe('for whatever families', () => {
	it('text says what prom-client says', async () => {
		await fc.assert(
			fc.asyncProperty(familiesOf(), async (families) => {
				const spellings = new Map(SPELLINGS);
				const theirs = await promClient(families, (bound) => spellings.get(bound)!).metrics();
				expect(render(families, 'text')).toBe(theirs.replaceAll('\n\n', '\n').replace(/^\n$/, ''));
			})
		);
	});

	it('a strict reader finds nothing, and every series, in both formats alike', () => {
		fc.assert(
			fc.property(familiesOf(), (families) => {
				const [text, openmetrics] = FORMATS.map((format) => [...parse(render(families, format), format).values()]);
				expect(text!.map((family) => family.samples)).toEqual(openmetrics!.map((family) => family.samples));
				expect(text!.map((family) => family.help)).toEqual(families.map((family) => family.definition.help));
			})
		);
	});

	it('what was rendered before makes no difference', () => {
		const scrapes = fc.array(fc.tuple(fc.constantFrom(...FORMATS), familiesOf(fc.constant(SAME_NAMES))), {
			maxLength: 6,
		});
		fc.assert(
			fc.property(scrapes, (history) => {
				const exposition = new Exposition();
				for (const [format, families] of history) {
					const body = render(families, format, exposition);
					expect(body).toBe(render(families, format));
					expect(render(families, format, exposition)).toBe(body);
				}
			})
		);
	});

	it('a family that is the same object as before is not looked into', () => {
		let looks = 0;
		const sample = {
			labelValues: [],
			get value() {
				looks++;
				return 1;
			},
		};
		const exposition = new Exposition();
		const families = [{ definition: UPTIME, series: [sample] }];
		const first = render(families, 'text', exposition);
		const looksAtFirst = looks;
		expect(render(families, 'text', exposition)).toBe(first);
		expect(looks).toBe(looksAtFirst);
	});

	it('what has changed is shown, be it a value, a bucket, a sum or a label', () => {
		const sample = { labelValues: ['/', 'GET'], value: 1 };
		const wait = { labelValues: ['/'], buckets: new Float64Array([1, 1, 0]), sum: 2, count: 2 };
		const load = { labelValues: ['/'], buckets: [], sum: 2, count: 2 };
		const of = (requests: Series, waits: Series, loads: Series): Family[] => [
			{ definition: REQUESTS, series: [requests] },
			{ definition: WAIT, series: [waits] },
			{ definition: LOAD, series: [loads] },
		];
		const exposition = new Exposition();
		const changes = [
			of({ ...sample, value: 2 }, wait, load),
			of({ ...sample, labelValues: ['/other', 'GET'] }, wait, load),
			of(sample, { ...wait, buckets: new Float64Array([0, 2, 0]) }, load),
			of(sample, { ...wait, sum: 2.5 }, load),
			of(sample, { ...wait, buckets: [1, 1, 1], count: 3 }, load),
			of(sample, { ...wait, labelValues: ['/other'] }, load),
			of(sample, wait, { ...load, count: 3 }),
			of(sample, wait, { ...load, sum: 3 }),
		];
		let before = render(of(sample, wait, load), 'text', exposition);
		for (const families of changes) {
			const after = render(families, 'text', exposition);
			expect(after).not.toBe(before);
			expect(after).toBe(render(families, 'text'));
			before = after;
		}
	});
});

const LABEL_VALUE = fc.oneof(
	fc.constantFrom('', 'GET', '/a"b', '\\', '\n', 'ü😀'),
	fc.string({ unit: 'grapheme', maxLength: 5 }).map((text) => text.replaceAll('\0', ''))
);
const VALUE = fc.oneof(fc.nat(5), fc.double({ min: 0, noNaN: true }));
const COUNT = fc.nat(1000);
const TYPES = ['counter', 'gauge', 'histogram', 'summary'] as const;

/** Long-lived definitions, so that one scrape can meet what an earlier one left. */
const SAME_NAMES = TYPES.map((type) =>
	define({
		name: `same_${type}_bytes${type === 'counter' ? '_total' : ''}`,
		type,
		labels: ['a', 'b'],
		bounds: [0.1, 1],
	})
);

const DEFINITIONS = fc.uniqueArray(
	fc
		.record({
			stem: fc.stringMatching(/^[a-z]{1,3}(_bytes|_seconds)?$/),
			type: fc.constantFrom(...TYPES),
			help: LABEL_VALUE,
			labels: fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,3}$/).filter((label) => label !== 'le')),
			bounds: fc.subarray(SPELLINGS.map(([bound]) => bound)),
		})
		.map(({ stem, type, ...rest }) => define({ name: type === 'counter' ? `${stem}_total` : stem, type, ...rest })),
	{ selector: (definition) => definition.name.replace(/_total$/, ''), maxLength: 6 }
);

function familiesOf(definitions: fc.Arbitrary<readonly FamilyDefinition[]> = DEFINITIONS): fc.Arbitrary<Family[]> {
	return definitions.chain((chosen) =>
		fc.tuple(...chosen.map((definition) => seriesOf(definition).map((series) => ({ definition, series }))))
	);
}

function seriesOf({ type, labels, bounds = [] }: FamilyDefinition): fc.Arbitrary<Series[]> {
	const labelValues = fc.tuple(...labels.map(() => LABEL_VALUE));
	const size = type === 'histogram' ? bounds.length + 1 : 0;
	const buckets = fc.array(COUNT, { minLength: size, maxLength: size });
	const series: fc.Arbitrary<Series> =
		type === 'counter' || type === 'gauge'
			? fc.record({ labelValues, value: VALUE })
			: fc.record({ labelValues, buckets, sum: VALUE, count: COUNT }).map((distribution) => {
					if (type === 'summary') return distribution;
					return { ...distribution, count: distribution.buckets.reduce((sum, bucket) => sum + bucket, 0) };
				});
	return fc.uniqueArray(series, { selector: (one) => JSON.stringify(one.labelValues), minLength: 1, maxLength: 5 });
}

test('a value that no check foresaw costs its family and nothing else', () => {
	const definition: FamilyDefinition = { name: 'bad', type: 'gauge', help: 'x', labels: ['a'], source: '' };
	const good: FamilyDefinition = { name: 'good', type: 'gauge', help: 'x', labels: [], source: '' };
	const series = [{ labelValues: [{} as string], value: 1 }];
	const { body, omissions } = new Exposition().render([{ definition, series }, single(good, 1)], 'text');
	expect(omissions).toMatchObject([{ family: 'bad' }]);
	expect(body.toString()).toBe('# HELP good x\n# TYPE good gauge\ngood 1\n');
});
