import { beforeEach, describe, expect, test } from 'vitest';
import { readCursor, writeCursor } from '../../lib/audit/cursor.ts';
import { LiveLogs } from '../../lib/audit/live-logs.ts';
import { principalOf, type Principal } from '../../lib/http/access.ts';
import { auditEndpoints } from '../../lib/http/audit.ts';
import { withFeeds } from '../../lib/http/audit-feed.ts';
import { match, respond } from '../../lib/http/endpoint.ts';
import type { Feed, FeedMessage } from '../../lib/http/feed.ts';
import { MemoryAuditLog, memoryAuditLogs } from '../support/memory-audit-log.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const operator = principalOf({ username: 'o', role: { permission: {}, access: { custodian: 'operator' } } });
const viewer = principalOf({
	username: 'v',
	role: {
		access: { custodian: 'viewer' },
		permission: {
			shop: { tables: { Product: { read: true, attribute_permissions: [{ attribute_name: 'name', read: true }] } } },
		},
	},
});

let log: MemoryAuditLog;
let time: VirtualTime;
let connect: (path: string, given?: { principal?: Principal; lastId?: string }) => ReturnType<typeof respond>;

beforeEach(() => {
	log = new MemoryAuditLog(['Product', 'Order', { name: 'Counter', primaryKeyType: 'Int' }], 'shop');
	time = new VirtualTime(Date.UTC(2026, 5, 1));
	const ports = { logs: memoryAuditLogs(log), pause: async () => {}, clock: time };
	const quiet = { commits: { subscribe: () => () => {} }, sleep: time.sleep, warn: () => {} };
	const live = new LiveLogs({ ...ports, ...quiet });
	const endpoints = withFeeds(auditEndpoints(ports), { ...ports, live });
	connect = async (path, { principal = operator, lastId } = {}) => {
		const [pathname = '', query = ''] = `/custodian/audit/${path}`.split('?');
		return respond(endpoints.find((one) => match(one, pathname)) ?? endpoints[0]!, {
			verb: 'CONNECT',
			path: pathname,
			query: new URLSearchParams(query),
			header: (name) => (name === 'last-event-id' ? lastId : undefined),
			body: async () => undefined,
			principal,
		});
	};
});

async function feedOf(...asked: Parameters<typeof connect>): Promise<Feed> {
	const { feed } = await connect(...asked);
	if (feed === undefined) throw new Error('It was refused');
	return feed;
}

const taken = new WeakMap<Feed, FeedMessage[]>();

/** What has come since this was asked last. */
async function news(feed: Feed): Promise<FeedMessage[]> {
	const messages = taken.get(feed) ?? [];
	if (!taken.has(feed)) void take(feed, messages);
	taken.set(feed, messages);
	await time.advance(1500);
	return messages.splice(0).filter(({ event }) => event !== 'alive');
}

async function take(feed: Feed, into: FeedMessage[]): Promise<void> {
	for (let message = await feed.next(); message !== undefined; message = await feed.next()) into.push(message);
}

const put = (id: string, given: object = {}) =>
	log.write({ action: 'put', id, values: { name: id, price: 1 }, ...given });

describe('a feed', () => {
	test.each<[query: string, ids: readonly string[]]>([
		['shop', ['a', 'b', 'c', 'd']],
		['shop/Product', ['a', 'b', 'd']],
		['shop/Product/b', ['b']],
		['shop?user=anna', ['b', 'c']],
		['shop?type=delete', ['d']],
		['shop?field=stock', ['c']],
		['shop/Product?id=a&id=d', ['a', 'd']],
		['shop/Counter', []],
	])('of %s shows what a question of it would find', async (query, ids) => {
		put('d');
		const feed = await feedOf(query);
		put('a');
		put('b', { user: 'anna' });
		put('c', { table: 'Order', user: 'anna', values: { stock: 1 } });
		log.write({ action: 'delete', id: 'd' });
		expect((await news(feed)).map(({ data }) => (data as { id: string }).id)).toEqual(ids);
	});

	test('shows a viewer his tables, and of them his attributes', async () => {
		const feed = await feedOf('shop', { principal: viewer });
		put('a');
		put('b', { table: 'Order' });
		expect(await news(feed)).toMatchObject([{ data: { table: 'Product', id: 'a', values: { name: 'a' } } }]);
		const [{ data } = expect.unreachable()] = await news(await feedOf('shop?since=0', { principal: viewer }));
		expect(data).not.toHaveProperty('values.price');
	});

	test('begins at a moment, behind a cursor, or behind the last event that a browser has', async () => {
		const [first, second, third] = [put('a'), put('b'), put('c')];
		const idsOf = async (...asked: Parameters<typeof connect>) =>
			(await news(await feedOf(...asked))).map(({ data }) => (data as { id: string }).id);
		const cursor = (after: number) => writeCursor({ order: 'oldest', after, from: 0, to: 8.64e15 });
		expect(await idsOf(`shop?since=${second}`)).toEqual(['b', 'c']);
		expect(await idsOf(`shop?cursor=${cursor(first)}`)).toEqual(['b', 'c']);
		expect(await idsOf(`shop?cursor=${cursor(first)}`, { lastId: cursor(second) })).toEqual(['c']);
		expect(await idsOf(`shop?cursor=${cursor(third)}`)).toEqual([]);
		const [message] = await news(await feedOf(`shop?since=${third}`));
		expect(readCursor(message?.cursor ?? '')).toMatchObject({ order: 'oldest', after: third });
	});

	test('goes on when a table is dropped', async () => {
		const feed = await feedOf('shop', { principal: viewer });
		put('a');
		expect(await news(feed)).toHaveLength(1);
		log.dropTable('Order');
		put('b');
		expect(await news(feed)).toMatchObject([{ data: { table: 'Product' } }]);
		log.dropTable('Product');
		expect(await news(feed)).toEqual([]);
	});

	test('says what it cannot show', async () => {
		const key = put('a');
		put('b');
		log.removeBefore(key + 1);
		log.putRow({ localTime: key + 5, bytes: new Uint8Array([9]) });
		const messages = await news(await feedOf('shop?since=1'));
		expect(messages).toMatchObject([
			{ event: 'gap', data: { reason: 'removed_by_retention' } },
			{ event: 'entry', data: { id: 'b' } },
			{ event: 'gap', data: { reason: 'entries_damaged' } },
		]);
	});
});

test.each<[path: string, principal: Principal | undefined, status: number]>([
	['none', undefined, 404],
	['shop/None', undefined, 404],
	['shop/Order', viewer, 404],
	['shop/Counter/x', undefined, 400],
	['shop?until=now', undefined, 400],
	['shop?order=oldest', undefined, 400],
	['shop?limit=1', undefined, 400],
	['shop?group=user', undefined, 400],
	['shop?format=csv', undefined, 400],
	['shop?cursor=x', undefined, 400],
	[`shop?cursor=${writeCursor({ order: 'newest', after: 1, from: 0, to: 1 })}`, undefined, 400],
	['shop?type=x', undefined, 400],
	['shop?what=x', undefined, 400],
])('%s is refused', async (path, principal, status) => {
	const answer = await connect(path, principal ? { principal } : {});
	expect([answer.status, answer.feed]).toEqual([status, undefined]);
});

test('one client too many is told to come later', async () => {
	for (let n = 0; n < 100; n++) expect((await connect('shop')).status).toBe(200);
	expect(await connect('shop')).toMatchObject({ status: 503, headers: { 'Retry-After': '30' } });
});
