import * as v from 'valibot';
import { beforeEach, describe, expect, test } from 'vitest';
import { readBody } from '../../lib/http/body.ts';
import { downloadEndpoint } from '../../lib/http/download.ts';
import { match, respond, type Endpoint, type HttpRequest } from '../../lib/http/endpoint.ts';
import { jobsEndpoints } from '../../lib/http/jobs.ts';
import { limitOf } from '../../lib/http/paging.ts';
import { scheduleEndpoint } from '../../lib/http/schedule.ts';
import { snapshotsEndpoints } from '../../lib/http/snapshots.ts';
import { upkeepEndpoints } from '../../lib/http/upkeep.ts';
import type { Job, JobKind } from '../../lib/jobs/job.ts';
import { Occurrences, everyInterval } from '../../lib/schedule/occurrence.ts';
import { DEFAULT_RETRY, type Schedule } from '../../lib/schedule/schedule.ts';
import type { ScheduleState } from '../../lib/schedule/state.ts';
import { readManifest } from '../../lib/snapshot/catalogue.ts';
import { bestCopy, readHoldings, type Place } from '../../lib/snapshot/holdings.ts';
import { readPlain } from '../../lib/snapshot/object.ts';
import { recordVerification } from '../../lib/snapshot/verification.ts';
import { textOf } from '../support/bytes.ts';
import { answerOf, ask } from '../support/endpoints.ts';
import { job, MemoryJobs } from '../support/memory-jobs.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { AT, contents, factsOf, idOf, objectPorts, prefixOf, staged, store, storing } from '../support/snapshots.ts';

const DAY = 86_400_000;

interface Listed {
	readonly snapshots: readonly { readonly id: string }[];
	readonly next?: string;
	readonly complete: boolean;
	readonly unread?: readonly unknown[];
}

let repository: MemoryRepository;
let offsite: Error | undefined;
let submitted: unknown[];
let done: unknown[];
let reasons: readonly string[];
let keyIds: ReadonlySet<string>;

beforeEach(async () => {
	repository = new MemoryRepository();
	for (const day of [0, 1, 2]) {
		const facts = factsOf(idOf(day), { takenAt: AT + day * DAY });
		await store(repository, idOf(day), { facts });
	}
	[offsite, submitted, done, reasons, keyIds] = [undefined, [], [], [], new Set()];
});

const place: Place = { name: 'main', cache: new Map(), open: async () => repository };
const away: Place = {
	name: 'offsite',
	cache: new Map(),
	async open() {
		if (offsite) throw offsite;
		return new MemoryRepository();
	},
};

async function submit(kind: JobKind, request: unknown, by: string): Promise<Job> {
	submitted.push([kind, request, by]);
	return job({ kind, request, by });
}

const holdings = () => {
	place.cache.clear();
	return readHoldings([place, away]);
};
const manifest = async (holding: Parameters<typeof bestCopy>[0]) =>
	readManifest(repository, bestCopy(holding).entry.prefix);

const [list, one, verify] = snapshotsEndpoints({
	holdings,
	manifest,
	databases: () => ['shop', 'crm'],
	keys: async () => ({ ids: keyIds }),
	submit,
	pin: async ({ id }, pinned) => void done.push(['pin', id, pinned]),
	protectionsOf: () => reasons,
	remove: async ({ id }) => void done.push(['remove', id]),
	now: () => AT + 3 * DAY,
});
const path = (day: number, rest = '') => `/custodian/snapshots/${idOf(day)}${rest}`;

describe('the list of snapshots', () => {
	const ids = async (query: string) => {
		const { status, body } = await answerOf<Listed>(list, `/custodian/snapshots${query}`);
		expect(status).toBe(200);
		return body.snapshots.map(({ id }) => id);
	};

	test('shows each, the newest first', async () => {
		await recordVerification(repository, prefixOf(idOf(2)), { at: AT + 2 * DAY, depth: 'deep', result: 'good' });
		const { body } = await answerOf<Listed>(list, '/custodian/snapshots');
		expect(body).toMatchObject({ complete: true });
		expect(body.snapshots[0]).toMatchObject({
			id: idOf(2),
			node: 'n1',
			database: 'shop',
			kind: 'full',
			takenAt: '2026-11-25T02:00:00.000Z',
			pinned: false,
			restorable: true,
			tables: 1,
			rows: 3,
			auditEntries: 5,
			sizeBytes: 36,
			encrypted: false,
			verification: { at: '2026-11-25T02:00:00.000Z', ageSeconds: 86_400, depth: 'deep', result: 'good' },
			repositories: [{ name: 'main' }],
		});
		expect(await ids('')).toEqual([idOf(2), idOf(1), idOf(0)]);
	});

	test('pages: what one page says comes next begins the other, and nothing is left out', async () => {
		const first = await answerOf<Listed>(list, '/custodian/snapshots?limit=2');
		expect(first.body).toMatchObject({ snapshots: [{ id: idOf(2) }, { id: idOf(1) }], next: idOf(1) });
		const second = await answerOf<Listed>(list, `/custodian/snapshots?limit=2&after=${first.body.next}`);
		expect(second.body.snapshots.map(({ id }) => id)).toEqual([idOf(0)]);
		expect(second.body).not.toHaveProperty('next');
		expect((await answerOf<Listed>(list, '/custodian/snapshots?limit=3')).body).not.toHaveProperty('next');
	});

	test.each([
		['?database=shop', [2, 1, 0]],
		['?database=crm', []],
		['?node=n2', []],
		['?schedule=nightly', []],
		['?since=2026-11-24T02:00:00Z', [2, 1]],
		['?until=2026-11-24T02:00:00Z', [0]],
		['?since=2026-11-24', [2, 1]],
		['?state=good', [2, 1, 0]],
		['?state=damaged', []],
	])('with %s holds what is asked for', async (query, days) => {
		expect(await ids(query)).toEqual(days.map(idOf));
	});

	test('tells the damaged ones from the good ones, and why they are', async () => {
		repository.objects.delete(`${prefixOf(idOf(1))}data.mdb`);
		expect(await ids('?state=damaged')).toEqual([idOf(1)]);
		expect(await ids('?state=good')).toEqual([idOf(2), idOf(0)]);
		const obstacle = 'The object data.mdb is missing.';
		expect((await answerOf(one, path(1))).body).toMatchObject({
			restorable: false,
			obstacle,
			repositories: [{ name: 'main', problem: obstacle }],
		});
	});

	test('shows what is encrypted, and whether the key is there', async () => {
		const sealing = { keyId: 'k1', wrappedKey: 'w' };
		await store(repository, idOf(3), { sealing });
		expect((await answerOf(one, path(3))).body).toMatchObject({
			encrypted: true,
			restorable: false,
			obstacle: 'The key k1 is not in the configuration.',
		});
		keyIds = new Set(['k1']);
		expect((await answerOf(one, path(3))).body).toMatchObject({ encrypted: true, restorable: true });
	});

	test('says that it is not complete while a repository cannot be read', async () => {
		offsite = new Error('not mounted');
		const { body } = await answerOf<Listed>(list, '/custodian/snapshots');
		expect(body).toMatchObject({ complete: false, unread: [{ place: 'offsite', reason: 'not mounted' }] });
		expect(body.snapshots).toHaveLength(3);
	});

	test.each(['limit=0', 'limit=1001', 'limit=x', 'since=yesterday', 'until=1', 'state=bad', 'order=asc'])(
		'refuses %s',
		async (query) => {
			expect((await answerOf(list, `/custodian/snapshots?${query}`)).status).toBe(400);
		}
	);
});

describe('taking a snapshot', () => {
	const take = (body: unknown, access?: 'view') =>
		answerOf(list, '/custodian/snapshots', { verb: 'POST', body, ...(access ? { access } : {}) });

	test('makes a job of what was asked, in the name of the user', async () => {
		const { status, headers, body } = await take({ databases: ['crm'], label: 'x', pin: true });
		expect([status, headers['Location']]).toEqual([202, '/custodian/jobs/j1']);
		expect(body).toMatchObject({ id: 'j1', state: 'queued', by: 'admin', submittedAt: '1970-01-01T00:00:00.000Z' });
		expect(submitted).toEqual([['snapshot', { databases: ['crm'], label: 'x', pin: true }, 'admin']]);
	});

	test('of everything is what nothing asks for', async () => {
		await take(undefined);
		expect(submitted).toEqual([['snapshot', { databases: ['*'], pin: false }, 'admin']]);
	});

	test.each([
		[{ databases: ['x'] }, 'database_missing', 'There is no database "x".'],
		[{ databases: [] }, 'invalid_body', 'databases: expected at least one name.'],
		[{ databases: 'shop' }, 'invalid_body', 'databases: expected a list of names.'],
		[{ pin: 'yes' }, 'invalid_body', 'pin: expected true or false.'],
		[{ label: 'x'.repeat(201) }, 'invalid_body', 'label: expected a text of at most 200 characters.'],
		[{ database: 'shop' }, 'invalid_body', 'database is not known.'],
	])('refuses %j', async (body, code, message) => {
		const answer = await take(body);
		expect([answer.status, answer.body.error.code, answer.body.error.message]).toEqual([400, code, message]);
		expect(submitted).toEqual([]);
	});

	test.each([
		['a list', []],
		['a text', 'x'],
		['a number', 7],
	])('refuses %s for a body', async (_, body) => {
		expect((await take(body)).status).toBe(400);
		expect(submitted).toEqual([]);
	});

	test('is not for viewers', async () => {
		expect((await take({}, 'view')).status).toBe(403);
		expect(submitted).toEqual([]);
	});
});

describe('one snapshot', () => {
	test('is shown with its manifest, where that can be read', async () => {
		const whole = await answerOf<{ readonly manifest?: { readonly id: string } }>(one, path(0));
		expect(whole.body.manifest?.id).toBe(idOf(0));
		repository.objects.set(`${prefixOf(idOf(0))}manifest.json`, new Uint8Array(1));
		const damaged = await answerOf(one, path(0));
		expect(damaged.status).toBe(200);
		expect(damaged.body).not.toHaveProperty('manifest');
		expect(damaged.body).toMatchObject({ restorable: false });
	});

	test('is missing where there is none, and unknown where it may lie out of reach', async () => {
		expect((await answerOf(one, path(9))).body.error.code).toBe('snapshot_missing');
		offsite = new Error('not mounted');
		const { status, body } = await answerOf(one, path(9));
		expect([status, body.error.code]).toEqual([503, 'repository_unreachable']);
		expect((await answerOf(one, path(0))).status).toBe(200);
	});

	test('is pinned and unpinned', async () => {
		for (const pin of [true, false]) {
			const { status, body } = await answerOf(one, path(0), { verb: 'PATCH', body: { pin } });
			expect([status, body]).toEqual([200, { id: idOf(0), pinned: pin }]);
		}
		expect(done).toEqual([
			['pin', idOf(0), true],
			['pin', idOf(0), false],
		]);
		expect((await answerOf(one, path(0), { verb: 'PATCH' })).status).toBe(400);
	});

	test('is deleted', async () => {
		expect((await answerOf(one, path(0), { verb: 'DELETE' })).body).toEqual({ id: idOf(0), removed: true });
		expect(done).toEqual([['remove', idOf(0)]]);
	});

	test.each([
		['DELETE', '', undefined],
		['DELETE', '?force=true', undefined],
		['PATCH', '', { pin: true }],
		['PATCH', '', { pin: false }],
	])('is left alone by %s%s %j while a copy of it may lie out of reach', async (verb, query, body) => {
		offsite = new Error('not mounted');
		const answer = await answerOf(one, path(0, query), { verb, body });
		expect([answer.status, answer.body.error.code]).toEqual([503, 'repository_unreachable']);
		expect(answer.body.error.message).toContain('offsite: not mounted');
		expect(done).toEqual([]);
	});

	test('that is protected is deleted by force alone', async () => {
		reasons = ['It is the newest.'];
		const { status, body } = await answerOf(one, path(0), { verb: 'DELETE' });
		expect([status, body.error.code, body.error.message]).toEqual([
			409,
			'snapshot_protected',
			'It stays: It is the newest.',
		]);
		expect((await answerOf(one, path(0, '?force=false'), { verb: 'DELETE' })).status).toBe(409);
		expect((await answerOf(one, path(0, '?force=1'), { verb: 'DELETE' })).status).toBe(400);
		expect(done).toEqual([]);
		expect((await answerOf(one, path(0, '?force=true'), { verb: 'DELETE' })).status).toBe(200);
		expect(done).toEqual([['remove', idOf(0)]]);
	});

	test.each(['PATCH', 'DELETE'])('is not for viewers to %s', async (verb) => {
		expect((await ask(one, path(0), { verb, body: { pin: true }, access: 'view' })).status).toBe(403);
		expect(done).toEqual([]);
	});

	test('is verified deeply unless less is asked for', async () => {
		await ask(verify, path(0, '/verify'), { verb: 'POST' });
		await ask(verify, path(0, '/verify'), { verb: 'POST', body: { depth: 'checksums' } });
		expect(submitted).toEqual([
			['verify', { ids: [idOf(0)], depth: 'deep' }, 'admin'],
			['verify', { ids: [idOf(0)], depth: 'checksums' }, 'admin'],
		]);
		expect((await ask(verify, path(0, '/verify'), { verb: 'POST', body: { depth: 'x' } })).status).toBe(400);
		expect((await ask(verify, path(9, '/verify'), { verb: 'POST' })).status).toBe(404);
	});
});

describe('a download', () => {
	const endpoint = downloadEndpoint({
		holdings,
		manifest,
		readStored: async (holding, { name }, start, end) =>
			repository.read(`${bestCopy(holding).entry.prefix}${name}`, { start, end }),
		readPlain: async (holding, { compression }, object) =>
			readPlain(objectPorts(repository), { prefix: bestCopy(holding).entry.prefix, object, compression }),
	});
	const get = async (query = '', headers = {}, day = 0) => {
		const { body, ...rest } = await ask(endpoint, path(day, `/download${query}`), { headers });
		return { ...rest, text: typeof body === 'string' ? body : await textOf(body as AsyncIterable<Uint8Array>) };
	};
	const DATA = 'the file of the database';

	test('is the object as it lies there', async () => {
		const { status, headers, text } = await get();
		const { objects } = await readManifest(repository, prefixOf(idOf(0)));
		expect([status, text]).toEqual([200, DATA]);
		expect(headers).toMatchObject({
			'Content-Length': '24',
			'Accept-Ranges': 'bytes',
			'ETag': `"${objects[0]?.stored.sha256}"`,
			'Content-Disposition': `attachment; filename*=UTF-8''shop-${idOf(0)}-data.mdb`,
			'Cache-Control': 'no-store',
		});
	});

	test('can be gone on with where it stopped', async () => {
		const { status, headers, text } = await get('', { range: 'bytes=4-' });
		expect([status, text]).toEqual([206, DATA.slice(4)]);
		expect(headers).toMatchObject({ 'Content-Length': '20', 'Content-Range': 'bytes 4-23/24' });
		const beyond = await get('', { range: 'bytes=24-' });
		expect([beyond.status, beyond.headers['Content-Range']]).toEqual([416, 'bytes */24']);
		const changed = await get('', { 'range': 'bytes=4-', 'if-range': '"other"' });
		expect([changed.status, changed.text]).toEqual([200, DATA]);
	});

	test('may be of the blobs, and decompressed', async () => {
		expect((await get('?part=blobs')).text).toBe('blob archive');
		await store(repository, idOf(5), { compression: 'gzip' });
		const { headers, text } = await get('?form=plain', { range: 'bytes=4-' }, 5);
		expect(text).toBe(DATA);
		expect(headers).toMatchObject({
			'Accept-Ranges': 'none',
			'Content-Length': '24',
			'Content-Disposition': "attachment; filename*=UTF-8''shop.mdb",
		});
	});

	test('of what is not there is refused', async () => {
		const inspect = async () => ({ contents, blobs: undefined });
		await storing(repository, idOf(6), {}, { ...staged(), inspect })();
		expect((await get('?part=blobs', {}, 6)).status).toBe(404);
		expect((await get('', {}, 7)).status).toBe(404);
		expect((await get('?part=manifest')).status).toBe(400);
		expect((await get('?form=raw')).status).toBe(400);
		repository.objects.set(`${prefixOf(idOf(0))}manifest.json`, new Uint8Array(1));
		expect((await get()).status).toBe(409);
	});

	test('is not for viewers', async () => {
		expect((await ask(endpoint, path(0, '/download'), { access: 'view' })).status).toBe(403);
	});
});

describe('upkeep', () => {
	const decision = { schedule: 'nightly', action: 'prune', reasons: [], sentence: 'It goes.' } as const;
	const [prunes, cleanings] = upkeepEndpoints({
		async prunePlans() {
			const { snapshots } = await holdings();
			return [
				{ place, decisions: snapshots.slice(0, 1).map((held) => ({ ...decision, entry: bestCopy(held).entry })) },
			];
		},
		cleaningPlans: async () => [{ repository: 'main', plan: { objects: [] } }],
		submit,
	});

	test.each([
		['prune', prunes],
		['reconcile', cleanings],
	] as const)('%s is a job, unless it is only to be shown', async (kind, endpoint) => {
		const asked = `/${endpoint?.path}`;
		expect((await ask(endpoint, asked, { verb: 'POST' })).status).toBe(202);
		expect(submitted).toEqual([[kind, {}, 'admin']]);
		expect((await ask(endpoint, asked, { verb: 'POST', body: { dryRun: true } })).status).toBe(200);
		expect((await ask(endpoint, asked, { verb: 'POST', body: { dryRun: 'yes' } })).status).toBe(400);
		expect(submitted).toHaveLength(1);
		expect((await ask(endpoint, asked, { verb: 'POST', access: 'view' })).status).toBe(403);
	});

	test('shows what would be pruned, and why', async () => {
		const { body } = await answerOf<object>(prunes, '/custodian/prunes', { verb: 'POST', body: { dryRun: true } });
		const shown = { id: idOf(2), node: 'n1', database: 'shop', ...decision };
		expect(body).toEqual({ repositories: [{ repository: 'main', decisions: [shown] }] });
	});
});

test('the schedule shows what runs next, from the state as it was saved, and from none', async () => {
	const timing = everyInterval(DAY);
	const schedule = (name: string): Schedule => ({
		name,
		timing: 'every 1d',
		enabled: true,
		scope: 'node',
		overlap: 'skip',
		retry: DEFAULT_RETRY,
		occurrences: new Occurrences({ schedule: name, node: 'n1', timing }),
	});
	const saved: ScheduleState = { settled: [], record: [], lastSuccess: { nominalAt: 0, endedAt: AT } };
	const endpoint = scheduleEndpoint({
		schedules: ['a', 'b'].map(schedule),
		load: async (name) => (name === 'a' ? saved : undefined),
		now: () => AT,
	});
	const { status, body } = await answerOf<{ readonly schedules: readonly object[] }>(endpoint, '/custodian/schedule');
	expect(status).toBe(200);
	expect(body.schedules).toMatchObject([
		{ schedule: 'a', lastSuccess: { at: '2026-11-23T02:00:00.000Z' } },
		{ schedule: 'b', record: [] },
	]);
	expect(JSON.stringify(body)).toContain('2026-11-24T00:00:00.000Z');
});

describe('jobs', () => {
	const jobs = new MemoryJobs();
	const [all, single] = jobsEndpoints(jobs);
	beforeEach(async () => {
		await jobs.save(job({ id: 'a', state: 'succeeded', startedAt: 1000, endedAt: 2000, owner: 'secret' }));
		await jobs.save(job({ id: 'b', kind: 'snapshot', state: 'running' }));
		await jobs.save(job({ id: 'c', kind: 'prune' }));
	});
	const ids = async (query: string) => {
		const { body } = await answerOf<{ readonly jobs: readonly { readonly id: string }[]; readonly next?: string }>(
			all,
			`/custodian/jobs${query}`
		);
		return [body.jobs.map(({ id }) => id).join(), body.next];
	};

	test.each([
		['', 'c,b,a', undefined],
		['?limit=2', 'c,b', 'b'],
		['?limit=2&after=b', 'a', undefined],
		['?limit=3', 'c,b,a', undefined],
		['?state=running', 'b', undefined],
		['?kind=prune', 'c', undefined],
		['?kind=prune&state=running', '', undefined],
	])('with %s are listed', async (query, expected, next) => {
		expect(await ids(query)).toEqual([expected, next]);
	});

	test.each(['state=done', 'kind=backup', 'limit=-1'])('are not listed by %s', async (query) => {
		expect((await answerOf(all, `/custodian/jobs?${query}`)).status).toBe(400);
	});

	test('are shown with their moments as text, and without what is inside', async () => {
		const { body } = await answerOf<object>(single, '/custodian/jobs/a');
		expect(body).toEqual({
			id: 'a',
			kind: 'verify',
			request: {},
			state: 'succeeded',
			submittedAt: '1970-01-01T00:00:00.000Z',
			startedAt: '1970-01-01T00:00:01.000Z',
			endedAt: '1970-01-01T00:00:02.000Z',
		});
		expect((await answerOf(single, '/custodian/jobs/x')).body.error.code).toBe('job_missing');
	});

	test('are cancelled while they are not over, by operators', async () => {
		expect((await ask(single, '/custodian/jobs/b', { verb: 'DELETE', access: 'view' })).status).toBe(403);
		expect(jobs.isCancelRequested('b')).toBe(false);
		const { status, body } = await answerOf(single, '/custodian/jobs/b', { verb: 'DELETE' });
		expect([status, body]).toEqual([202, expect.objectContaining({ id: 'b', cancelRequested: true })]);
		expect(jobs.isCancelRequested('b')).toBe(true);
		expect((await answerOf(single, '/custodian/jobs/a', { verb: 'DELETE' })).body.error.code).toBe('job_ended');
		expect((await answerOf(single, '/custodian/jobs/x', { verb: 'DELETE' })).status).toBe(404);
	});
});

describe('a path with a name in it', () => {
	const endpoint: Endpoint = {
		path: 'custodian/things/{id}/parts/{part}',
		access: 'view',
		parameters: [],
		verbs: {
			GET: ({ parts }) => ({ status: 200, headers: {}, body: JSON.stringify(parts) }),
			DELETE: { access: 'operate', handler: () => ({ status: 204, headers: {}, body: '' }) },
		},
	};

	test.each([
		['/custodian/things/a/parts/b', { id: 'a', part: 'b' }],
		['/custodian/things/a/parts/b/', { id: 'a', part: 'b' }],
		['/custodian/things/a%2Fb/parts/%C3%A4', { id: 'a/b', part: 'ä' }],
		['/custodian/things/__proto__/parts/x', { id: '__proto__', part: 'x' }],
		['/custodian/things//parts/b', undefined],
		['/custodian/things/a/parts', undefined],
		['/custodian/things/a/parts/b/c', undefined],
		['/custodian/things/a/other/b', undefined],
		['/custodian/things/%/parts/b', undefined],
		['/custodian/things/%FF/parts/b', undefined],
		['custodian/things/a/parts/b', undefined],
	])('%s', (asked, parts) => {
		expect(match(endpoint, asked)).toEqual(parts);
	});

	test('allows each verb to whom it is for', async () => {
		const statuses = async (verb: string) =>
			Promise.all(
				(['scrape', 'view', 'operate', 'administer'] as const).map(
					async (access) => (await ask(endpoint, '/custodian/things/a/parts/b', { verb, access })).status
				)
			);
		expect(await statuses('GET')).toEqual([403, 200, 200, 200]);
		expect(await statuses('DELETE')).toEqual([403, 403, 204, 204]);
		expect(await statuses('POST')).toEqual([403, 405, 405, 405]);
	});
});

test('a body that cannot be read is refused, and none is an empty object', async () => {
	const asking = (body: HttpRequest['body']): Promise<unknown> =>
		readBody({ body } as HttpRequest, v.strictObject({ a: v.optional(v.number('a number')) }));
	expect(await asking(async () => undefined)).toEqual({ value: {} });
	expect(await asking(async () => null)).toEqual({ value: {} });
	const broken = await asking(() => Promise.reject(new SyntaxError('Unexpected token')));
	expect(broken).toMatchObject({ refusal: { status: 400, body: expect.stringContaining('malformed_body') } });
});

test.each([
	['', 100],
	['limit=1', 1],
	['limit=1000', 1000],
	['limit=0', undefined],
	['limit=01001', undefined],
	['limit=1001', undefined],
	['limit=', undefined],
	['limit=1e2', undefined],
	['limit=-1', undefined],
])('a page by %j holds %s', (query, limit) => {
	expect(limitOf(new URLSearchParams(query))).toBe(limit);
});

test('nobody unknown reaches any of these', async () => {
	const endpoint = list!;
	const request = { verb: 'GET', path: '/custodian/snapshots', query: new URLSearchParams() };
	const rest = { header: () => undefined, body: async () => undefined, principal: { kind: 'anonymous' } as const };
	expect((await respond(endpoint, { ...request, ...rest })).status).toBe(401);
});
