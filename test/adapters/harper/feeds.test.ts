import { describe, expect, test } from 'vitest';
import { publishResources } from '../../../lib/adapters/harper/endpoints.ts';
import { eventStream, socketMessages } from '../../../lib/adapters/harper/feeds.ts';
import type { Host } from '../../../lib/adapters/harper/host.ts';
import type { Endpoint } from '../../../lib/http/endpoint.ts';
import type { Feed, FeedMessage } from '../../../lib/http/feed.ts';

const user = { username: 'u', role: { permission: { super_user: true } } };

/** Says what it is told to, and then waits until it is closed. */
function feedOf(...messages: FeedMessage[]) {
	let end = () => {};
	const closed = new Promise<void>((resolve) => (end = resolve));
	const feed: Feed & { closings: number } = {
		closings: 0,
		async next() {
			const message = messages.shift();
			if (message === undefined) await closed;
			return message;
		},
		close() {
			feed.closings++;
			end();
		},
	};
	return feed;
}

test('a stream of events has one of each message, and only an id for a sign of life', async () => {
	const feed = feedOf({ event: 'entry', cursor: 'c1', data: { text: 'a\nb' } }, { event: 'alive', cursor: 'c2' });
	const stream = eventStream(feed)[Symbol.asyncIterator]();
	const text = async () => Buffer.from((await stream.next()).value).toString();
	expect(await text()).toBe('event: entry\nid: c1\ndata: {"text":"a\\nb"}\n\n');
	expect(await text()).toBe('id: c2\n\n');
});

describe.each([
	['a stream of events', eventStream],
	['a WebSocket', socketMessages],
])('the feed of %s', (_what, iterableOf: (feed: Feed) => AsyncIterable<unknown>) => {
	test('is closed when it is left, also while it waits', async () => {
		const feed = feedOf();
		const iterator = iterableOf(feed)[Symbol.asyncIterator]();
		const waiting = iterator.next();
		await iterator.return?.();
		expect(await waiting).toEqual({ done: true, value: undefined });
		expect(feed.closings).toBeGreaterThan(0);
	});
});

/** Asks with CONNECT, as Harper does. */
function connecting(feed: Feed | undefined, given: { readonly isGone?: boolean } = {}) {
	const left: (() => void)[] = [];
	const kept: string[] = [];
	const on = (event: string, listener: () => void) => {
		if (event === 'close') left.push(listener);
		else kept.push(event);
	};
	const endpoint: Endpoint = {
		path: 'custodian/news',
		access: 'view',
		parameters: [],
		verbs: { CONNECT: () => ({ status: feed ? 200 : 404, headers: { 'X-A': '1' }, body: '', ...(feed && { feed }) }) },
	};
	const resources = new Map<string, unknown>();
	const host = { server: { resources }, logger: { error() {}, warn() {} } } as unknown as Host;
	publishResources(host, [endpoint]);
	const { connect } = resources.get('custodian/news') as Record<string, (...all: unknown[]) => Promise<object>>;
	const request = { method: 'GET', url: '/custodian/news', headers: { asObject: {} }, user };
	const destroyed = given.isGone === true;
	return {
		left,
		kept,
		events: () => connect?.({}, null, { ...request, _nodeResponse: { destroyed, on } }),
		socket: () => connect?.({}, { on }, { ...request, isWebSocket: true, _nodeRequest: { socket: { destroyed } } }),
	};
}

describe.each(['events', 'socket'] as const)('a client of %s', (how) => {
	test('who is granted a feed gets it, and ends it by leaving', async () => {
		const feed = feedOf();
		const client = connecting(feed);
		expect(await client[how]()).toBeTruthy();
		expect(feed.closings).toBe(0);
		for (const leave of client.left) leave();
		expect(feed.closings).toBe(1);
	});

	test('who has left before it was granted leaves nothing behind', async () => {
		const feed = feedOf();
		await connecting(feed, { isGone: true })[how]();
		expect(feed.closings).toBe(1);
		const another = feedOf();
		const client = connecting(another);
		const granted = client[how]();
		for (const leave of client.left) leave();
		await granted;
		expect(another.closings).toBe(1);
	});
});

test('a refused WebSocket is an error to Harper, which closes it, and what it sends is not kept', async () => {
	const client = connecting(undefined);
	await expect(client.socket()).rejects.toMatchObject({ statusCode: 404 });
	expect(client.kept).toEqual(['data']);
});
