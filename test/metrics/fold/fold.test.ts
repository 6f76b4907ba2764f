import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Distribution, Family, Sample } from '../../../lib/metrics/family.ts';
import type { CustomMetric } from '../../../lib/metrics/fold/custom.ts';
import { parseRow } from '../../../lib/metrics/fold/entry.ts';
import { Fold, foldDefinitions } from '../../../lib/metrics/fold/fold.ts';
import { boolean, numeric, request, row } from './rows.ts';

const configuration = { maxSeriesPerFamily: 1000, topicLevels: 1, operations: new Set(['insert', 'sql']), custom: [] };

function folded(rows: readonly object[], overrides: object = {}): Fold {
	const fold = new Fold({ ...configuration, ...overrides });
	for (const raw of rows) fold.add(parseRow(raw), true);
	return fold;
}

const everyThread = new Set([0, 1, 2, 3]);

/** The families as `name{label="value"} number` lines, distributions as `sum/count/buckets`. */
function lines(families: readonly Family[], prefix: string): string[] {
	return families
		.filter(({ definition }) => definition.name.startsWith(prefix))
		.flatMap(({ definition, series }) =>
			series.map((one) => {
				const labels = definition.labels.flatMap((label, i) =>
					one.labelValues[i] ? [`${label}="${one.labelValues[i]}"`] : []
				);
				return `${definition.name}{${labels.join(',')}} ${'value' in one ? one.value : shown(one)}`;
			})
		);
}

function shown({ sum, count, buckets }: Distribution): string {
	return `${Number(sum.toPrecision(6))}/${count}/${Array.from(buckets).join(',')}`;
}

function linesOf(rows: readonly object[], prefix: string, overrides: object = {}): string[] {
	return lines(folded(rows, overrides).families(everyThread), prefix);
}

describe('the fold of the raw analytics log', () => {
	it('counts requests, failures and responses by path, method and status', () => {
		const rows = [
			row(1, request('Dog', 'GET', 200, [1, 2, 3]), request('Dog', 'GET', 404, [1])),
			row(2, request('Dog', 'GET', 200, [4]), request(undefined, 'GET', 404, [1])),
		];
		expect(linesOf(rows, 'harper_http_requests_total')).toEqual([
			'harper_http_requests_total{path="Dog",method="GET"} 5',
			'harper_http_requests_total{method="GET"} 1',
		]);
		expect(linesOf(rows, 'harper_http_failures_total')).toEqual([
			'harper_http_failures_total{path="Dog",method="GET"} 1',
			'harper_http_failures_total{method="GET"} 1',
		]);
		expect(linesOf(rows, 'harper_http_responses_total')).toEqual([
			'harper_http_responses_total{path="Dog",method="GET",code="200"} 4',
			'harper_http_responses_total{path="Dog",method="GET",code="404"} 1',
			'harper_http_responses_total{method="GET",code="404"} 1',
		]);
	});

	it('puts durations, in seconds, into the bucket whose bound is not below them', () => {
		const rows = [row(1, numeric('duration', [0.5, 0.6, 5, 10_000, 10_001], 'Dog', 'GET'))];
		expect(linesOf(rows, 'harper_http_request_duration_seconds')).toEqual([
			'harper_http_request_duration_seconds{path="Dog",method="GET"} 20.0071/5/1,1,0,1,0,0,0,0,0,0,0,0,0,1,1',
		]);
	});

	it('tells cache hits from misses in durations but counts both as requests', () => {
		const rows = [
			row(
				1,
				numeric('duration', [1], 'Dog', 'GET', 'cache-hit'),
				numeric('duration', [1, 1], 'Dog', 'GET', 'cache-miss')
			),
		];
		expect(linesOf(rows, 'harper_http_requests_total')).toEqual([
			'harper_http_requests_total{path="Dog",method="GET"} 3',
		]);
		expect(linesOf(rows, 'harper_http_request_duration_seconds').map((line) => line.split('} ')[0])).toEqual([
			'harper_http_request_duration_seconds{path="Dog",method="GET",cache="hit"',
			'harper_http_request_duration_seconds{path="Dog",method="GET",cache="miss"',
		]);
	});

	it('keeps the operations API apart and folds names that Harper does not know into other', () => {
		const operation = (name: string) => [
			numeric('duration', [1], name, undefined, 'operation'),
			boolean('success', 1, 1, name, undefined, 'operation'),
			boolean('response_200', 1, 1, name, undefined, 'operation'),
			numeric('bytes-sent', [300], name, undefined, 'operation'),
		];
		const rows = [row(1, operation('insert'), operation('no such thing'), operation('<script>'))];
		expect(linesOf(rows, 'harper_http_requests')).toEqual([]);
		expect(linesOf(rows, 'harper_operations_total')).toEqual([
			'harper_operations_total{operation="insert"} 1',
			'harper_operations_total{operation="other"} 2',
		]);
		expect(linesOf(rows, 'harper_operation_responses_total')).toEqual([
			'harper_operation_responses_total{operation="insert",code="200"} 1',
			'harper_operation_responses_total{operation="other",code="200"} 2',
		]);
		expect(linesOf(rows, 'harper_sent_bytes_total')).toEqual([
			'harper_sent_bytes_total{protocol="operations",path="insert"} 300',
			'harper_sent_bytes_total{protocol="operations",path="other"} 600',
		]);
	});

	it('counts bytes exactly although a row keeps only their mean', () => {
		const sizes = [3, 7, 11, 100, 233, 12_345, 1];
		const rows = [row(1, numeric('db-write', sizes, 'Dog', null)), row(1, numeric('db-write', sizes, 'Dog', null))];
		const total = 2 * sizes.reduce((sum, size) => sum + size, 0);
		expect(linesOf(rows, 'harper_db_write')).toEqual([
			'harper_db_writes_total{table="Dog"} 14',
			`harper_db_write_bytes_total{table="Dog"} ${total}`,
		]);
	});

	it.each([
		['sensors/1/temperature', 1, 'sensors'],
		['sensors/1/temperature', 2, 'sensors/1'],
		['/sensors/1', 1, '/sensors'],
		['sensors', 1, 'sensors'],
		['', 1, undefined],
	])('reduces the MQTT topic %s at %i levels to %s', (topic, topicLevels, expected) => {
		const rows = [row(1, numeric('bytes-sent', [10], topic, 'publish,qos=1', 'mqtt'))];
		const path = expected === undefined ? '' : `path="${expected}",`;
		expect(linesOf(rows, 'harper_sent_bytes_total', { topicLevels })).toEqual([
			`harper_sent_bytes_total{protocol="mqtt",${path}action="publish"} 10`,
		]);
	});

	it('reads peers whose names hold dots, and keeps replication out of the client traffic', () => {
		const rows = [
			row(
				1,
				numeric('bytes-received', [100], '127.0.0.13.data.Dog', 'replication', 'ingest'),
				numeric('bytes-received', [50], '127.0.0.13.data', 'replication', 'blob'),
				numeric('bytes-sent', [70], 'node-b.example.com.data', 'replication', 'egress'),
				numeric('replication-latency', [2000], '127.0.0.13.data.Dog', 'put', 'ingest')
			),
		];
		expect(linesOf(rows, 'harper_replication_received_bytes')).toEqual([
			'harper_replication_received_bytes_total{peer="127.0.0.13",database="data",kind="record"} 100',
			'harper_replication_received_bytes_total{peer="127.0.0.13",database="data",kind="blob"} 50',
		]);
		expect(linesOf(rows, 'harper_replication_sent_bytes')).toEqual([
			'harper_replication_sent_bytes_total{peer="node-b.example.com",database="data",kind="record"} 70',
		]);
		expect(linesOf(rows, 'harper_replication_latency')[0]).toContain('peer="127.0.0.13",database="data"} 2/1/');
		expect(linesOf(rows, 'harper_sent_')).toEqual([]);
		expect(linesOf(rows, 'harper_received_')).toEqual([]);
	});

	it('lets no latency below zero pull a histogram back', () => {
		const rows = [row(1, numeric('replication-latency', [-500, 100], 'b.data.Dog', 'put', 'ingest'))];
		expect(linesOf(rows, 'harper_replication_latency')[0]).toMatch(/ 0\.1\/2\/1,0,0,0,0,1,/);
	});

	it('counts attempts to connect, refusals and ends', () => {
		const rows = [
			row(1, boolean('connection', 2, 3, 'mqtt', 'connect'), boolean('connection', 1, 2, 'mqtt', 'disconnect')),
			row(2, boolean('connection', 1, 1, 'ws', 'connect')),
		];
		expect(linesOf(rows, 'harper_connection_')).toEqual([
			'harper_connection_attempts_total{protocol="mqtt"} 3',
			'harper_connection_attempts_total{protocol="ws"} 1',
			'harper_connection_failures_total{protocol="mqtt"} 1',
			'harper_connection_failures_total{protocol="ws"} 0',
		]);
		expect(linesOf(rows, 'harper_unclean')).toEqual(['harper_unclean_disconnects_total{protocol="mqtt"} 1']);
	});

	it('sums open connections over the living threads, and a report without them closes them', () => {
		const open = (threadId: number, connections: number) =>
			row(threadId, { metric: 'mqtt-connections', connections, byThread: true });
		const fold = folded([open(1, 3), open(2, 4), open(3, 5)]);
		expect(lines(fold.families(new Set([1, 2])), 'harper_connections_open')).toContain(
			'harper_connections_open{protocol="mqtt"} 7'
		);
		fold.add(parseRow(row(2, numeric('duration', [1], 'Dog', 'GET'))), true);
		expect(lines(fold.families(new Set([1, 2])), 'harper_connections_open')).toContain(
			'harper_connections_open{protocol="mqtt"} 3'
		);
	});

	it('shows one moment: what is added later is another family, and what has not grown is the same', () => {
		const fold = new Fold(configuration);
		const of = (name: string) => fold.families(everyThread).find(({ definition }) => definition.name === name);
		fold.add(parseRow(row(1, numeric('duration', [1], 'Dog', 'GET'), numeric('duration', [1], 'Cat', 'GET'))), true);
		const [requests, durations] = [of('harper_http_requests_total'), of('harper_http_request_duration_seconds')];
		const before = JSON.stringify([requests, durations]);
		expect(of('harper_http_requests_total')).toBe(requests);
		fold.add(parseRow(row(1, numeric('duration', [1], 'Cat', 'GET'))), true);
		expect(JSON.stringify([requests, durations])).toBe(before);
		expect(of('harper_http_requests_total')?.series[0]).toBe(requests?.series[0]);
		expect(of('harper_http_requests_total')?.series[1]).toMatchObject({ labelValues: ['Cat', 'GET'], value: 2 });
		expect(of('harper_http_request_duration_seconds')?.series[1]).toMatchObject({ count: 2 });
	});

	it('keeps nothing open that an earlier process had opened', () => {
		const fold = new Fold(configuration);
		fold.add(parseRow(row(1, { metric: 'ws-connections', connections: 9, byThread: true })), false);
		expect(lines(fold.families(everyThread), 'harper_connections_open')).toEqual([]);
	});

	it('shows how many observations Harper dropped, as far as duration, success and response differ', () => {
		const rows = [
			row(
				1,
				numeric('duration', [1, 1], 'Dog', 'GET'),
				boolean('success', 4, 4, 'Dog', 'GET'),
				boolean('response_200', 5, 5, 'Dog', 'GET')
			),
			row(1, request('Dog', 'GET', 200, [1, 2])),
		];
		expect(linesOf(rows, 'harper_analytics_lost')).toEqual([
			'harper_analytics_lost_observations_total{metric="duration"} 3',
			'harper_analytics_lost_observations_total{metric="success"} 1',
		]);
	});

	it('counts lines that it cannot understand, and goes on', () => {
		const broken = [null, 7, 'x', {}, { metric: '' }, { metric: 'duration', mean: 1, count: 2, distribution: [1] }];
		const rows = [row(1, ...(broken as object[]), numeric('db-read', [1], 'Dog', null)), { metrics: 'no list' }];
		expect(linesOf(rows, 'harper_custodian_unreadable')).toEqual([
			`harper_custodian_unreadable_entries_total{} ${broken.length + 1}`,
		]);
		expect(linesOf(rows, 'harper_db_reads')).toEqual(['harper_db_reads_total{table="Dog"} 1']);
	});

	it('never throws, whatever stands in a row', () => {
		fc.assert(
			fc.property(fc.array(fc.anything()), fc.anything(), (metrics, other) => {
				const fold = new Fold(configuration);
				fold.add(parseRow({ metrics, threadId: other }), true);
				fold.add(parseRow(other), true);
				fold.families(everyThread);
			})
		);
	});
});

describe('the cap of a family', () => {
	const paths = (count: number) =>
		Array.from({ length: count }, (_, i) => numeric('duration', [1], `path-${i}`, 'GET'));

	it('adds up under other what is over it, and says how often', () => {
		const rows = [row(1, paths(5)), row(1, paths(5))];
		expect(linesOf(rows, 'harper_http_requests_total', { maxSeriesPerFamily: 2 })).toEqual([
			'harper_http_requests_total{path="path-0",method="GET"} 2',
			'harper_http_requests_total{path="path-1",method="GET"} 2',
			'harper_http_requests_total{path="other",method="GET"} 6',
		]);
		expect(linesOf(rows, 'harper_custodian_capped_additions', { maxSeriesPerFamily: 2 })).toContain(
			'harper_custodian_capped_additions_total{family="harper_http_requests_total"} 6'
		);
	});

	it('keeps every total whole and the number of series bounded, whatever arrives', () => {
		const entry = fc.record({
			path: fc.string({ maxLength: 3 }),
			method: fc.constantFrom('GET', 'PUT'),
			count: fc.integer({ min: 1, max: 9 }),
		});
		fc.assert(
			fc.property(
				fc.array(entry, { maxLength: 60 }),
				fc.integer({ min: 1, max: 10 }),
				(entries, maxSeriesPerFamily) => {
					const rows = entries.map(({ path, method, count }) =>
						row(1, boolean('response_200', count, count, path, method))
					);
					const families = folded(rows, { maxSeriesPerFamily }).families(everyThread);
					const responses = families.find(({ definition }) => definition.name === 'harper_http_responses_total')!;
					const series = responses.series as readonly Sample[];
					expect(series.reduce((sum, { value }) => sum + value, 0)).toBe(
						entries.reduce((sum, { count }) => sum + count, 0)
					);
					// Besides the cap, `other` keeps the method apart: two of them at most.
					expect(series.length).toBeLessThanOrEqual(maxSeriesPerFamily + 2);
				}
			)
		);
	});

	it('bounds the length of label values', () => {
		const [line = ''] = linesOf([row(1, request('x'.repeat(10_000), 'GET', 200, [1]))], 'harper_http_requests_total');
		expect(line.length).toBeLessThan(300);
	});
});

describe('custom metrics', () => {
	it('appear without configuration: numbers, booleans and the fields of callbacks', () => {
		const rows = [
			row(1, numeric('order-value', [10, 30], 'shop', 'card', 'eu'), boolean('stock-hit', 1, 3, 'shop'), {
				metric: 'pool',
				path: 'pg',
				size: 8,
				waiting: 2,
			}),
		];
		expect(linesOf(rows, 'harper_custom_')).toEqual([
			'harper_custom_events_total{metric="stock-hit",path="shop"} 3',
			'harper_custom_true_total{metric="stock-hit",path="shop"} 1',
			'harper_custom_observations{metric="order-value",path="shop",method="card",type="eu"} 40/2/',
			'harper_custom_measure{metric="pool",path="pg",field="size",thread="1"} 8',
			'harper_custom_measure{metric="pool",path="pg",field="waiting",thread="1"} 2',
		]);
	});

	const mapping: CustomMetric = {
		metric: 'order',
		name: 'shop_order_euros',
		help: 'Value of orders.',
		type: 'histogram',
		count: 'all',
		bounds: [10, 100],
		labels: [
			{ label: 'shop', from: 'path', delimiter: '::', index: 0 },
			{ label: 'country', from: 'path', delimiter: '::', index: 1 },
			{ label: 'second', from: 'method', index: 1 },
			{ label: 'kind', from: 'type' },
			{ label: 'missing', from: 'path', delimiter: '::', index: 7 },
		],
	};

	it('go to a family of their own with labels from the parts of a text or an array', () => {
		const rows = [row(1, numeric('order', [5, 50, 500], 'lisbon::pt', ['a', 'b'], 'gift'))];
		expect(linesOf(rows, 'shop_', { custom: [mapping] })).toEqual([
			'shop_order_euros{shop="lisbon",country="pt",second="b",kind="gift"} 555/3/1,1,1',
		]);
		expect(linesOf(rows, 'harper_custom_', { custom: [mapping] })).toEqual([]);
	});

	it('stay with the generic families where the mapping takes another kind', () => {
		const rows = [row(1, boolean('order', 1, 2, 'lisbon::pt'))];
		expect(linesOf(rows, 'harper_custom_events', { custom: [mapping] })).toHaveLength(1);
	});

	it('count events, all or the true ones', () => {
		const counter = (count: 'all' | 'true', name: string): CustomMetric => ({
			metric: 'paid',
			name,
			help: 'x',
			type: 'counter',
			count,
			labels: [],
		});
		const custom = [counter('all', 'a_total'), counter('true', 'b_total')];
		const rows = [row(1, boolean('paid', 2, 5))];
		expect([...linesOf(rows, 'a_total', { custom }), ...linesOf(rows, 'b_total', { custom })]).toEqual([
			'a_total{} 5',
			'b_total{} 2',
		]);
	});
});

describe('the definitions of the fold', () => {
	it('have names of their own, and only counters end in _total', () => {
		const definitions = foldDefinitions([]);
		expect(new Set(definitions.map(({ name }) => name)).size).toBe(definitions.length);
		for (const { name, type } of definitions) expect(name.endsWith('_total'), name).toBe(type === 'counter');
	});
});
