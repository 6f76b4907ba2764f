import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { join } from 'node:path';
import { builtComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { ask } from '../support/jobs.ts';
import { eventually } from '../support/wait.ts';
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

describe('each policy', () => {
	const cases = [
		{ policy: 'merge', state: 'applied', value: { price: 1, stock: 9 }, other: { price: 1 } },
		{ policy: 'skip', state: 'applied', value: { price: 666, stock: 9 }, other: { price: 1 } },
		{ policy: 'abort', state: 'refused', value: { price: 666, stock: 9 }, other: { price: 666 } },
		{ policy: 'cascade', state: 'applied', value: { price: 1, stock: 1 }, other: { price: 1 } },
		{ policy: 'force', state: 'applied', value: { price: 1, stock: 1 }, other: { price: 1 } },
	];
	test.each(cases)('$policy does with a later edit what it says', async ({ policy, state, value, other }) => {
		const [edited, alone] = [`${policy}-edited`, `${policy}-alone`];
		await write(harper, 'ann', { id: edited, put: { price: 1, stock: 1 } }, { id: alone, put: { price: 1, stock: 1 } });
		const as = `bad-${policy}`;
		await write(harper, as, { id: edited, patch: { price: 666, stock: 666 } }, { id: alone, patch: { price: 666 } });
		await write(harper, 'ann', { id: edited, patch: { stock: 9 } });
		const revert = await reverted(harper, { select: { users: [as] }, policy });
		expect(revert.state).toBe(state);
		expect((await entry(harper, edited))?.value).toMatchObject(value);
		expect((await entry(harper, alone))?.value).toMatchObject(other);
	});
});

test('what changed between the plan and its application is left alone and named', async () => {
	await write(harper, 'ann', { id: 'd1', put: { price: 1 } }, { id: 'd2', put: { price: 1 } });
	await write(harper, 'drifter', { id: 'd1', patch: { price: 5 } }, { id: 'd2', patch: { price: 5 } });
	const revert = await reverted(harper, { select: { users: ['drifter'] }, dryRun: true });
	await write(harper, 'ann', { id: 'd1', patch: { stock: 3 } });
	const done = await applied(harper, revert);
	expect(done.receipt).toMatchObject({ complete: true, counts: { written: 1, drifted: 1 } });
	expect(done.receipt?.drifted).toMatchObject([{ table: 'Article', id: 'd1' }]);
	expect((await entry(harper, 'd1'))?.value).toMatchObject({ price: 5, stock: 3 });
	expect((await entry(harper, 'd2'))?.value).toMatchObject({ price: 1 });
});

test('a blob is put back as a copy of its own, in a file and within the record', async () => {
	await write(harper, 'ann', { id: 'b1', put: { photo: { size: 20_000, fill: 1 } } });
	await write(harper, 'ann', { id: 'b2', put: { photo: { size: 100, fill: 2 } } });
	const before = [await entry(harper, 'b1'), await entry(harper, 'b2')];
	await write(harper, 'painter', { id: 'b1', put: { photo: { size: 30_000, fill: 9 } } }, { id: 'b2' });
	await reverted(harper, { select: { users: ['painter'] } });
	const after = [await entry(harper, 'b1'), await entry(harper, 'b2')];
	expect(after.map((one) => one?.value?.['photo'])).toEqual(before.map((one) => one?.value?.['photo']));
});

test('a record that was made again has the moment at which it was first made', async () => {
	await write(harper, 'ann', { id: 'c1', put: { name: 'vase' } });
	const before = await entry(harper, 'c1');
	await write(harper, 'breaker', { id: 'c1' });
	await reverted(harper, { select: { users: ['breaker'] } });
	const after = await entry(harper, 'c1');
	expect(after?.value?.['madeAt']).toBe(before?.value?.['madeAt']);
	expect(after?.version).toBeGreaterThan(before?.version ?? Infinity);
});

test('indexes and relationships find what was put back, and not what was taken away', async () => {
	await write(harper, 'ann', { table: 'Shelf', id: 's1', put: { label: 'upper' } });
	await write(harper, 'ann', { id: 'i1', put: { name: 'index-good', price: 31, shelfId: 's1' } });
	await write(harper, 'mover', { id: 'i1', patch: { name: 'index-bad', shelfId: 's9' } });
	await write(harper, 'mover', { id: 'i2', put: { name: 'index-bad', price: 32 } });
	await reverted(harper, { select: { users: ['mover'] } });
	const found = async (query: string) =>
		(await ask<{ id: string }[]>(harper, `/Article/?${query}`)).body.map(({ id }) => id);
	expect(await found('name=index-good')).toEqual(['i1']);
	expect(await found('name=index-bad')).toEqual([]);
	expect(await found('price=32')).toEqual([]);
	expect(await found('shelf.label=upper')).toEqual(['i1']);
});

test('a record that expires gets back the moment at which it does', async () => {
	const expiresAt = Date.now() + 3_000_000;
	await write(harper, 'ann', { table: 'Passing', id: 7, put: { name: 'p' }, expiresAt });
	await write(harper, 'hurry', { table: 'Passing', id: 7, put: { name: 'q' }, expiresAt: expiresAt - 1_000_000 });
	await reverted(harper, { select: { users: ['hurry'] } });
	expect(await entry(harper, 7, 'Passing')).toMatchObject({ expiresAt, value: { name: 'p' } });
});

test('a revert can be reverted, and that again', async () => {
	await write(harper, 'ann', { id: 'r1', put: { price: 1 } });
	await write(harper, 'twice', { id: 'r1', patch: { price: 2 } }, { id: 'r2', put: { price: 3 } });
	const states = async () => [
		(await entry(harper, 'r1'))?.value?.['price'],
		(await entry(harper, 'r2'))?.value?.['price'],
	];
	const bad = await states();
	const first = await reverted(harper, { select: { users: ['twice'] } });
	const good = await states();
	expect([bad, good]).toEqual([
		[2, 3],
		[1, undefined],
	]);
	const second = await reverted(harper, { select: { revert: first.id } });
	expect(await states()).toEqual(bad);
	await reverted(harper, { select: { revert: second.id } });
	expect(await states()).toEqual(good);
});

describe('what is refused', () => {
	const post = (path: string, body: unknown) =>
		ask<{ error?: { code: string; message: string } }>(harper, path, { method: 'POST', body });

	test('a request without a reason, a selection or a known database', async () => {
		const select = { users: ['x'] };
		for (const body of [
			{ database: 'market', select },
			{ database: 'market', select: {}, reason: 'r' },
			{ database: 'nowhere', select, reason: 'r' },
			{ database: 'market', select, reason: 'r', policy: 'maybe' },
			{ database: 'market', select: { revert: 'unknown' }, reason: 'r' },
		]) {
			expect((await post('/custodian/reverts', body)).status, JSON.stringify(body)).toBe(400);
		}
	});

	test('another plan than the one that was reviewed, and applying twice', async () => {
		await write(harper, 'ann', { id: 'x1', put: { price: 1 } });
		await write(harper, 'again', { id: 'x1', patch: { price: 2 } });
		const revert = await reverted(harper, { select: { users: ['again'] }, dryRun: true });
		const other = await post(`/custodian/reverts/${revert.id}/apply`, { plan: 'a'.repeat(64) });
		expect([other.status, other.body.error?.code]).toEqual([409, 'plan_differs']);
		expect((await entry(harper, 'x1'))?.value).toMatchObject({ price: 2 });
		await applied(harper, revert);
		const twice = await post(`/custodian/reverts/${revert.id}/apply`, { plan: revert.hash });
		expect([twice.status, twice.body.error?.code]).toEqual([409, 'already_applied']);
		expect((await ask(harper, '/custodian/reverts/none')).status).toBe(404);
	});

	test('whoever is not an operator, and the users of the instance to whoever is no super_user', async () => {
		const users = { viewer: 403, operator: 202, nobody: 403 };
		for (const [role, status] of Object.entries(users)) {
			const access = role === 'nobody' ? {} : { custodian: role };
			const name = `revert-${role}`;
			await harper.operation({ operation: 'add_role', role: name, permission: { super_user: false }, access });
			await harper.operation({ operation: 'add_user', role: name, username: name, password: 'pw', active: true });
			const user = { username: name, password: 'pw' };
			const request = (database: string) => ({
				method: 'POST',
				user,
				body: { database, select: { users: ['nobody at all'] }, reason: 'r', dryRun: true },
			});
			expect((await ask(harper, '/custodian/reverts', request('market'))).status, role).toBe(status);
			expect((await ask(harper, '/custodian/reverts', request('system'))).status, role).toBe(403);
		}
	});

	test('a plan for users shows no secret, and applies all the same', async () => {
		const named = (password: string) => ({ operation: 'alter_user', username: 'revert-viewer', password });
		await harper.operation(named('first'));
		// The clocks of Harper's threads differ by milliseconds.
		const since = Date.now() + 250;
		await eventually(() => Date.now() > since + 250, { describe: 'the clock moves on' });
		await harper.operation(named('second'));
		const select = { tables: ['hdb_user'], since };
		const revert = await reverted(harper, { database: 'system', select, dryRun: true });
		const page = await harper.fetch(`/custodian/reverts/${revert.id}/plan`);
		const text = await page.text();
		expect(text).toContain('$hidden');
		const hash = /"(?:base|bad|live)":"\$/;
		expect(text).not.toMatch(hash);
		expect(revert.plan?.totals.byDecision.write).toBe(1);
	});
});

test('the writes of a revert carry the name of the operator who applied it', async () => {
	await write(harper, 'ann', { id: 'n1', put: { price: 1 } });
	await write(harper, 'named', { id: 'n1', patch: { price: 2 } });
	const user = { username: 'revert-operator', password: 'pw' };
	const done: ShownRevert = await reverted(harper, { select: { users: ['named'] } }, user);
	expect(done.receipt).toMatchObject({ by: 'revert-operator', reason: 'a test', plan: done.hash });
	const log = await harper.operation<{ user_name: string; timestamp: number; type: string }[]>({
		operation: 'read_audit_log',
		schema: 'market',
		table: 'Article',
		search_type: 'username',
		search_values: ['revert-operator'],
	});
	expect(JSON.stringify(log)).toContain('n1');
});
