import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtComponent } from '../support/component.ts';
import { EventStream } from '../support/event-stream.ts';
import { admin, startHarper, type Credentials, type Harper } from '../support/harper.ts';
import { eventually } from '../support/wait.ts';
import { WebSocketClient } from '../support/web-socket.ts';

interface Entry {
	readonly localTime: number;
	readonly user: string;
	readonly id: string;
	readonly type: string;
	readonly values?: { readonly name: string };
}

const users = ['clerk', 'importer', 'reader', 'stranger'] as const;
const named = (username: (typeof users)[number]): Credentials => ({ username, password: 'pw' });
const json = { 'content-type': 'application/json' };

let harper: Harper;

beforeAll(async () => {
	harper = await startHarper({
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'shop', source: join(import.meta.dirname, '../support/fixtures/shop') },
		],
		config: { custodian: { snapshots: [] } },
		workers: 2,
	});
	const crud = { read: true, insert: true, update: true, delete: true, attribute_permissions: [] };
	const permission = { super_user: false, shop: { tables: { Product: crud } } };
	const roles = [
		{ role: 'staff', permission },
		{ role: 'reader', permission, access: { custodian: 'viewer' } },
		{ role: 'stranger', permission: { super_user: false }, access: { custodian: 'viewer' } },
	];
	for (const role of roles) await harper.operation({ operation: 'add_role', ...role });
	for (const username of users) {
		const role = username === 'reader' || username === 'stranger' ? username : 'staff';
		await harper.operation({ operation: 'add_user', role, username, password: 'pw', active: true });
	}
});

afterAll(() => harper[Symbol.asyncDispose]());

/** What the log holds, asked for when all is done. */
async function truth(query: string): Promise<Entry[]> {
	const text = await (await harper.fetch(`/custodian/audit/shop/Product?order=oldest&format=ndjson${query}`)).text();
	const lines = text.split('\n').filter((line) => line !== '');
	return lines.map((line): Entry => JSON.parse(line)).filter(({ localTime }) => localTime !== undefined);
}

const keysOf = (entries: readonly Entry[]) => entries.map(({ localTime }) => localTime);

/** Writes over as many connections, so that both workers do. */
async function write(user: Credentials, ids: readonly number[]): Promise<void> {
	const writers = Array.from({ length: 4 }, async (_, writer) => {
		for (const id of ids.filter((one) => one % 4 === writer)) {
			const body = JSON.stringify({ id: `${id}`, name: user.username });
			const init = { user, headers: json };
			await harper.fetch(`/Product/${id}`, { ...init, method: 'PUT', body });
			if (id % 5 === 0) await harper.fetch(`/Product/${id}`, { ...init, method: 'DELETE' });
		}
	});
	await Promise.all(writers);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** A client that comes back with the last it has, again and again. */
class Returning {
	readonly events: EventStream[] = [];
	readonly sockets: WebSocketClient[] = [];
	readonly #query: string;
	readonly #user: Credentials;

	constructor(query: string, user: Credentials) {
		this.#query = query;
		this.#user = user;
	}

	/** Leaves, and comes back. */
	come(): void {
		const path = `/custodian/audit/shop/Product?${this.#query}`;
		this.leave();
		this.events.push(new EventStream(harper, path, { user: this.#user, lastId: this.events.at(-1)?.lastId }));
		const last = this.sockets.flatMap(({ messages }) => messages as { cursor: string }[]).at(-1)?.cursor;
		const from = last === undefined ? '' : `&cursor=${last}`;
		this.sockets.push(new WebSocketClient(harper, `${path}${from}`, this.#user));
	}

	leave(): void {
		this.events.at(-1)?.leave();
		this.sockets.at(-1)?.leave();
	}

	byEvents(): Entry[] {
		const all = this.events.flatMap(({ events }) => events);
		return all.filter(({ event }) => event === 'entry').map(({ data }) => data as Entry);
	}

	bySocket(): Entry[] {
		const all = this.sockets.flatMap(({ messages }) => messages as { event: string; data: Entry }[]);
		return all.filter(({ event }) => event === 'entry').map(({ data }) => data);
	}
}

test('streams of events and WebSockets show exactly what matches, in order, over reconnects, while two workers write', async () => {
	await write(named('clerk'), range(0, 20));
	const begin = keysOf(await truth('')).at(-1);
	const everything = new Returning(`since=${begin}`, named('reader'));
	const clerks = new Returning(`since=${begin}&user=clerk&type=delete`, admin);
	const clients = [everything, clerks];
	for (const client of clients) client.come();
	const writing = Promise.all([write(named('clerk'), range(100, 400)), write(named('importer'), range(400, 700))]);
	const writers = { areDone: false };
	void writing.then(() => (writers.areDone = true));
	let reconnects = 0;
	while (!writers.areDone) {
		const seen = everything.byEvents().length;
		await eventually(() => writers.areDone || everything.byEvents().length > seen + 60, { describe: 'news' });
		for (const client of clients) client.come();
		reconnects++;
	}
	await writing;
	const all = keysOf(await truth(`&since=${begin}`));
	const deleted = await truth(`&since=${begin}&user=clerk&type=delete`);
	expect(all.length).toBe(721);
	expect(deleted.length).toBe(60);
	await eventually(
		() => {
			expect(everything.byEvents().length).toBeGreaterThanOrEqual(all.length);
			expect(everything.bySocket().length).toBeGreaterThanOrEqual(all.length);
			expect(clerks.byEvents().length + clerks.bySocket().length).toBeGreaterThanOrEqual(2 * deleted.length);
		},
		{ describe: 'everything has arrived', timeoutMs: 10_000 }
	);
	expect(keysOf(everything.byEvents())).toEqual(all);
	expect(keysOf(everything.bySocket())).toEqual(all);
	expect(clerks.byEvents()).toEqual(deleted);
	expect(clerks.bySocket()).toEqual(deleted);
	console.log(`${reconnects} reconnects while ${all.length} entries were written`);
	for (const client of clients) client.leave();
});

test('news arrive soon after their commit', async () => {
	const stream = new EventStream(harper, '/custodian/audit/shop/Product', { user: admin });
	await eventually(() => stream.status === 200, { describe: 'the feed is there' });
	const delays: number[] = [];
	for (let n = 0; n < 20; n++) {
		const sentAt = performance.now();
		await harper.fetch(`/Product/n${n}`, { method: 'PUT', body: '{"name":"n"}', headers: json });
		await eventually(() => stream.events.length === n + 1, { describe: 'the news', intervalMs: 2 });
		delays.push(performance.now() - sentAt);
	}
	stream.leave();
	delays.sort((a, b) => a - b);
	console.log(
		`From the request to the news: median ${delays[10]?.toFixed(0)} ms, longest ${delays.at(-1)?.toFixed(0)} ms`
	);
	expect(delays[10]).toBeLessThan(500);
});

describe('who is refused', () => {
	test.each<[who: string, user: Credentials | null, path: string, status: number, code: number]>([
		['nobody', null, '/custodian/audit/shop', 401, 3000],
		['one without a role of ours', named('clerk'), '/custodian/audit/shop', 403, 3003],
		['a viewer who may read no table', named('stranger'), '/custodian/audit/shop/Product', 404, 1011],
		['one who asks for what is not there', admin, '/custodian/audit/none', 404, 1011],
		['one who asks for an end', admin, '/custodian/audit/shop?limit=5', 400, 1011],
		['one with a cursor that is none', admin, '/custodian/audit/shop?cursor=x', 400, 1011],
		['one who follows jobs', admin, '/custodian/jobs', 405, 1011],
		['one who follows a job', admin, '/custodian/jobs/x', 405, 1011],
		['one who follows snapshots', admin, '/custodian/snapshots', 405, 1011],
		['one who follows bookmarks', admin, '/custodian/bookmarks', 405, 1011],
		['one who follows the schedule', admin, '/custodian/schedule', 405, 1011],
		['one who follows pruning', admin, '/custodian/prunes', 405, 1011],
		['nobody, at the jobs', null, '/custodian/jobs', 401, 3000],
		['nobody, at the bookmarks', null, '/custodian/bookmarks/x', 401, 3000],
	])('%s gets no event, and a socket that is closed at once', async (_who, user, path, status, code) => {
		const headers = { accept: 'text/event-stream' };
		expect((await harper.fetch(path, { user, headers })).status).toBe(status);
		const socket = new WebSocketClient(harper, path, user);
		await eventually(() => socket.closed !== undefined, { describe: 'it is closed', timeoutMs: 3000 });
		expect([socket.closed, socket.messages]).toEqual([code, []]);
	});
});

test('clients that leave make room for others', async () => {
	// Two workers serve a hundred each.
	for (let round = 0; round < 12; round++) {
		const streams = range(0, 20).map(() => new EventStream(harper, '/custodian/audit/shop', { user: admin }));
		const sockets = range(0, 20).map(() => new WebSocketClient(harper, '/custodian/audit/shop', admin));
		await eventually(() => streams.every(({ status }) => status === 200), { describe: 'all are served' });
		for (const client of [...streams, ...sockets]) client.leave();
		expect(sockets.map(({ closed }) => closed).filter((closed) => typeof closed === 'number')).toEqual([]);
	}
	const stream = new EventStream(harper, '/custodian/audit/shop', { user: admin });
	await eventually(() => stream.status === 200, { describe: 'another is served' });
	stream.leave();
	expect(harper.log()).not.toMatch(/acknowledge|Unhandled|uncaught/i);
});
