import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { join } from 'node:path';
import { builtComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { ask } from '../support/jobs.ts';
import { applied, entry, reverted, write, type ShownRecordPlan, type ShownRevert } from '../support/reverts.ts';

let harper: Harper;

beforeAll(async () => {
	harper = await startHarper({
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'market', source: join(import.meta.dirname, '../support/fixtures/market') },
		],
		config: { custodian: { snapshots: [] } },
		workers: 2,
	});
});

afterAll(() => harper[Symbol.asyncDispose]());

test('what a user did is planned, reviewed and taken back, and what others did later stays', async () => {
	await write(harper, 'ann', { id: 'a1', put: { name: 'lamp', price: 10, stock: 1 } });
	await write(harper, 'ann', { id: 'a2', put: { name: 'chair', price: 20, stock: 2 } });
	const before = await entry(harper, 'a1');
	await write(harper, 'bad', { id: 'a1', patch: { price: 0, name: 'x' } }, { id: 'a2' });
	await write(harper, 'ann', { id: 'a1', patch: { stock: 7, name: 'desk lamp' } });
	const revert = await reverted(harper, { select: { users: ['bad'] }, dryRun: true });
	expect(revert).toMatchObject({ state: 'planned', plan: { totals: { records: 2, byDecision: { write: 2 } } } });
	const { body: page } = await ask<{ records: ShownRecordPlan[]; next?: string }>(
		harper,
		`/custodian/reverts/${revert.id}/plan?limit=1`
	);
	expect(page.records).toHaveLength(1);
	const { body: rest } = await ask<{ records: ShownRecordPlan[] }>(
		harper,
		`/custodian/reverts/${revert.id}/plan?cursor=${page.next}`
	);
	const lamp = [...page.records, ...rest.records].find(({ id }) => id === 'a1');
	expect(lamp?.attributes.find(({ name }) => name === 'price')).toMatchObject({ base: 10, bad: 0, live: 0 });
	expect(await entry(harper, 'a2')).toMatchObject({ value: null });
	const done = await applied(harper, revert);
	expect(done.receipt?.counts).toEqual({ written: 2, deleted: 0, left: 0, drifted: 0, impossible: 0 });
	const after = await entry(harper, 'a1');
	expect(after?.value).toMatchObject({ price: 10, name: 'desk lamp', stock: 7, madeAt: before?.value?.['madeAt'] });
	expect(after?.value?.['changedAt']).toBe(after?.version);
	expect(done.receipt?.versions).toContain(after?.version);
	expect((await entry(harper, 'a2'))?.value).toMatchObject({ name: 'chair', price: 20, stock: 2 });
});
