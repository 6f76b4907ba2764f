import { describe, expect, test } from 'vitest';
import { bookmarkBefore } from '../../lib/bookmark/before-burst.ts';
import { parseBookmark, surplusOf, type Bookmark } from '../../lib/bookmark/bookmark.ts';
import { positionsAt } from '../../lib/bookmark/positions.ts';
import type { Burst } from '../../lib/audit/watch.ts';
import { bookmarksEndpoints } from '../../lib/http/bookmarks.ts';
import { answerOf } from '../support/endpoints.ts';
import { MemoryAuditLog, memoryAuditLogs } from '../support/memory-audit-log.ts';
import { MemoryBookmarks } from '../support/memory-bookmarks.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const burst: Bookmark['burst'] = { database: 'shop', table: 'Order', user: 'anna', change: 'delete' };
const one = (changes: Partial<Bookmark> = {}): Bookmark => ({
	name: 'one',
	at: NOW - 1000,
	createdAt: NOW,
	automatic: false,
	positions: { shop: NOW - 1000.5 },
	...changes,
});

function served(...bookmarks: readonly Bookmark[]) {
	const store = new MemoryBookmarks();
	for (const bookmark of bookmarks) void store.create(bookmark);
	const asked: number[] = [];
	const positions = (at: number) => {
		asked.push(at);
		return { shop: at - 0.25 };
	};
	const [list, single] = bookmarksEndpoints({ store, positionsAt: positions, now: () => NOW });
	return { list, single, store, asked };
}

type Listed = { readonly bookmarks: readonly { readonly name: string; readonly burst?: unknown }[] };

describe('/custodian/bookmarks', () => {
	test('lists the latest moment first', async () => {
		const { list } = served(one({ name: 'a', at: 1 }), one({ name: 'c', at: 3 }), one({ name: 'b', at: 2 }));
		const { body } = await answerOf<Listed>(list, '/custodian/bookmarks', { access: 'view' });
		expect(body.bookmarks.map(({ name }) => name)).toEqual(['c', 'b', 'a']);
	});

	test('tells operators, and no viewers, who did what in which table', async () => {
		const { list, single } = served(one({ burst }));
		for (const [access, shown] of [
			['operate', burst],
			['view', undefined],
		] as const) {
			const { body } = await answerOf<Listed>(list, '/custodian/bookmarks', { access });
			expect(body.bookmarks[0]?.burst).toEqual(shown);
			const answer = await answerOf<Listed['bookmarks'][number]>(single, '/custodian/bookmarks/one', { access });
			expect(answer.body.burst).toEqual(shown);
		}
	});

	test('names the present moment, or one that is past', async () => {
		const { list, store, asked } = served();
		const post = (body: object) => answerOf<object>(list, '/custodian/bookmarks', { verb: 'POST', body });
		expect(await post({ name: 'now', note: 'x' })).toMatchObject({
			status: 201,
			headers: { Location: '/custodian/bookmarks/now' },
			body: { name: 'now', at: '2026-11-23T12:00:00.000Z', by: 'admin', note: 'x', automatic: false },
		});
		expect((await post({ name: 'past', at: '2026-11-23T13:30:00+02:00' })).status).toBe(201);
		expect((await post({ name: 'hour', at: '-1h' })).status).toBe(201);
		expect(asked).toEqual([NOW, NOW - 1_800_000, NOW - 3_600_000]);
		expect(store.load('past')).toMatchObject({ at: NOW - 1_800_000, positions: { shop: NOW - 1_800_000.25 } });
	});

	test.each<[what: string, body: unknown, status: number, code: string]>([
		['no name', {}, 400, 'invalid_body'],
		['a name that is a path', { name: 'a/b' }, 400, 'invalid_body'],
		['a name that is too long', { name: 'a'.repeat(65) }, 400, 'invalid_body'],
		['a moment to come', { name: 'a', at: '2026-11-23T12:00:00.001Z' }, 400, 'invalid_body'],
		['a moment before all dates', { name: 'a', at: '-9007199254740991ms' }, 400, 'invalid_body'],
		['no moment', { name: 'a', at: 'yesterday' }, 400, 'invalid_body'],
		['a moment that no date can say', { name: 'a', at: '-9007199254740991ms' }, 400, 'invalid_body'],
		['a note that is too long', { name: 'a', note: 'x'.repeat(1001) }, 400, 'invalid_body'],
		['what it does not know', { name: 'a', automatic: true }, 400, 'invalid_body'],
		['a name that is taken', { name: 'one' }, 409, 'name_taken'],
	])('refuses %s', async (_what, body, status, code) => {
		const { list, store } = served(one());
		const answer = await answerOf(list, '/custodian/bookmarks', { verb: 'POST', body });
		expect([answer.status, answer.body.error.code]).toEqual([status, code]);
		expect(store.list()).toEqual([one()]);
	});

	test('keeps a thousand, and as many automatic ones as there are', async () => {
		const many = Array.from({ length: 999 }, (_, index) => one({ name: `n${index}` }));
		const { list } = served(...many, one({ name: 'auto', automatic: true }));
		const post = (name: string) => answerOf(list, '/custodian/bookmarks', { verb: 'POST', body: { name } });
		expect((await post('the-last')).status).toBe(201);
		expect(await post('one-more')).toMatchObject({ status: 409, body: { error: { code: 'too_many_bookmarks' } } });
	});

	test('removes one, and says of another that there is none', async () => {
		const { single, store } = served(one());
		const remove = (name: string) => answerOf(single, `/custodian/bookmarks/${name}`, { verb: 'DELETE' });
		expect((await remove('another')).status).toBe(404);
		expect((await remove('%2e%2e')).status).toBe(404);
		expect((await remove('one')).status).toBe(200);
		expect(store.list()).toEqual([]);
	});
});

describe('before a burst', () => {
	const T = Date.UTC(2026, 0, 1, 12);
	const raised: Burst = {
		database: 'shop',
		table: 'Order',
		user: 'anna',
		kind: 'delete',
		reason: 'rate',
		limit: 100,
		changes: 101,
		records: 101,
		beganAt: T + 0.5,
		noticedAt: T + 5,
	};
	const logs = () => {
		const shop = new MemoryAuditLog(['Order'], 'shop');
		const crm = new MemoryAuditLog(['Person'], 'crm');
		for (const at of [T - 5, T + 0.25, T + 0.5, T + 1])
			shop.write({ action: 'put', id: at, values: {}, localTime: at });
		crm.write({ action: 'put', id: 1, values: {}, localTime: T - 60_000 });
		return memoryAuditLogs(shop, crm, new MemoryAuditLog(['Empty'], 'empty'));
	};

	test('stands a bookmark at the last entry before it, of every database', async () => {
		const store = new MemoryBookmarks();
		const name = await bookmarkBefore(raised, { logs: logs(), store, clock: { now: () => T + 9 } });
		expect(name).toBe('before-mass-delete-20260101T120000000Z');
		expect(store.load(name)).toEqual({
			name,
			at: T,
			createdAt: T + 9,
			automatic: true,
			positions: { shop: T + 0.25, crm: T - 60_000 },
			burst,
		});
	});

	test('the moment is before the burst, also where that begins with a millisecond', async () => {
		const store = new MemoryBookmarks();
		const clock = { now: () => T + 9 };
		const name = await bookmarkBefore({ ...raised, beganAt: T + 1 }, { logs: logs(), store, clock });
		expect(store.load(name)).toMatchObject({ at: T, positions: { shop: T + 0.5 } });
	});

	test('two that begin at once have a bookmark each', async () => {
		const store = new MemoryBookmarks();
		const ports = { logs: logs(), store, clock: { now: () => T + 9 } };
		const names = [await bookmarkBefore(raised, ports), await bookmarkBefore(raised, ports)];
		expect(names).toEqual(['before-mass-delete-20260101T120000000Z', 'before-mass-delete-20260101T120000000Z-2']);
	});

	test('of a hundred automatic ones the oldest goes, and none that somebody made', async () => {
		const store = new MemoryBookmarks();
		void store.create(one({ name: 'mine', createdAt: 0 }));
		for (let n = 0; n < 100; n++) void store.create(one({ name: `auto-${n}`, automatic: true, createdAt: n }));
		const name = await bookmarkBefore(raised, { logs: logs(), store, clock: { now: () => T + 9 } });
		const names = store.list().map((bookmark) => bookmark.name);
		expect(names).toHaveLength(101);
		expect(names).toEqual(expect.arrayContaining(['mine', 'auto-1', name]));
		expect(names).not.toContain('auto-0');
		expect(surplusOf(store.list())).toEqual([]);
	});

	test('positions of a moment count what arrived within it', () => {
		expect(positionsAt(logs(), T + 0.5)).toEqual({ shop: T + 0.5, crm: T - 60_000 });
		expect(positionsAt(logs(), T - 30_000)).toEqual({ crm: T - 60_000 });
	});
});

test.each(['', '{', '{"version":2}', '{"version":1,"name":"x"}'])('%j is no bookmark', (text) => {
	expect(parseBookmark(text)).toBeUndefined();
});
