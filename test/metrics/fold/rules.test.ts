import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Distribution, Family, Sample } from '../../../lib/metrics/family.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../../lib/metrics/fold/checkpoint.ts';
import { parseRow } from '../../../lib/metrics/fold/entry.ts';
import { Fold, foldDefinitions, isBuiltIn } from '../../../lib/metrics/fold/fold.ts';
import { boolean, numeric, row } from './rows.ts';

const configuration = { maxSeriesPerFamily: 3, topicLevels: 1, operations: new Set(['insert']), custom: [] };
const living = new Set([0, 1, 2]);

/** Every family that is not empty, with its numbers. */
function contents(families: readonly Family[]): Record<string, [string, ...number[]][]> {
	const filled = families.filter(({ series }) => series.length > 0);
	return Object.fromEntries(filled.map(({ definition, series }) => [definition.name, series.map(numbers)]));
}

function numbers(series: Sample | Distribution): [string, ...number[]] {
	const labels = series.labelValues.join();
	return 'value' in series ? [labels, series.value] : [labels, series.sum, series.count, ...Array.from(series.buckets)];
}

function folded(...entries: (object | object[])[]): Record<string, [string, ...number[]][]> {
	const fold = new Fold(configuration);
	fold.add(parseRow(row(1, ...entries)), true);
	return contents(fold.families(living));
}

/** Where in a histogram an observation of so many seconds stands: the bucket's upper bound. */
function bound(name: string, [, , , ...buckets]: [string, ...number[]]): number {
	const { bounds = [] } = foldDefinitions([]).find((definition) => definition.name === name)!;
	return bounds[buckets.findIndex((count) => count > 0)] ?? Infinity;
}

describe('every rule', () => {
	// What Harper records, and what becomes of it. Booleans are true 2 of 5 times; numbers are 2, 3 and 7.
	const yes = (metric: string, ...rest: unknown[]) => boolean(metric, 2, 5, ...rest);
	const sizes = (metric: string, ...rest: unknown[]) => numeric(metric, [2, 3, 7], ...rest);
	it.each<[object, Record<string, [string, number]>]>([
		[yes('success', 'Dog', 'GET'), { harper_http_failures_total: ['Dog,GET', 3] }],
		[yes('response_404', 'Dog', 'GET'), { harper_http_responses_total: ['Dog,GET,404', 5] }],
		[sizes('duration', 'Dog', 'GET'), { harper_http_requests_total: ['Dog,GET', 3] }],
		[yes('service-unavailable', 9926), { harper_http_unavailable_total: ['9926', 5] }],
		[yes('success', 'insert', undefined, 'operation'), { harper_operation_failures_total: ['insert', 3] }],
		[yes('response_200', 'insert', undefined, 'operation'), { harper_operation_responses_total: ['insert,200', 5] }],
		[sizes('duration', 'insert', undefined, 'operation'), { harper_operations_total: ['insert', 3] }],
		[
			sizes('bytes-sent', 'Dog', 'GET'),
			{ harper_sent_bytes_total: ['http,Dog,GET', 12], harper_sent_messages_total: ['http,Dog,GET', 3] },
		],
		[sizes('bytes-sent', '/route', 'GET', 'fastify-route'), { harper_sent_bytes_total: ['http,/route,GET', 12] }],
		[sizes('bytes-sent', 'x', 'GET', 'made up'), { harper_sent_bytes_total: ['other,x,GET', 12] }],
		[
			sizes('bytes-received', 'Dog', 'message', 'ws'),
			{ harper_received_bytes_total: ['ws,Dog,message', 12], harper_received_messages_total: ['ws,Dog,message', 3] },
		],
		[yes('acl-fail', 'a/b'), { harper_acl_failures_total: ['a', 5] }],
		[
			yes('connection', 'ws', 'connect'),
			{ harper_connection_attempts_total: ['ws', 5], harper_connection_failures_total: ['ws', 3] },
		],
		[
			yes('connection', 'ws', 'disconnect'),
			{ harper_disconnects_total: ['ws', 5], harper_unclean_disconnects_total: ['ws', 3] },
		],
		[yes('tls-reused', 9926), { harper_tls_handshakes_total: ['9926', 5], harper_tls_resumptions_total: ['9926', 2] }],
		[yes('socket-routed'), { harper_sockets_routed_total: ['', 2], harper_sockets_unrouted_total: ['', 3] }],
		[yes('cache-hit', 'Dog'), { harper_cache_hits_total: ['Dog', 2], harper_cache_misses_total: ['Dog', 3] }],
		[sizes('db-read', 'Dog', null), { harper_db_reads_total: ['Dog', 3], harper_db_read_bytes_total: ['Dog', 12] }],
		[sizes('db-write', 'Dog', null), { harper_db_writes_total: ['Dog', 3], harper_db_write_bytes_total: ['Dog', 12] }],
		[
			sizes('db-message', 'Dog', null),
			{ harper_db_messages_total: ['Dog', 3], harper_db_message_bytes_total: ['Dog', 12] },
		],
		[
			sizes('bytes-received', 'b.data.Dog', 'replication', 'ingest'),
			{
				harper_replication_received_bytes_total: ['b,data,record', 12],
				harper_replication_received_messages_total: ['b,data,record', 3],
			},
		],
		[
			sizes('bytes-sent', 'b.data', 'replication', 'blob'),
			{ harper_replication_sent_bytes_total: ['b,data,blob', 12] },
		],
		[sizes('cpu-usage', 'user'), { harper_profiler_cpu_seconds_total: ['user', 12] }],
		[sizes('cpu-usage', 'file:///a.js:7'), { harper_profiler_function_cpu_seconds_total: ['file:///a.js:7', 12] }],
	])('makes of %j the counters it should', (entry, counters) => {
		expect(folded(entry)).toMatchObject(
			Object.fromEntries(Object.entries(counters).map(([name, line]) => [name, [line]]))
		);
	});

	it.each([
		['harper_http_request_duration_seconds', numeric('duration', [40], 'Dog', 'GET'), 'Dog,GET,', 0.05],
		['harper_http_transfer_duration_seconds', numeric('transfer', [40], 'Dog', 'GET'), 'Dog,GET', 0.05],
		['harper_operation_duration_seconds', numeric('duration', [40], 'insert', undefined, 'operation'), 'insert', 0.05],
		[
			'harper_operation_transfer_duration_seconds',
			numeric('transfer', [40], 'insert', undefined, 'operation'),
			'insert',
			0.05,
		],
		['harper_tls_handshake_duration_seconds', numeric('tls-handshake', [40], 9926), '9926', 0.05],
		[
			'harper_cache_resolution_duration_seconds',
			numeric('cache-resolution', [40], 'Dog', null, 'success'),
			'Dog,success',
			0.05,
		],
		[
			'harper_replication_latency_seconds',
			numeric('replication-latency', [40], 'b.data.Dog', 'put', 'ingest'),
			'b,data',
			0.05,
		],
	])('puts 40 ms where 0.04 s belong in %s', (name, entry, labels, expected) => {
		const [line] = folded(entry)[name]!;
		expect(line!.slice(0, 3)).toEqual([labels, 0.04, 1]);
		expect(bound(name, line!)).toBe(expected);
	});

	it.each(['memory', 'utilization', 'connections', 'ws-connections', 'mqtt-connections'])(
		'leaves %s to a better source',
		(metric) => {
			const names = Object.keys(folded({ metric, byThread: true, idle: 1, connections: 1 }));
			expect(names.filter((name) => name.startsWith('harper_custom_'))).toEqual([]);
		}
	);

	it.each(['response_time', 'response_', 'response_2000', 'durations'])(
		'takes %s for a metric of a component',
		(metric) => {
			expect(isBuiltIn(metric)).toBe(false);
			expect(Object.keys(folded(numeric(metric, [1], 'shop', 'GET')))).toContain('harper_custom_observations');
		}
	);
});

describe('what is folded', () => {
	const words = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'other', 'insert', '');
	const entry = fc.oneof(
		fc
			.record({
				metric: fc.constantFrom('duration', 'transfer', 'bytes-sent', 'db-read', 'mine', 'cpu-usage'),
				path: words,
				method: words,
				type: fc.constantFrom(undefined, 'operation', 'mqtt', 'ws'),
				values: fc.array(fc.integer({ min: -5, max: 20_000 }), { minLength: 1, maxLength: 30 }),
			})
			.map((e) => numeric(e.metric, e.values, e.path, e.method, e.type)),
		fc
			.record({
				metric: fc.constantFrom('success', 'response_200', 'cache-hit', 'tls-reused', 'yours'),
				path: words,
				total: fc.nat(3),
			})
			.map((e) => boolean(e.metric, e.total, 3, e.path)),
		fc.record({ metric: fc.constant('pool'), path: words, size: fc.integer() })
	);
	const history = fc.array(fc.tuple(fc.constantFrom(0, 1, 2), fc.array(entry, { maxLength: 6 })), { maxLength: 12 });

	it('is the same after it was stored and taken back, and goes on the same way', async () => {
		await fc.assert(
			fc.asyncProperty(history, history, async (before, after) => {
				const original = new Fold(configuration);
				for (const [thread, entries] of before) original.add(parseRow(row(thread, entries)), true);
				const place = {
					cursor: 1.8e12 + 0.25,
					readAt: 5,
					process: 'p',
					gaps: 2,
					recentKeys: [1.8e12 - 7.75, 1.8e12, 1.8e12 + 0.25],
				};
				const text = await encodeCheckpoint({ ...place, fold: original.store() }, async () => {});
				const { fold: stored, ...found } = await decodeCheckpoint(text, async () => {});
				expect(found).toEqual(place);
				const restored = new Fold(configuration);
				restored.restore(stored);
				expect(contents(restored.families(living))).toEqual(contents(original.families(living)));
				for (const [thread, entries] of after) {
					for (const fold of [original, restored]) fold.add(parseRow(row(thread, entries)), true);
				}
				expect(contents(restored.families(living))).toEqual(contents(original.families(living)));
			}),
			{ numRuns: 200 }
		);
	});

	it('has as many observations in its buckets as in its count, and as many in its counter', () => {
		fc.assert(
			fc.property(history, (rows) => {
				const fold = new Fold({ ...configuration, maxSeriesPerFamily: 1000 });
				for (const [thread, entries] of rows) fold.add(parseRow(row(thread, entries)), true);
				const found = contents(fold.families(living));
				for (const [, , count, ...buckets] of found['harper_http_request_duration_seconds'] ?? []) {
					expect(buckets.reduce((sum, bucket) => sum + bucket, 0)).toBe(count);
				}
				const total = (name: string, at: number) =>
					(found[name] ?? []).reduce((sum, line) => sum + Number(line[at]), 0);
				expect(total('harper_http_request_duration_seconds', 2)).toBe(total('harper_http_requests_total', 1));
			})
		);
	});

	it('keeps one protocol from using up the room of another', () => {
		const topics = Array.from({ length: 50 }, (_, i) => numeric('bytes-received', [1], `t${i}`, 'publish', 'mqtt'));
		const lines = folded(topics, numeric('bytes-received', [1], 'Dog', 'message', 'ws'))[
			'harper_received_bytes_total'
		]!;
		expect(lines).toContainEqual(['ws,Dog,message', 1]);
		expect(lines).toContainEqual(['mqtt,other,publish', 47]);
	});

	it('keeps no more fields of callbacks than the cap, and says how often there was one more', () => {
		const found = folded(Array.from({ length: 10 }, (_, i) => ({ metric: 'pool', path: `p${i}`, size: i })));
		expect(found['harper_custom_measure']).toHaveLength(3);
		expect(found['harper_custodian_capped_additions_total']).toContainEqual(['harper_custom_measure', 7]);
	});

	it.each(['__proto__', 'constructor', 'toString'])('takes the type %s for no more than a text', (type) => {
		expect(folded(numeric('bytes-sent', [1], 'x', 'GET', type))['harper_sent_bytes_total']).toEqual([
			['other,x,GET', 1],
		]);
		expect(folded(numeric('duration', [1], 'x', 'GET', type))['harper_http_request_duration_seconds']![0]![0]).toBe(
			'x,GET,'
		);
	});

	it('takes no more entries of a row than a second can hold', () => {
		const entries = Array.from({ length: 10_003 }, () => numeric('db-read', [1], 'Dog', null));
		expect(folded(entries)).toMatchObject({
			harper_db_reads_total: [['Dog', 10_000]],
			harper_custodian_unreadable_entries_total: [['', 3]],
		});
	});

	it('stays finite whatever a callback reports', () => {
		const huge = { metric: 'mine', mean: 1.7e308, count: 1 };
		expect(folded(huge, huge)['harper_custom_observations']).toEqual([['mine,,,', 1.7e308, 2]]);
		expect(
			folded(
				{ metric: 'mine', mean: 1.7e308, count: 2 },
				{ metric: 'mine', mean: NaN, count: 1 },
				{ metric: 'mine', mean: 1, count: 2.5 }
			)
		).toMatchObject({
			harper_custodian_unreadable_entries_total: [['', 3]],
		});
	});
});
