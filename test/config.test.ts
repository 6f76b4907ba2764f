import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../lib/config.ts';

const defaults = { anonymous: false, maxSeriesPerFamily: 1000, topicLevels: 1, operations: [], custom: [] };

/** The daily snapshots that are taken where the operator says nothing; `test/config/protection.test.ts` looks closer. */
const protection = expect.objectContaining({ compression: 'brotli', copies: [], verifyWithin: 604_800_000 });

function problemsOf(value: unknown): string[] {
	const parsed = parseConfiguration(value);
	return parsed.valid ? [] : parsed.problems.map(({ key, expected, got }) => `${key}: ${expected}: ${got}`);
}

describe('the configuration', () => {
	it.each([undefined, null, {}, { metrics: {} }])('has a default for everything where it is %j', (value) => {
		expect(parseConfiguration(value)).toEqual({ valid: true, configuration: { metrics: defaults, protection } });
	});

	it('takes what the operator wrote', () => {
		const mapping = { metric: 'order', name: 'shop_orders_total', help: 'Orders.', type: 'counter' };
		const metrics = { anonymous: true, port: '127.0.0.1:9464', maxSeriesPerFamily: 5, custom: [mapping] };
		expect(parseConfiguration({ metrics })).toEqual({
			valid: true,
			configuration: {
				metrics: { ...defaults, ...metrics, custom: [{ ...mapping, count: 'all', labels: [] }] },
				protection,
			},
		});
	});

	it.each([9464, '0.0.0.0:9464', '::1:9464', '255.255.255.255:1'])('accepts the port %j', (port) => {
		expect(problemsOf({ metrics: { port } })).toEqual([]);
	});

	it.each([
		[7, 'custodian: an object: 7'],
		[[], 'custodian: an object: a list of 0'],
		[{ metric: {} }, 'custodian.metric: a key that is known: another'],
		[{ metrics: null }, 'custodian.metrics: an object: null'],
		[{ metrics: { anonymus: true } }, 'custodian.metrics.anonymus: a key that is known: another'],
		[{ metrics: { anonymous: 'yes' } }, 'custodian.metrics.anonymous: true or false: "yes"'],
		[
			{ metrics: { port: 'banana' } },
			'custodian.metrics.port: a port from 1 to 65535, or an address and a port as in 127.0.0.1:9464: "banana"',
		],
		[
			{ metrics: { port: 0 } },
			'custodian.metrics.port: a port from 1 to 65535, or an address and a port as in 127.0.0.1:9464: 0',
		],
		[
			{ metrics: { port: 'a:65536' } },
			'custodian.metrics.port: a port from 1 to 65535, or an address and a port as in 127.0.0.1:9464: "a:65536"',
		],
		[
			{ metrics: { maxSeriesPerFamily: 1.5 } },
			'custodian.metrics.maxSeriesPerFamily: a whole number from 1 to 100000: 1.5',
		],
		[
			{ metrics: { custom: [{ name: 'x', help: 'x' }] } },
			'custodian.metrics.custom.0.metric: { metric, name, help, type?, count?, bounds?, labels? }: nothing',
		],
	])('refuses %j, naming the key, what was expected and what was got', (value, problem) => {
		expect(problemsOf(value)).toEqual([problem]);
	});

	const mapping = (overrides: object) => ({
		metrics: { custom: [{ metric: 'm', name: 'm', help: 'h', ...overrides }] },
	});
	it.each([
		['a metric that Harper records itself', { metric: 'duration' }],
		['a metric that reads as a status code', { metric: 'response_200' }],
		['a delimiter without an index', { labels: [{ label: 'a', from: 'path', delimiter: '/' }] }],
		['bounds below zero', { type: 'histogram', bounds: [-1, 1] }],
		['a name that begins with _', { name: '_m' }],
		['a name that is no metric name', { name: 'a-b' }],
		['a name that looks like one of ours', { name: 'harper_http_requests' }],
		['a name of the generic families', { name: 'harper_custom_observations' }],
		['a name with a suffix that Prometheus reserves', { name: 'm_sum' }],
		['a counter without _total', { type: 'counter' }],
		['a summary with _total', { name: 'm_total' }],
		['a histogram without bounds', { type: 'histogram' }],
		['bounds that do not ascend', { type: 'histogram', bounds: [2, 1] }],
		['a label name that Prometheus reserves', { labels: [{ label: '__name__', from: 'path' }] }],
		['the label le on a histogram', { type: 'histogram', bounds: [1], labels: [{ label: 'le', from: 'path' }] }],
		[
			'one label twice',
			{
				labels: [
					{ label: 'a', from: 'path' },
					{ label: 'a', from: 'type' },
				],
			},
		],
	])('refuses a custom metric with %s', (_, overrides) => {
		expect(problemsOf(mapping(overrides))).toHaveLength(1);
	});

	it('refuses two custom metrics whose families would clash', () => {
		const custom = [
			{ metric: 'a', name: 'x', help: 'h' },
			{ metric: 'b', name: 'x_total', type: 'counter', help: 'h' },
		];
		expect(problemsOf({ metrics: { custom } })).toHaveLength(1);
	});

	it('falls back to the defaults where anything is wrong, so that a typo opens nothing', () => {
		const parsed = parseConfiguration({ metrics: { anonymous: true, prot: 9464 } });
		expect(parsed).toMatchObject({ valid: false, configuration: { metrics: { anonymous: false } } });
	});

	it('never throws and never shows the inside of an object', () => {
		fc.assert(
			fc.property(fc.anything(), fc.anything(), (value, other) => {
				parseConfiguration(value);
				parseConfiguration({ metrics: value });
				parseConfiguration({ metrics: { custom: [value, other], port: other } });
			})
		);
		expect(problemsOf({ metrics: { port: { secret: 'hunter2' } } }).join()).not.toContain('hunter2');
	});
});
