import { describe, expect, test } from 'vitest';
import type { AuditEntry } from '../../lib/audit/entry.ts';
import { principalOf } from '../../lib/http/access.ts';
import { respond } from '../../lib/http/endpoint.ts';
import { recordsEndpoint } from '../../lib/http/records.ts';
import { MemoryAuditLog, memoryAuditLogs } from '../support/memory-audit-log.ts';

interface Answer {
	readonly complete?: boolean;
	readonly gaps?: readonly { readonly reason: string }[];
	readonly existence?: string;
	readonly record?: unknown;
	readonly unknown?: readonly string[];
	readonly blame?: Readonly<
		Record<
			string,
			{ readonly user?: string; readonly before?: string; readonly removed?: boolean; readonly mayBeOlder?: boolean }
		>
	>;
	readonly versions?: readonly {
		readonly user?: string;
		readonly type: string;
		readonly localTime: number;
		readonly changes: readonly unknown[];
		readonly whollyKnown: boolean;
	}[];
	readonly next?: string;
	readonly error?: { readonly code: string };
	readonly invalidated?: boolean;
}

const operator = { username: 'u', role: { permission: {}, access: { custodian: 'operator' } } };
const viewer = (attributes: readonly string[]) => ({
	username: 'v',
	role: {
		permission: {
			data: {
				tables: {
					Thing: { read: true, attribute_permissions: attributes.map((one) => ({ attribute_name: one, read: true })) },
				},
			},
		},
		access: { custodian: 'viewer' },
	},
});

async function ask(log: MemoryAuditLog, path: string, user: unknown = operator, monotonic = () => 0) {
	const clock = { now: () => Date.UTC(2026, 0, 2), monotonic };
	const endpoint = recordsEndpoint({ logs: memoryAuditLogs(log), pause: async () => {}, clock });
	const [pathname = '', query = ''] = path.split('?');
	const { status, body } = await respond(endpoint, {
		verb: 'GET',
		path: `/custodian/records/${pathname}`,
		query: new URLSearchParams(query),
		header: () => undefined,
		body: async () => undefined,
		principal: principalOf(user),
	});
	if (typeof body !== 'string') throw new Error('The body is no text');
	const answer: Answer = JSON.parse(body);
	return { status, ...answer };
}

const reasons = ({ gaps = [] }: Answer) => gaps.map(({ reason }) => reason);

/** Anna makes it, Ben patches it, Cora deletes it and Anna makes it anew. */
function lived(log = new MemoryAuditLog()) {
	const made = log.write({ action: 'put', id: 'a', values: { id: 'a', n: 1, note: { list: [1, 2] } }, user: 'anna' });
	const patched = log.write({ action: 'patch', id: 'a', values: { note: { list: [1, 3] }, n: 1 }, user: 'ben' });
	const deleted = log.write({ action: 'delete', id: 'a', user: 'cora' });
	const remade = log.write({ action: 'put', id: 'a', values: { id: 'a', n: 5n }, user: 'anna' });
	return { log, made, patched, deleted, remade };
}

describe('the versions of a record', () => {
	test('come with what each changed, the newest first', async () => {
		const { log } = lived();
		const { status, complete, versions } = await ask(log, 'data/Thing/a');
		expect({ status, complete }).toEqual({ status: 200, complete: true });
		expect(versions?.map(({ type, user }) => `${type} by ${user}`)).toEqual([
			'put by anna',
			'delete by cora',
			'patch by ben',
			'put by anna',
		]);
		expect(versions?.[2]?.changes).toEqual([{ path: '/note/list/1', change: 'changed', before: 2, after: 3 }]);
		expect(versions?.[0]?.changes).toContainEqual({ path: '/n', change: 'added', after: { $bigint: '5' } });
	});

	test('come in pages, which stay what they are while writes go on', async () => {
		const { log } = lived();
		const first = await ask(log, 'data/Thing/a?limit=3');
		log.write({ action: 'patch', id: 'a', values: { n: 6n }, user: 'dora' });
		const second = await ask(log, `data/Thing/a?limit=3&cursor=${first.next}`);
		expect([first.versions?.length, second.versions?.length, second.next]).toEqual([3, 1, undefined]);
		expect(second.versions?.[0]?.user).toBe('anna');
	});

	test('say what is not known of the first ones that the log still has', async () => {
		const { log, deleted } = lived();
		log.removeBefore(deleted);
		const answer = await ask(log, 'data/Thing/a');
		expect(answer.complete).toBe(false);
		expect(reasons(answer)).toEqual(['history_cut_off']);
		expect(answer.versions?.map(({ whollyKnown }) => whollyKnown)).toEqual([true, true]);
	});

	test('of large changes shows few at a time, and looks back no further than memory allows', async () => {
		const log = new LargeLog();
		const large = (n: number) => String(n).padEnd(LARGE, 'x');
		for (let n = 0; n < 30; n++) log.write({ action: 'put', id: 'x', user: 'u', values: { text: large(n) } });
		const seen: number[] = [];
		const told = new Set<string | undefined>();
		for (let path: string | undefined = 'data/Thing/x?limit=1000'; path !== undefined;) {
			const { versions = [], next, gaps = [] } = await ask(log, path);
			expect(versions.length).toBeLessThan(4);
			seen.push(...versions.map(({ localTime }) => localTime));
			told.add(gaps[0]?.reason);
			path = next && `data/Thing/x?limit=1000&cursor=${next}`;
		}
		expect(seen).toHaveLength(new Set(seen).size);
		expect(seen.length).toBeGreaterThan(20);
		expect(seen.length).toBeLessThan(30);
		expect([...told]).toEqual(['history_too_long']);
	});
});

const LARGE = 1_500_000;

/** Each row is as large as if its values were in it. */
class LargeLog extends MemoryAuditLog {
	override row(localTime: number): Uint8Array | undefined {
		const bytes = super.row(localTime);
		return bytes && Buffer.concat([bytes, Buffer.alloc(LARGE)]);
	}

	override valuesOf(bytes: Uint8Array, entry: AuditEntry) {
		const { start, end } = entry.value;
		return super.valuesOf(bytes, { ...entry, value: { start, end: end - LARGE } });
	}
}

describe('a record at a moment', () => {
	test('is what it was', async () => {
		const { log, made, patched, deleted, remade } = lived();
		const at = async (moment: number) => (await ask(log, `data/Thing/a?at=${moment}`)).record;
		expect(await at(made - 1)).toBeNull();
		expect(await at(made)).toEqual({ id: 'a', n: 1, note: { list: [1, 2] } });
		expect(await at(patched)).toEqual({ id: 'a', n: 1, note: { list: [1, 3] } });
		expect(await at(deleted)).toBeNull();
		expect(await at(remade)).toEqual({ id: 'a', n: { $bigint: '5' } });
		expect((await ask(log, `data/Thing/a?at=2026-01-01`)).complete).toBe(true);
	});

	test('names what is not known of it, and why', async () => {
		const log = new MemoryAuditLog();
		const made = log.write({ action: 'put', id: 'a', values: { id: 'a', n: 1, b: 'old' } });
		const patched = log.write({ action: 'patch', id: 'a', values: { n: { __op__: 'add', value: 2 }, b: 'new' } });
		log.removeBefore(patched);
		expect(await ask(log, `data/Thing/a?at=${made}`)).toMatchObject({
			existence: 'present',
			record: { id: 'a', n: 1 },
			unknown: ['b'],
			complete: false,
			gaps: [{ reason: 'history_cut_off' }],
		});
		expect(await ask(log, `data/Thing/a?at=${patched}`)).toMatchObject({
			complete: true,
			record: { id: 'a', n: 3, b: 'new' },
		});
		expect(await ask(log, `data/Thing/a?at=${made - 1}`)).toMatchObject({ existence: 'unknown', complete: false });
	});

	test('before the log begins is unknown, also of a record that was made since', async () => {
		const log = new MemoryAuditLog();
		const other = log.write({ action: 'put', id: 'b', values: { id: 'b' } });
		const made = log.write({ action: 'put', id: 'a', values: { id: 'a' } });
		log.removeBefore(made);
		const answer = await ask(log, `data/Thing/a?at=${other - 1}`);
		expect(answer).toMatchObject({ existence: 'unknown', complete: false });
		expect(reasons(answer)).toEqual(['removed_by_retention']);
		expect(await ask(log, `data/Thing/a?at=${made - 0.5}`)).toMatchObject({ existence: 'absent', complete: true });
	});

	test('is unknown before entries that lead to no older ones, where the log has such', async () => {
		const log = new MemoryAuditLog();
		const old = log.write({ action: 'put', id: 'a', values: { id: 'a', n: 1, b: 2 } });
		log.evict(1, 'a');
		const anew = log.write({ action: 'patch', id: 'a', values: { n: 2 } });
		const put = log.write({ action: 'put', id: 'a', values: { id: 'a' } });
		const at = async (moment: number) => {
			const answer = await ask(log, `data/Thing/a?at=${moment}`);
			return [answer.existence, answer.complete, ...reasons(answer)];
		};
		expect(await at(old)).toEqual(['unknown', false, 'history_broken']);
		expect(await at(anew)).toEqual(['present', false, 'history_broken']);
		expect(await at(put)).toEqual(['present', true]);
		const { complete, versions } = await ask(log, 'data/Thing/a');
		expect([complete, versions?.length]).toEqual([false, 2]);
	});

	test('is known from a first transaction that wrote it twice, each time as the first', async () => {
		const log = new MemoryAuditLog();
		const first = log.write({ action: 'put', id: 'a', values: { id: 'a', n: 1 }, version: 7 });
		log.evict(1, 'a');
		const made = log.write({ action: 'patch', id: 'a', values: { n: 2 }, version: 7 });
		expect(await ask(log, `data/Thing/a?at=${made}`)).toMatchObject({ complete: true, record: { n: 2 } });
		expect(await ask(log, `data/Thing/a?at=${first - 1}`)).toMatchObject({ existence: 'absent', complete: true });
	});

	test('is unknown before its first entry, where the log is too long to be looked through', async () => {
		const log = new MemoryAuditLog();
		for (let i = 0; i < 600; i++) log.write({ action: 'put', id: `other ${i}`, values: {} });
		const made = log.write({ action: 'put', id: 'a', values: { id: 'a' } });
		let now = 0;
		const slowly = (moment: number) => ask(log, `data/Thing/a?at=${moment}`, operator, () => (now += 60));
		const before = await slowly(made - 0.5);
		expect([before.existence, before.complete, ...reasons(before)]).toEqual(['unknown', false, 'not_scanned']);
		expect(await slowly(made)).toMatchObject({ complete: true, record: { id: 'a' } });
		expect(await ask(log, `data/Thing/a?at=${made - 0.5}`)).toMatchObject({ existence: 'absent', complete: true });
	});

	test('that it cannot tell of a table that caches, or is not logged', async () => {
		const log = new MemoryAuditLog([
			{ name: 'Thing' },
			{ name: 'Cache', isCaching: true },
			{ name: 'Silent', isAudited: false },
		]);
		for (const table of ['Cache', 'Silent']) log.write({ table, action: 'put', id: 'a', values: { id: 'a' } });
		expect(reasons(await ask(log, 'data/Cache/a?at=now'))).toContain('table_caching');
		expect(await ask(log, 'data/Silent/a?at=now')).toMatchObject({ existence: 'unknown', complete: false });
		expect(reasons(await ask(log, 'data/Silent/a?blame'))).toContain('table_not_logged');
	});

	test('after it expired is not certain', async () => {
		const log = new MemoryAuditLog();
		const at = log.write({ action: 'put', id: 'a', values: { id: 'a' }, expiresAt: Date.UTC(2026, 0, 1, 12) });
		expect((await ask(log, `data/Thing/a?at=${at}`)).complete).toBe(true);
		expect(reasons(await ask(log, 'data/Thing/a?at=2026-01-01T18:00Z'))).toEqual(['record_expired']);
	});
});

describe('blame', () => {
	test('lays each attribute to the last who gave it another value', async () => {
		const log = new MemoryAuditLog();
		log.write({ action: 'put', id: 'a', values: { id: 'a', n: 1, b: 2, c: 3 }, user: 'anna' });
		log.write({ action: 'put', id: 'a', values: { id: 'a', n: 1, b: 9 }, user: 'ben' });
		const { blame, complete } = await ask(log, 'data/Thing/a?blame');
		expect(complete).toBe(true);
		expect(blame).toMatchObject({ n: { user: 'anna' }, b: { user: 'ben' }, c: { user: 'ben', removed: true } });
		expect((await ask(log, 'data/Thing/a?blame=true&at=-1d')).blame).toMatchObject({});
	});

	test('does not guess who was there before the log', async () => {
		const log = new MemoryAuditLog();
		log.write({ action: 'put', id: 'a', values: { id: 'a', n: 1, b: 2 }, user: 'anna' });
		const put = log.write({ action: 'put', id: 'a', values: { id: 'a', n: 1, b: 3 }, user: 'ben' });
		log.removeBefore(put);
		const answer = await ask(log, 'data/Thing/a?blame');
		expect(answer.blame?.['n']).toMatchObject({ user: 'ben', mayBeOlder: true });
		expect(answer.complete).toBe(false);
	});
});

/** Somebody wrote to its store. */
class TamperedLog extends MemoryAuditLog {
	override live(...asked: Parameters<MemoryAuditLog['live']>) {
		const live = super.live(...asked);
		return live && { ...live, values: { ...live.values, n: 77 } };
	}
}

test('a change past the log is noticed', async () => {
	expect(reasons(await ask(lived().log, 'data/Thing/a?at=now'))).toEqual([]);
	const answer = await ask(lived(new TamperedLog()).log, 'data/Thing/a?at=now');
	expect(reasons(answer)).toEqual(['changed_without_entry']);
});

describe('who may see', () => {
	test('what the role may read, and that there is more', async () => {
		const { log } = lived();
		const answer = await ask(log, 'data/Thing/a', viewer(['n']));
		expect(JSON.stringify(answer)).not.toContain('note');
		expect(reasons(answer)).toEqual(['attributes_hidden']);
		const state = await ask(log, 'data/Thing/a?at=now&blame', viewer(['note']));
		expect(state.record).toEqual({ id: 'a' });
		expect(Object.keys(state.blame ?? {})).toEqual(['id']);
	});

	test('nothing of a table that the role may not read, as if it were not there', async () => {
		const { log } = lived(new MemoryAuditLog(['Thing', 'Secret']));
		log.write({ table: 'Secret', action: 'put', id: 'a', values: { id: 'a' } });
		const hidden = await ask(log, 'data/Secret/a', viewer(['n']));
		expect(hidden).toEqual(await ask(log, 'data/Nothing/a', viewer(['n'])));
		expect(hidden.status).toBe(404);
	});
});

test.each([
	['data/Thing/x', 404, 'record_missing'],
	['nothing/Thing/a', 404, 'table_missing'],
	['data/__proto__/a', 404, 'table_missing'],
	['data/Thing/a?at=yesterday', 400, 'invalid_parameter'],
	['data/Thing/a?limit=0', 400, 'invalid_parameter'],
	['data/Thing/a?blame=perhaps', 400, 'invalid_parameter'],
	['data/Thing/a?cursor=!', 400, 'invalid_parameter'],
	['data/Thing/a?at=now&limit=5', 400, 'invalid_parameter'],
	['data/Thing/a?order=oldest', 400, 'unknown_parameter'],
])('%s is answered with %i', async (path, status, code) => {
	const { log } = lived();
	expect(await ask(log, path)).toMatchObject({ status, error: { code } });
});
