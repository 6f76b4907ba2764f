import { expect, test } from 'vitest';
import { watchCollector } from '../../../lib/metrics/collectors/watch.ts';

test('changes and bursts are shown by table, and a moment only where there was one', async () => {
	const collector = watchCollector(() => [
		{
			database: 'shop',
			table: 'Order',
			changes: { create: 3, overwrite: 2, delete: 1 },
			bursts: { delete: { count: 1, lastAt: 5000 }, overwrite: { count: 0 } },
		},
	]);
	const families = await collector.collect();
	const shown = families.map(({ definition, series }) => [definition.name, series]);
	const of = (change: string, value: number) => ({ labelValues: ['shop', 'Order', change], value });
	expect(shown).toEqual([
		['harper_custodian_watch_changes_total', [of('create', 3), of('overwrite', 2), of('delete', 1)]],
		['harper_custodian_watch_bursts_total', [of('delete', 1), of('overwrite', 0)]],
		['harper_custodian_watch_last_burst_timestamp_seconds', [of('delete', 5)]],
	]);
});
