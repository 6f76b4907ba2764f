import { beforeEach, describe, expect, test } from 'vitest';
import { principalOf, type Principal } from '../../lib/http/access.ts';
import { auditEndpoints } from '../../lib/http/audit.ts';
import { match, respond } from '../../lib/http/endpoint.ts';
import type { Json } from '../../lib/record/tagged.ts';
import { fromTagged } from '../../lib/record/tagged.ts';
import { MemoryAuditLog, memoryAuditLogs } from '../support/memory-audit-log.ts';

interface Answer {
	readonly entries: readonly {
		readonly table?: string;
		readonly id: Json;
		readonly type: string;
		readonly user?: string;
		readonly localTime: number;
		readonly transaction: number;
		readonly values?: Readonly<Record<string, Json>>;
	}[];
	readonly groups?: readonly { readonly key?: string; readonly entries: number; readonly records: number }[];
	readonly complete: boolean;
	readonly window: { readonly from?: string; readonly to: string };
	readonly gaps: readonly { readonly reason: string; readonly table?: string; readonly count?: number }[];
	readonly next?: string;
	readonly error?: { readonly code: string; readonly message: string };
}

const operator = principalOf({ username: 'o', role: { permission: {}, access: { custodian: 'operator' } } });
const viewer = principalOf({
	username: 'v',
	role: {
		access: { custodian: 'viewer' },
		permission: {
			shop: {
				tables: {
					Product: { read: true, attribute_permissions: [{ attribute_name: 'name', read: true }] },
					Order: { read: false },
				},
			},
		},
	},
});

let log: MemoryAuditLog;
let system: MemoryAuditLog;
let elapsedMs: number;
let msPerLook: number;
const at = (ms: number) => Date.UTC(2026, 5, 1) + ms;

beforeEach(() => {
	log = new MemoryAuditLog(['Product', 'Order', { name: 'Counter', primaryKeyType: 'Int' }], 'shop');
	system = new MemoryAuditLog([{ name: 'hdb_user', primaryKey: 'username' }, 'hdb_session'], 'system');
	elapsedMs = 0;
	msPerLook = 0;
});

async function get(path: string, principal: Principal = operator, headers: Record<string, string> = {}) {
	const endpoints = auditEndpoints({
		logs: memoryAuditLogs(log, system),
		pause: async () => {},
		clock: { now: () => at(1e6), monotonic: () => (elapsedMs += msPerLook) },
	});
	const [pathname = '', query = ''] = `/custodian/audit/${path}`.split('?');
	const endpoint = endpoints.find((one) => match(one, pathname)) ?? endpoints[0]!;
	const request = {
		verb: 'GET',
		path: pathname,
		query: new URLSearchParams(query),
		header: (name: string) => headers[name],
		body: async () => undefined,
		principal,
	};
	return respond(endpoint, request);
}

async function read(path: string, principal?: Principal): Promise<Answer & { readonly status: number }> {
	const { status, body } = await get(path, principal);
	if (typeof body !== 'string') throw new Error('The body is no text');
	return { status, ...JSON.parse(body) };
}

async function text(path: string, headers = {}): Promise<{ readonly type: string | undefined; readonly text: string }> {
	const { body, headers: sent } = await get(path, operator, headers);
	if (typeof body !== 'object' || !(Symbol.asyncIterator in body)) throw new Error('The body is no stream');
	const chunks: Uint8Array[] = [];
	for await (const chunk of body) chunks.push(chunk);
	return { type: sent['Content-Type'], text: Buffer.concat(chunks).toString() };
}

/** The users of the entries, which tests give as names. */
const users = async (path: string, principal?: Principal) =>
	(await read(path, principal)).entries.map(({ user }) => user);

function story(): void {
	const write = (user: string, ms: number, rest: Parameters<MemoryAuditLog['write']>[0]) =>
		log.write({ user, localTime: at(ms), ...rest });
	write('a', 1000, { action: 'put', id: 'p1', values: { id: 'p1', name: 'one', price: 1 }, operation: 'insert' });
	write('b', 2000, { action: 'patch', id: 'p1', values: { price: 2 } });
	write('c', 3000, { action: 'put', id: 'p2', values: { id: 'p2', name: 'two', price: 1 }, version: at(2999) });
	write('d', 3001, { table: 'Order', action: 'put', id: 'o1', values: { id: 'o1' }, version: at(2999) });
	write('e', 4000, { action: 'put', id: 'p2', values: { id: 'p2', name: 'two', price: 3 }, nodeId: 2 });
	write('f', 5000, { action: 'delete', id: 'p1' });
	write('g', 6000, { table: 'Counter', action: 'put', id: 7, values: { id: 7, n: 1n } });
	log.nameNode(2, 'other-node');
	log.refresh();
}

describe('the audit log over HTTP', () => {
	beforeEach(story);

	test('an entry says what, by whom and when, and loses nothing of its values', async () => {
		const { entries, complete, gaps, window, next } = await read('shop');
		expect(entries[0]).toEqual({
			at: '2026-06-01T00:00:06.000Z',
			localTime: at(6000),
			transaction: at(6000),
			table: 'Counter',
			id: 7,
			type: 'put',
			user: 'g',
			node: 'this-node',
			values: { id: 7, n: { $bigint: '1' } },
		});
		expect(fromTagged(entries[0]!.values!['n']!)).toBe(1n);
		expect({ complete, gaps, window, next }).toEqual({
			complete: true,
			gaps: [],
			window: { from: '2026-06-01T00:00:01.000Z', to: '2026-06-01T00:16:40.000Z' },
			next: undefined,
		});
	});

	test('an attribute is found where a put took it away, and not where it says the same in another order', async () => {
		const write = (values: object | undefined, action: 'put' | 'patch' = 'put') =>
			log.write({ table: 'Product', action, id: 'p9', user: 'u', values: { ...values } });
		const first = write({ size: { a: 1, b: 2 } });
		write({ size: { b: 2, a: 1 } });
		const gone = write({ name: 'n' });
		const patched = write({ size: 5 }, 'patch');
		const goneAgain = write({ name: 'n' });
		write({ name: 'm' });
		const { entries } = await read('shop/Product/p9?field=size&order=oldest');
		expect(entries.map(({ localTime }) => localTime)).toEqual([first, gone, patched, goneAgain]);
	});

	test('an attribute may have the name of what every object has', async () => {
		log.write({ action: 'put', id: 'p2', values: { id: 'p2', toString: 't' }, user: 'h', localTime: at(7000) });
		log.refresh();
		expect(await users('shop?field=toString')).toEqual(['h']);
	});

	test.each([
		['shop', 'gfedcba'],
		['shop?order=oldest', 'abcdefg'],
		['shop/Product', 'fecba'],
		['shop/Order', 'd'],
		['shop?user=a&user=d', 'da'],
		['shop?type=delete', 'f'],
		['shop?type=delete&type=patch', 'fb'],
		['shop?operation=insert', 'a'],
		['shop?node=other-node', 'e'],
		['shop?node=unknown', ''],
		['shop?id=p1', 'fba'],
		['shop?id=7', 'g'],
		['shop/Counter?id=seven', ''],
		[`shop?transaction=${at(2999)}`, 'dc'],
		['shop?field=price', 'ecba'],
		['shop?field=name', 'ca'],
		['shop?field=nothing', ''],
		['shop?since=2026-06-01T00:00:04Z', 'gfe'],
		['shop?until=2026-06-01T00:00:02Z', 'ba'],
		[`shop?since=${at(2000)}&until=${at(3000)}`, 'cb'],
		['shop?since=-995s', 'gf'],
		['shop/Product/p1', 'fba'],
		['shop/Product/p1?order=oldest', 'abf'],
		['shop/Product/p1?user=b', 'b'],
		['shop/Product/p1?since=2026-06-01T00:00:02Z', 'fb'],
		['shop/Product/p1?limit=1', 'f'],
		['shop/Counter/7', 'g'],
		['shop/Product/never', ''],
	])('%s finds %s', async (path, expected) => {
		expect((await users(path)).join('')).toBe(expected);
	});

	test.each([
		['shop?since=yesterday', 'since'],
		['shop?since=-1y', 'since'],
		['shop?since=-1h&until=-2h', 'since'],
		['shop?type=truncate', 'type'],
		['shop?operation=drop', 'operation'],
		['shop?transaction=one', 'transaction'],
		['shop?user=', 'user'],
		['shop?order=random', 'order'],
		['shop?limit=0', 'limit'],
		['shop?limit=1001', 'limit'],
		['shop?format=xml', 'format'],
		['shop?group=colour', 'group'],
		['shop?group=user&limit=3', 'group'],
		['shop?cursor=x', 'cursor'],
		['shop?since=-1h&since=-2h', 'since'],
	])('%s is refused, and the answer names %s', async (path, name) => {
		const { status, error } = await read(path);
		expect([status, error?.code]).toEqual([400, 'invalid_parameter']);
		expect(error?.message).toContain(`${name}:`);
	});

	test('an id that no record of the table can have is refused', async () => {
		expect(await read('shop/Counter/seven')).toMatchObject({ status: 400, error: { code: 'invalid_id' } });
	});

	describe.each(['shop', 'shop/Product', 'shop/Product/p1'])('pages of %s, while writes go on,', (path) => {
		const pages = async (order: string) => {
			const seen: (string | undefined)[] = [];
			let page = await read(`${path}?limit=2&order=${order}`);
			for (;;) {
				seen.push(...page.entries.map(({ user }) => user));
				if (page.next === undefined) return seen.join('');
				if (seen.length < 20) log.write({ action: 'patch', id: 'p1', values: { n: seen.length }, user: '+' });
				page = await read(`${path}?limit=2&cursor=${page.next}`);
			}
		};

		test('newest first, hold every entry once that was there when the first was read', async () => {
			const before = (await users(path)).join('');
			expect(await pages('newest')).toBe(before);
		});

		test('oldest first, hold every entry once, and those that come on the way', async () => {
			const before = (await users(`${path}?order=oldest`)).join('');
			const seen = await pages('oldest');
			expect(seen).toBe((await users(`${path}?order=oldest`)).join(''));
			expect(seen.startsWith(before) && seen.length > before.length).toBe(true);
		});
	});

	test('a cursor keeps the window of the first page, and its order', async () => {
		const { next } = await read('shop?since=-999s&limit=1');
		log.write({ action: 'put', id: 'x', user: 'x' });
		expect(await users(`shop?cursor=${next}`)).toEqual(['f', 'e', 'd', 'c', 'b', 'a']);
		expect(await read(`shop?order=oldest&cursor=${next}`)).toMatchObject({ status: 400 });
	});

	test('JSON Lines end with a line that says how complete they are', async () => {
		const { type, text: lines } = await text('shop?format=ndjson&order=oldest');
		expect(type).toBe('application/x-ndjson');
		const parsed = lines
			.trimEnd()
			.split('\n')
			.map((line) => JSON.parse(line));
		expect(parsed.slice(0, -1).map(({ user }) => user)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
		expect(parsed.at(-1)).toMatchObject({ end: { entries: 7, complete: true, gaps: [] } });
		expect((await text('shop', { accept: 'application/x-ndjson' })).type).toBe('application/x-ndjson');
	});

	test('CSV has a heading, quotes what needs it, and ends with a row of the type end', async () => {
		log.write({ action: 'put', id: 'a "b",\nc', user: 'h', values: { name: 'x' } });
		const { type, text: rows } = await text('shop?order=oldest&since=2026-06-01T00:00:05.500Z', { accept: 'text/csv' });
		expect(type).toContain('text/csv');
		expect(rows.split('\r\n')).toEqual([
			'at,localTime,transaction,table,id,type,operation,user,node,expiresAt,values',
			`2026-06-01T00:00:06.000Z,${at(6000)},${at(6000)},Counter,7,put,,g,this-node,,"{""id"":7,""n"":{""$bigint"":""1""}}"`,
			`2026-06-01T00:00:06.001Z,${at(6001)},${at(6001)},Product,"a ""b"",\nc",put,,h,this-node,,"{""name"":""x""}"`,
			expect.stringMatching(/^,,,,,end,,,,,"\{""entries"":2,""complete"":true,/),
			'',
		]);
	});

	test('a stream is as long as the log, whatever a page may hold', async () => {
		for (let i = 0; i < 5000; i++) log.write({ action: 'put', id: `many-${i}`, values: { i } });
		const { text: lines } = await text('shop?format=ndjson');
		expect(lines.split('\n')).toHaveLength(5007 + 2);
		expect((await text('shop?format=ndjson&limit=3')).text.split('\n')).toHaveLength(3 + 2);
	});

	test.each([
		['user', { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 }],
		['table', { Product: 5, Order: 1, Counter: 1 }],
		['type', { put: 5, patch: 1, delete: 1 }],
		['hour', { '2026-06-01T00:00:00.000Z': 7 }],
	])('a summary by %s counts what the same filter finds', async (group, expected) => {
		const { groups, complete } = await read(`shop?group=${group}`);
		expect(Object.fromEntries(groups!.map(({ key, entries }) => [key, entries]))).toEqual(expected);
		expect(complete).toBe(true);
		const filtered = await read(`shop/Product?group=${group}&user=a&user=b`);
		expect(filtered.groups!.reduce((sum, { entries }) => sum + entries, 0)).toBe(2);
	});

	test('a summary tells records apart', async () => {
		expect((await read('shop/Product?group=table')).groups).toEqual([
			{
				key: 'Product',
				entries: 5,
				byType: { put: 3, patch: 1, delete: 1 },
				records: 2,
				first: '2026-06-01T00:00:01.000Z',
				last: '2026-06-01T00:00:05.000Z',
			},
		]);
	});
});

describe('an answer says what it could not see', () => {
	const reasons = async (path: string, principal?: Principal) => {
		const { complete, gaps } = await read(path, principal);
		expect(complete).toBe(gaps.length === 0);
		return gaps.map(({ reason }) => reason);
	};
	beforeEach(story);

	test('what retention has removed', async () => {
		log.removeBefore(at(2500));
		expect(await reasons('shop')).toEqual(['removed_by_retention']);
		expect(await reasons('shop?since=2026-06-01T00:00:03Z')).toEqual([]);
		const { gaps, window } = await read('shop?since=2026-06-01T00:00:01Z');
		expect(gaps).toMatchObject([{ from: '2026-06-01T00:00:01.000Z', to: '2026-06-01T00:00:02.000Z' }]);
		expect(window.from).toBe('2026-06-01T00:00:02.000Z');
	});

	test('what somebody has deleted', async () => {
		log.deleteRows(at(1500));
		expect(await reasons('shop')).toEqual(['removed_without_mark']);
		expect(await reasons('shop/Product/p1')).toEqual(['removed_without_mark', 'history_cut_off']);
		expect(await reasons('shop/Order')).toEqual([]);
	});

	test('older entries to which a record does not lead', async () => {
		expect(await reasons('shop/Product/p1')).toEqual([]);
		log.evict(1, 'p1');
		log.write({ action: 'put', id: 'p1', values: {} });
		expect(await reasons('shop/Product/p1')).toEqual(['history_cut_off']);
	});

	test('a table that is not logged, and one that caches', async () => {
		log = new MemoryAuditLog(
			['Product', { name: 'Silent', isAudited: false }, { name: 'Cache', isCaching: true }],
			'shop'
		);
		expect(await reasons('shop')).toEqual(['table_not_logged', 'table_caching']);
		expect(await reasons('shop/Silent')).toEqual(['table_not_logged']);
		expect(await reasons('shop/Product')).toEqual([]);
	});

	test('rows that are none, and values that cannot be read', async () => {
		const [row] = log.rows({ from: at(6000), to: at(6000), newestFirst: false });
		log.putRow({ localTime: at(7000), bytes: Buffer.of(255, 1) });
		log.putRow({ localTime: at(8000), bytes: Buffer.concat([row!.bytes, Buffer.of(0)]) });
		const { gaps, entries } = await read('shop');
		expect(gaps).toMatchObject([
			{ reason: 'entries_damaged', count: 1 },
			{ reason: 'values_unreadable', count: 1 },
		]);
		expect(entries).toHaveLength(8);
		expect(entries[0]).not.toHaveProperty('values');
	});

	test('tables that are gone', async () => {
		log.dropTable('Counter');
		const { entries } = await read('shop');
		expect(entries[0]).toMatchObject({ id: 7, user: 'g' });
		expect(entries[0]).not.toHaveProperty('table');
		expect(await reasons('shop')).toEqual(['table_dropped']);
		expect(await reasons('shop', viewer)).toEqual(['attributes_hidden']);
		expect((await read('shop/Counter')).status).toBe(404);
	});

	test('what there was no time for, and where to go on', async () => {
		for (let i = 0; i < 500; i++) log.write({ action: 'put', id: `many-${i}` });
		msPerLook = 700;
		const seen: unknown[] = [];
		let path = 'shop?user=a';
		for (let page = 0; page < 50; page++) {
			const { entries, next, gaps, complete } = await read(path);
			seen.push(...entries.map(({ user }) => user));
			if (next === undefined) break;
			expect([complete, gaps.map(({ reason }) => reason)]).toEqual([false, ['not_scanned']]);
			path = `shop?user=a&cursor=${next}`;
		}
		expect(seen).toEqual(['a']);
	});
});

describe('who sees what', () => {
	beforeEach(story);

	test('a viewer sees the tables and attributes that the role may read, and no others', async () => {
		const { entries, gaps } = await read('shop', viewer);
		expect(new Set(entries.map(({ table }) => table))).toEqual(new Set(['Product']));
		expect(entries.map(({ user }) => user).join('')).toBe('fecba');
		expect(entries.map(({ values }) => values)).toEqual([
			undefined,
			{ id: 'p2', name: 'two' },
			{ id: 'p2', name: 'two' },
			{},
			{ id: 'p1', name: 'one' },
		]);
		expect(gaps).toMatchObject([{ reason: 'attributes_hidden', table: 'Product' }]);
	});

	test('a filter on a hidden attribute finds nothing, be it there or not', async () => {
		const hidden = await read('shop?field=price', viewer);
		const absent = await read('shop?field=nothing', viewer);
		expect(hidden).toEqual(absent);
		expect(hidden.entries).toEqual([]);
	});

	test('a summary counts what the user sees', async () => {
		const { groups } = await read('shop?group=table', viewer);
		expect(groups?.map(({ key, entries }) => [key, entries])).toEqual([['Product', 5]]);
	});

	test('a table that may not be seen is answered as one that is not there', async () => {
		const answers = [
			await read('shop/Order', viewer),
			await read('shop/Nowhere', viewer),
			await read('nowhere', viewer),
			await read('nowhere/Product', viewer),
			await read('shop/Order/o1', viewer),
			await read('shop/Order?group=user', viewer),
			await read('system', viewer),
			await read('system/hdb_session'),
		];
		expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
		expect(answers[0]).toMatchObject({ status: 404, error: { code: 'audit_missing' } });
	});

	test('nobody sees a secret of the database system', async () => {
		const secrets = { password: 'argon2-hash', refresh_token: 'jwt', hash: 'x' };
		system.write({ action: 'put', id: 'admin', values: { username: 'admin', role: 'r', active: true, ...secrets } });
		system.write({ table: 'hdb_session', action: 'put', id: 'session-id', values: { user: { username: 'admin' } } });
		const admin = principalOf({ username: 'admin', role: { permission: { super_user: true } } });
		for (const path of ['system', 'system/hdb_user', 'system/hdb_user/admin', 'system?field=password']) {
			const answer = await read(path, admin);
			expect(JSON.stringify(answer)).not.toMatch(/argon2-hash|jwt|session-id/);
		}
		expect((await read('system', admin)).entries).toMatchObject([
			{ id: 'admin', values: { username: 'admin', role: 'r', active: true } },
		]);
		system.dropTable('hdb_session');
		expect((await read('system', admin)).entries).toHaveLength(1);
		expect((await read('system?field=password', admin)).entries).toEqual([]);
	});
});
