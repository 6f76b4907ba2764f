import { expect, test } from 'vitest';
import { analyticsCollector, analyticsDefinitions } from '../../../lib/metrics/collectors/analytics.ts';
import type { CustomMetric } from '../../../lib/metrics/fold/custom.ts';
import { Follower } from '../../../lib/metrics/fold/follower.ts';
import { request, row } from '../fold/rows.ts';

const mapping: CustomMetric = {
	metric: 'order',
	name: 'shop_orders_total',
	help: 'Orders.',
	type: 'counter',
	count: 'all',
	labels: [],
};

test('a reading folds what is new and shows it, custom mappings included', async () => {
	const rows = new Map([[1, row(1, request('Dog', 'GET', 200, [1, 2]), { metric: 'order', mean: 1, count: 3 })]]);
	const follower = new Follower(
		{ maxSeriesPerFamily: 10, topicLevels: 1, operations: new Set(), custom: [mapping] },
		{
			log: { keys: (after) => [...rows.keys()].filter((key) => key > after), row: (key) => rows.get(key) },
			checkpoints: { cursor: () => undefined, load: () => undefined, save: async () => {} },
			clock: { now: () => 2, monotonic: () => 2 },
			pause: async () => {},
			process: { id: 'one', startedAt: 0 },
			warn: (message) => expect.unreachable(message),
		}
	);
	const collector = analyticsCollector(follower, [mapping], () => new Set());
	// The elected worker begins.
	await follower.save();
	const families = new Map((await collector.collect()).map(({ definition, series }) => [definition.name, series]));
	expect(families.get('harper_http_requests_total')).toEqual([{ labelValues: ['Dog', 'GET'], value: 2 }]);
	expect(families.get('shop_orders_total')).toEqual([{ labelValues: [], value: 3 }]);
	expect(collector.definitions).toEqual(analyticsDefinitions([mapping]));
});
