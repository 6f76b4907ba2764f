import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtComponent } from '../support/component.ts';
import { admin, startHarper, type Credentials, type Harper } from '../support/harper.ts';
import { EventStream } from '../support/event-stream.ts';
import { ask } from '../support/jobs.ts';
import { parse, value } from '../support/openmetrics.ts';
import { openReceiver } from '../support/receiver.ts';
import { eventually } from '../support/wait.ts';
import { WebSocketClient } from '../support/web-socket.ts';

interface ShownBookmark {
	readonly name: string;
	readonly at: string;
	readonly automatic: boolean;
	readonly positions: Readonly<Record<string, number>>;
	readonly burst?: { readonly user: string; readonly table: string; readonly change: string };
}

const clerk: Credentials = { username: 'clerk', password: 'pw' };
const importer: Credentials = { username: 'importer', password: 'pw' };

const json = { 'content-type': 'application/json' };

let harper: Harper;
let told: Awaited<ReturnType<typeof openReceiver>>;

beforeAll(async () => {
	told = await openReceiver({ status: 204 });
	const watch = { deletesPerMinute: 200, overwritesPerMinute: 200, share: 0.9 };
	harper = await startHarper({
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'shop', source: join(import.meta.dirname, '../support/fixtures/shop') },
		],
		config: { custodian: { snapshots: [], notify: { url: told.origin }, watch } },
		workers: 2,
	});
	const crud = { read: true, insert: true, update: true, delete: true };
	const permission = { super_user: false, shop: { tables: { Product: { ...crud, attribute_permissions: [] } } } };
	await harper.operation({ operation: 'add_role', role: 'staff', permission });
	for (const { username, password } of [clerk, importer])
		await harper.operation({ operation: 'add_user', role: 'staff', username, password, active: true });
});

afterAll(async () => {
	told.close();
	await harper[Symbol.asyncDispose]();
});

async function insert(from: number, to: number): Promise<void> {
	const records = Array.from({ length: to - from }, (_, index) => ({ id: `${from + index}`, name: 'n', price: 1 }));
	await harper.operation({ operation: 'insert', database: 'shop', table: 'Product', records });
}

const remove = (user: Credentials, ids: readonly number[]) =>
	harper.operation({ operation: 'delete', database: 'shop', table: 'Product', ids: ids.map(String) }, user);

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** Of the table, and of one kind of change. */
const metric = async (name: string, change: string) => {
	const text = await (await harper.fetch('/metrics')).text();
	return value(parse(text, 'text'), name, { database: 'shop', table: 'Product', change });
};

test('a burst by one user raises a metric, a notification and a bookmark, and a normal load raises nothing', async () => {
	const { got } = told;
	await insert(0, 1500);
	const bookmarks = async () =>
		(await ask<{ bookmarks: ShownBookmark[] }>(harper, '/custodian/bookmarks')).body.bookmarks;

	for (const batch of range(0, 15)) {
		await remove(clerk, range(batch * 10, batch * 10 + 10));
		const body = { id: `${1000 + batch}`, name: 'changed' };
		const put = { method: 'PUT', body: JSON.stringify(body), user: clerk, headers: json };
		expect((await harper.fetch(`/Product/${1000 + batch}`, put)).status).toBe(204);
	}
	await eventually(async () => (await metric('harper_custodian_watch_changes_total', 'delete')) === 150, {
		describe: 'what the clerk deleted is counted',
	});
	expect(await metric('harper_custodian_watch_changes_total', 'create')).toBe(1500);
	expect(await metric('harper_custodian_watch_changes_total', 'overwrite')).toBe(15);
	expect(await metric('harper_custodian_watch_bursts_total', 'delete')).toBe(0);
	expect([await bookmarks(), got]).toEqual([[], []]);

	await delay(1100);
	const beganAt = Date.now();
	for (const batch of range(0, 21)) await remove(importer, range(200 + batch * 20, 200 + batch * 20 + 20));
	const endedAt = Date.now();
	const within = { timeoutMs: 5000, intervalMs: 20 };
	const seen: Record<string, number> = {};
	await Promise.all([
		eventually(() => got.length > 0, { describe: 'a notification', ...within }).then(
			() => (seen['notification'] = Date.now() - endedAt)
		),
		eventually(async () => (await bookmarks()).length > 0, { describe: 'a bookmark', ...within }).then(
			() => (seen['bookmark'] = Date.now() - endedAt)
		),
		eventually(async () => (await metric('harper_custodian_watch_bursts_total', 'delete')) === 1, {
			describe: 'a metric',
			...within,
		}).then(() => (seen['metric'] = Date.now() - endedAt)),
	]);
	console.log(`The burst took ${endedAt - beganAt} ms; seen so many ms after its end:`, seen);

	const [bookmark] = await bookmarks();
	expect(bookmark).toMatchObject({
		automatic: true,
		burst: { database: 'shop', table: 'Product', user: 'importer', change: 'delete' },
	});
	const at = Date.parse(bookmark?.at ?? '');
	expect(at).toBeGreaterThanOrEqual(beganAt - 1);
	expect(at).toBeLessThan(endedAt);
	expect(bookmark?.positions['shop']).toBeLessThan(beganAt);
	expect(JSON.parse(got[0]?.body ?? '')).toMatchObject({
		event: 'mass_change',
		details: { user: 'importer', table: 'Product', reason: 'rate', changes: 201, bookmark: bookmark?.name },
	});
});

test('when the workers are replaced, who watches next counts on, and who follows is told and goes on', async () => {
	const path = '/custodian/audit/shop/Product';
	const stream = new EventStream(harper, path, { user: admin });
	const socket = new WebSocketClient(harper, path, admin);
	await eventually(() => stream.lastId !== undefined && socket.messages.length > 0, { describe: 'both are served' });
	const deleted = () => metric('harper_custodian_watch_changes_total', 'delete');
	await eventually(async () => (await deleted()) === 570, { describe: 'all that was deleted so far is counted' });
	await harper.restartWorkers();
	await eventually(() => stream.isEnded && socket.closed !== undefined, { describe: 'both have ended' });
	expect(stream.events).toMatchObject([{ event: 'end', data: { reason: 'stopping' } }]);
	expect(socket.messages.at(-1)).toMatchObject({ event: 'end', data: { reason: 'stopping' } });
	await remove(importer, range(700, 800));
	const next = new EventStream(harper, path, { user: admin, lastId: stream.lastId });
	await eventually(() => next.events.length === 100, { describe: 'what was missed arrives' });
	next.leave();
	await eventually(async () => (await deleted()) === 670, { describe: 'it counts on' });
	expect(await metric('harper_custodian_watch_bursts_total', 'delete')).toBe(1);
});

test('a moment is bookmarked by hand, once under each name', async () => {
	const post = (body: object) => ask<ShownBookmark>(harper, '/custodian/bookmarks', { method: 'POST', body });
	const before = Date.now();
	const made = await post({ name: 'before-the-import', note: 'ticket 4711' });
	expect(made).toMatchObject({ status: 201, body: { automatic: false, note: 'ticket 4711', by: 'admin' } });
	expect(made.body.positions['shop']).toBeLessThan(before);
	const answers = await Promise.all(range(0, 8).map(() => post({ name: 'contested' })));
	expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
	expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
	expect((await post({ name: '../x' })).status).toBe(400);
	expect((await ask(harper, '/custodian/bookmarks/contested', { method: 'DELETE' })).status).toBe(200);
	expect((await ask(harper, '/custodian/bookmarks/contested')).status).toBe(404);
});
