import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Change } from '../../lib/audit/change.ts';
import { applyChange, NEVER_WAS, recordOf } from '../../lib/audit/replay.ts';
import { fromTagged, toTagged, type Json } from '../../lib/record/tagged.ts';
import { builtComponent } from '../support/component.ts';
import { admin, startHarper, type Credentials, type Harper } from '../support/harper.ts';
import { ask } from '../support/jobs.ts';
import { checkout, long } from '../support/run.ts';
import { eventually } from '../support/wait.ts';

/** Values are tagged JSON; blobs are told by their size and type. */
type Values = Readonly<Record<string, Json>>;

interface Write {
	readonly table?: string;
	readonly verb: 'put' | 'patch' | 'delete' | 'publish' | 'invalidate';
	readonly id: Json;
	readonly values?: Json;
	readonly user?: string;
	readonly timestamp?: number;
	readonly expiresAt?: number;
}

interface Truth {
	readonly version?: number;
	readonly localTime?: number;
	readonly expiresAt?: number;
	readonly values?: Values | null;
}

type ShownChange = Omit<Change, 'id' | 'values'> & { readonly id: Json; readonly values?: Values };

interface ShownRecord {
	readonly live?: Truth & { readonly isInvalidated: boolean };
	readonly harper: Truth;
	readonly changes: readonly ShownChange[];
	readonly beginsWithCreation: boolean;
}

interface ShownPage {
	readonly entries: readonly {
		readonly id: Json;
		readonly table: string;
		readonly type: string;
		readonly localTime: number;
		readonly transaction: number;
		readonly values?: Values;
	}[];
	readonly gaps: readonly { readonly reason: string; readonly table?: string }[];
	readonly next?: string;
}

interface ShownLog {
	readonly databases: readonly string[];
	readonly tables: readonly { readonly name: string; readonly tableId: number }[];
	readonly thisNode: string;
	readonly otherNode?: string;
	readonly removedUntil?: number;
	readonly changes: readonly ShownChange[];
}

let harper: Harper;

beforeAll(async () => {
	harper = await startHarper({
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'diary', source: join(checkout, 'test/support/fixtures/diary') },
		],
		workers: 2,
	});
});
afterAll(() => harper[Symbol.asyncDispose]());

const LONG = 'It was the best of times, it was the worst of times. '.repeat(400);
const everyKind: Json = {
	name: 'one',
	size: 1,
	big: { $bigint: '12345678901234567890' },
	at: { $date: 1.7e12 },
	bytes: { $bytes: 'AQID' },
	note: { deep: [1, { x: null }, { $map: [[1, { $date: 5 }]] }], text: LONG },
};
const put = (id: Json, values: Json, rest: Partial<Write> = {}): Write => ({ verb: 'put', id, values, ...rest });
const patch = (id: Json, values: Json, rest: Partial<Write> = {}): Write => ({ verb: 'patch', id, values, ...rest });
const remove = (id: Json, rest: Partial<Write> = {}): Write => ({ verb: 'delete', id, ...rest });
const add = (value: Json): Json => ({ __op__: 'add', value });

/** Each step is one transaction; all of them write the record that the first one begins with. */
const histories: Readonly<Record<string, (id: Json) => readonly (readonly Write[])[]>> = {
	'values of every kind, and additions': (id) => [
		[put(id, everyKind)],
		[patch(id, { size: add(5) })],
		[patch(id, { size: add(-7), big: null })],
		[put(id, { name: 'less' })],
	],
	'a patch that says null': (id) => [[put(id, { name: 'one', note: 1 })], [patch(id, { note: null })]],
	'deleted and made again': (id) => [
		[put(id, everyKind)],
		[remove(id)],
		[remove(id)],
		[put(id, { name: 'again' })],
		[patch(id, { size: 2 })],
	],
	'patched into being': (id) => [[patch(id, { size: add(5) })], [patch(id, { name: 'n' })]],
	'deleted before it was': (id) => [[remove(id)], [put(id, { name: 'then' })]],
	'messages': (id) => [
		[{ verb: 'publish', id, values: { name: 'only a message' } }],
		[put(id, { name: 'then' })],
		[{ verb: 'publish', id, values: { name: 'another' } }],
		[patch(id, { size: 1 })],
	],
	'invalidated': (id) => [
		[put(id, { name: 'n', size: 1, note: 'gone' })],
		[{ verb: 'invalidate', id }],
		[patch(id, { size: 3 })],
		[{ verb: 'invalidate', id }],
		[put(id, { name: 'whole', note: 'new' })],
	],
	'blobs within and beside the record': (id) => [
		[put(id, { name: 'b', picture: { fill: 1, size: 300 } })],
		[patch(id, { picture: { fill: 2, size: 30_000 } })],
		[patch(id, { name: 'c' })],
		[remove(id)],
	],
	'expiring': (id) => [
		[put(id, { name: 'e' }, { expiresAt: 4e12 })],
		[patch(id, { size: 1 })],
		[patch(id, { size: 2 }, { expiresAt: 4.1e12 })],
		[put(id, { size: 2 })],
	],
	'several tables in one transaction': (id) => [
		[put(id, { name: 'm' }), put(id, { name: 'm' }, { table: 'Mirror' })],
		[patch(id, { name: 'n' }), remove(id, { table: 'Mirror' })],
	],
};

describe('the audit log of a real Harper', () => {
	describe.each(Object.entries(histories))('%s', (name, steps) => {
		test('every state follows from the chain of changes, and the present one is read as Harper reads it', async () => {
			expect(await untruths(steps(name))).toEqual([]);
		});
	});

	test.each([
		['Numbered', 7, { text: LONG }],
		['Numbered', -3, { text: 'x' }],
		['Pair', ['a', 1], { value: { $map: [[1, 2]] } }],
		['Pair', ['a', { $bigint: '9007199254740993' }, true, null, 'z'], { value: [1, 'two'] }],
		['Pair', 'ünï/code?', { value: { $number: 'NaN' } }],
		['Stamped', 'st', { name: 'stamped' }],
	] as const)('%s: a record whose id is %j', async (table, id, values) => {
		const steps = [
			[put(id, values, { table })],
			[patch(id, values, { table })],
			[remove(id, { table })],
			[put(id, values, { table })],
		];
		expect(await untruths(steps)).toEqual([]);
	});

	test('whatever is written, late or several times in one transaction, every state follows from the chain', async () => {
		for (let n = 0; n < 100; n++) expect(await untruths(randomHistory(`random-${n}`, n))).toEqual([]);
	});

	test('an entry says who wrote, when, and by which operation', async () => {
		for (const operation of ['insert', 'update', 'upsert']) {
			await harper.operation({
				operation,
				database: 'diary',
				table: 'Mirror',
				records: [{ id: 'op', name: operation }],
			});
		}
		await harper.operation({ operation: 'delete', database: 'diary', table: 'Mirror', ids: ['op'] });
		const { changes, live } = await recordOfHarper('Mirror', 'op');
		expect(changes.map(({ action, operation, user, nodeId }) => [action, operation, user, nodeId])).toEqual([
			['put', 'insert', 'admin', 0],
			['put', 'update', 'admin', 0],
			['put', 'upsert', 'admin', 0],
			['delete', undefined, 'admin', 0],
		]);
		expect(live?.values).toBeNull();
	});

	test('no entry is lost to the chain while two workers write the same records', async () => {
		const ids = ['rush-1', 'rush-2', 'rush-3'];
		await write(ids.map((id) => [put(id, { size: 0 })]));
		const rush = () => ask<{ threadId: number }>(harper, '/DiaryRush', { method: 'POST', body: { rounds: 30, ids } });
		const threads = await Promise.all(Array.from({ length: 8 }, rush));
		expect(new Set(threads.map(({ body }) => body.threadId)).size).toBe(2);
		const { changes } = await logOf();
		for (const id of ids) {
			const record = await recordOfHarper('Page', id);
			expect(record.changes).toHaveLength(241);
			expect(changes.filter((change) => change.id === id)).toHaveLength(241);
			expect(stateOf(record.changes)).toEqual(record.harper.values);
			expect(record.beginsWithCreation).toBe(true);
		}
	});

	test('rows come in the order of their arrival, or against it, and both bounds count', async () => {
		const { changes } = await logOf();
		const times = changes.map(({ localTime }) => localTime);
		expect(times).toEqual([...times].sort((a, b) => a - b));
		expect(times.length).toBeGreaterThan(100);
		const [from, to] = [times[10]!, times[20]!];
		const within = await logOf({ from, to });
		expect(within.changes.map(({ localTime }) => localTime)).toEqual(times.slice(10, 21));
		const against = await logOf({ from, to, newestFirst: true });
		expect(against.changes.map(({ localTime }) => localTime)).toEqual(times.slice(10, 21).toReversed());
		expect((await logOf({ from: to, to: from })).changes).toEqual([]);
	});

	test('tables and nodes have their names, and what logs nothing has no log', async () => {
		const { databases, tables, thisNode, otherNode } = await logOf();
		expect(databases).toEqual(expect.arrayContaining(['diary', 'system']));
		expect(databases).not.toContain('quiet');
		const about = { tableId: undefined, isAudited: true, isCaching: false, primaryKey: 'id' };
		expect(tables.map((table) => ({ ...table, tableId: undefined }))).toEqual([
			{ ...about, name: 'Mirror', primaryKeyType: 'ID' },
			{ ...about, name: 'Numbered', primaryKeyType: 'Int' },
			{ ...about, name: 'Page', primaryKeyType: 'ID' },
			{ ...about, name: 'Pair', primaryKeyType: 'Any' },
			{ ...about, name: 'Silent', primaryKeyType: 'ID', isAudited: false },
			{ ...about, name: 'Stamped', primaryKeyType: 'ID', updatedTime: 'changed', createdTime: 'made' },
		]);
		expect([thisNode, otherNode]).toEqual([harper.address, undefined]);
		expect(Object.keys(await logOf({ database: 'quiet' }))).toEqual(['databases']);
	});

	test('a record of a table without a log is there, and says of no entry', async () => {
		await write([[put('s', { name: 'silent' }, { table: 'Silent' })]]);
		const { live, changes } = await recordOfHarper('Silent', 's');
		expect(live).toMatchObject({ values: { id: 's', name: 'silent' } });
		expect(live).not.toHaveProperty('localTime');
		expect(changes).toEqual([]);
	});

	test.each([
		['never', 'Page'],
		['x'.repeat(900), 'Page'],
		[8, 'Numbered'],
	])('a record that never was (%.10s) is nothing at all', async (id, table) => {
		expect(await recordOfHarper(table, id)).toMatchObject({ changes: [], harper: {} });
		expect(await recordOfHarper(table, id)).not.toHaveProperty('live');
	});

	describe('over HTTP', () => {
		const shown = async <T = ShownPage>(path: string, user: Credentials = admin): Promise<{ status: number } & T> => {
			const { status, body } = await ask<T>(harper, `/custodian/audit/${path}`, { user });
			return { ...body, status };
		};

		test('pages, streams and summaries hold every entry that the log has', async () => {
			const { changes } = await logOf();
			const times = changes.map(({ localTime }) => localTime);
			const paged: number[] = [];
			let next: string | undefined;
			do {
				const page = await shown(`diary?order=oldest&limit=1000${next === undefined ? '' : `&cursor=${next}`}`);
				expect(page).toMatchObject({ status: 200, gaps: [{ reason: 'table_not_logged', table: 'Silent' }] });
				paged.push(...page.entries.map(({ localTime }) => localTime));
				({ next } = page);
			} while (next !== undefined);
			expect(paged).toEqual(times);
			const lines = (await (await harper.fetch('/custodian/audit/diary?format=ndjson')).text()).trimEnd().split('\n');
			const streamed = lines.map((line) => JSON.parse(line));
			expect(streamed.at(-1)).toMatchObject({ end: { entries: times.length, complete: false } });
			expect(streamed.slice(0, -1).map(({ localTime }) => localTime)).toEqual(times.toReversed());
			const csv = await (
				await harper.fetch('/custodian/audit/diary/Numbered', { headers: { accept: 'text/csv' } })
			).text();
			expect(csv).toMatch(/^at,localTime,(?:.*\r\n)+,,,,,end,,,,,"\{.*\}"\r\n$/);
			const { groups } = await shown<{ groups: { key: string; entries: number }[] }>('diary?group=table');
			expect(groups.reduce((sum, { entries }) => sum + entries, 0)).toBe(times.length);
		});

		test('filters and ids of every kind come through', async () => {
			const pair = encodeURIComponent(JSON.stringify(['a', 1]));
			const typesOf = async (path: string) => (await shown(path)).entries.map(({ type }) => type);
			const all = ['put', 'delete', 'patch', 'put'];
			expect(await typesOf(`diary/Pair/${pair}`)).toEqual(all);
			expect(await typesOf(`diary/Pair?id=${pair}`)).toEqual(all);
			expect(await typesOf(`diary/Pair/${encodeURIComponent('ünï/code?')}`)).toEqual(all);
			expect(await typesOf('diary/Numbered/7')).toEqual(all);
			expect(await typesOf('diary/Numbered/-3?order=oldest&since=-1h&until=now')).toEqual(all.toReversed());
			expect(await typesOf('diary/Mirror/op?type=put&type=delete&user=admin&operation=update')).toEqual(['put']);
			expect(await typesOf(`diary/Mirror/op?node=${harper.address}&since=${Date.now() - 3_600_000}`)).toHaveLength(4);
			// One of the puts took the attribute away.
			expect(await typesOf('diary/Page?field=big&user=writer')).toEqual(['put', 'put', 'patch', 'put']);
			const [entry] = (await shown('diary/Page?id=several%20tables%20in%20one%20transaction&type=put')).entries;
			const both = await shown(`diary?transaction=${entry!.transaction}`);
			expect(both.entries.map(({ table }) => table)).toEqual(['Mirror', 'Page']);
		});

		test('a viewer sees what the role may read; a scraper and anybody else see nothing', async () => {
			const tables = {
				Mirror: { read: true, insert: false, update: false, delete: false, attribute_permissions: [] },
				Stamped: {
					read: true,
					insert: false,
					update: false,
					delete: false,
					attribute_permissions: [{ attribute_name: 'made', read: true, insert: false, update: false }],
				},
			};
			const seen: Record<string, Credentials> = {};
			for (const custodian of ['viewer', 'scraper']) {
				const permission = { super_user: false, diary: { tables } };
				await harper.operation({ operation: 'add_role', role: custodian, permission, access: { custodian } });
				seen[custodian] = { username: custodian, password: 'pw' };
				await harper.operation({ operation: 'add_user', role: custodian, active: true, ...seen[custodian] });
			}
			const whole = await shown('diary', seen['viewer']);
			expect(new Set(whole.entries.map(({ table }) => table))).toEqual(new Set(['Mirror', 'Stamped']));
			const { entries } = await shown('diary/Stamped/st', seen['viewer']);
			expect(Object.keys(entries.at(-1)!.values!).sort()).toEqual(['id', 'made']);
			const [page, nowhere] = [await shown('diary/Page', seen['viewer']), await shown('nowhere', seen['viewer'])];
			expect(page).toEqual(nowhere);
			expect(page.status).toBe(404);
			expect((await shown('system', seen['viewer'])).status).toBe(404);
			expect((await shown('diary/Mirror', seen['scraper'])).status).toBe(403);
			expect((await harper.fetch('/custodian/audit/diary', { user: null })).status).toBe(401);
		});

		test('nothing secret of the database system is shown, to super users neither', async () => {
			const users = await shown('system/hdb_user?order=oldest');
			expect(users.entries.map(({ id }) => id)).toEqual(expect.arrayContaining(['admin', 'viewer']));
			for (const { values = {} } of users.entries) {
				expect(Object.keys(values)).not.toEqual(expect.arrayContaining([expect.stringMatching(/password|hash|token/)]));
			}
			const text = await (await harper.fetch('/custodian/audit/system?format=ndjson')).text();
			expect(text).not.toMatch(/argon2|refresh_token|"password"/);
			expect((await shown('system/hdb_session')).status).toBe(404);
		});

		test('what somebody has deleted from the log is missed', async () => {
			await write([[put('kept', { name: 'a' }, { table: 'Mirror' })]]);
			await write([[patch('kept', { name: 'b' }, { table: 'Mirror' })]]);
			const { entries, gaps } = await shown('diary/Mirror/kept');
			expect(gaps).toEqual([]);
			// What came before this one is deleted. The clock of the test may be behind that of the log.
			const timestamp = entries[0]?.localTime;
			const about = {
				operation: 'delete_audit_logs_before',
				database: 'diary',
				schema: 'diary',
				table: 'Mirror',
				timestamp,
			};
			await harper.operation(about);
			const gone = await eventually(
				async () => {
					const answer = await shown('diary/Mirror/kept');
					return answer.entries.length === 1 && answer;
				},
				{ describe: 'the entries of the table are deleted' }
			);
			expect(gone.gaps.map(({ reason }) => reason)).toEqual(['removed_without_mark', 'history_cut_off']);
		});
	});

	test('nothing has been removed until something is', async () => {
		expect(await logOf()).not.toHaveProperty('removedUntil');
	});
});

/** The same one each time. Of the four kinds, two have late writes and two have transactions of several. */
function randomHistory(id: Json, seed: number): readonly (readonly Write[])[] {
	let state = seed * 7919 + 1;
	const random = (below: number) => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return Math.floor((state / 2 ** 32) * below);
	};
	const attributes = {
		name: () => `n${random(100)}`,
		size: () => random(100),
		note: () => random(9),
		other: () => null,
	};
	const some = (isPatch: boolean): Json =>
		Object.fromEntries(
			Object.entries(attributes).flatMap(([name, value]) =>
				random(2) === 0 ? [] : [[name, isPatch && name === 'size' && random(2) === 0 ? add(random(50)) : value()]]
			)
		);
	const isLate = seed % 2 === 1;
	const atMost = seed % 4 >= 2 ? 3 : 1;
	const verbs = ['patch', 'patch', 'patch', 'delete', 'publish', 'invalidate', isLate ? 'patch' : 'put'] as const;
	return Array.from({ length: 8 }, (_, step) => {
		const timestamp = isLate ? 1.78e12 + random(1000) * 100 : undefined;
		return Array.from({ length: 1 + random(atMost) }, (__, place): Write => {
			const verb = step + place === 0 ? 'put' : verbs[random(verbs.length)]!;
			// What has been put cannot be added to within one transaction.
			const values = verb === 'put' || verb === 'patch' ? some(verb === 'patch' && atMost === 1) : { name: 'm' };
			return { verb, id, ...(verb === 'delete' || verb === 'invalidate' ? {} : { values }), timestamp };
		});
	});
}

test.runIf(long)(
	'what retention has removed is missed, and said to be',
	async () => {
		await using short = await startHarper({
			components: [
				{ name: 'harper-custodian', source: builtComponent() },
				{ name: 'diary', source: join(checkout, 'test/support/fixtures/diary') },
			],
			config: { logging: { auditRetention: '3s' } },
		});
		const writeTo = (one: object) => ask(short, '/DiaryWrite', { method: 'POST', body: { steps: [[one]] } });
		await writeTo({ table: 'Page', verb: 'put', id: 'old', values: { name: 'old' } });
		await writeTo({ table: 'Page', verb: 'put', id: 'gone', values: { name: 'gone' } });
		await writeTo({ table: 'Page', verb: 'delete', id: 'gone' });
		const removed = await eventually(
			async () => {
				const { body } = await ask<ShownPage>(short, '/custodian/audit/diary');
				return body.entries.length === 0 && body;
			},
			{ describe: 'retention has removed the entries', timeoutMs: 90_000, intervalMs: 1000 }
		);
		expect(removed.gaps.map(({ reason }) => reason)).toEqual(['removed_by_retention', 'table_not_logged']);
		await writeTo({ table: 'Page', verb: 'patch', id: 'old', values: { size: 1 } });
		const { body } = await ask<ShownPage>(short, '/custodian/audit/diary/Page/old');
		expect(body.entries.map(({ type }) => type)).toEqual(['patch']);
		expect(body.gaps.map(({ reason }) => reason)).toEqual(['removed_by_retention', 'history_cut_off']);
		const recent = await ask<ShownPage>(short, '/custodian/audit/diary/Page?since=-2s');
		expect(recent.body.gaps).toEqual([]);
		const gone = { method: 'POST', body: { table: 'Page', id: 'gone' } };
		expect((await ask<ShownRecord>(short, '/DiaryRecord', gone)).body).not.toHaveProperty('live');
	},
	180_000
);

/** Writes, and compares what follows from the log with what Harper held after each step, and holds now. */
async function untruths(steps: readonly (readonly Write[])[]): Promise<readonly string[]> {
	const { id, table = 'Page' } = steps[0]![0]!;
	const all = await write(steps);
	// Of each step, what the last write to this record left.
	const truths = steps.map((writes) => {
		const ofStep = all.splice(0, writes.length);
		return ofStep.findLast((truth) => truth.table === table)!;
	});
	const { live, harper: present, changes, beginsWithCreation } = await recordOfHarper(table, id);
	const [version, localTime, expiresAt, values] = [
		present.version,
		present.localTime,
		present.expiresAt,
		present.values,
	];
	const pairs: [string, unknown, unknown][] = [
		['begins with its creation', beginsWithCreation, true],
		['the present', { ...live, isInvalidated: undefined }, { version, localTime, expiresAt, values }],
	];
	for (const [step, truth] of truths.entries()) {
		const arrived = changes.filter((change) => change.localTime <= truth.localTime!);
		pairs.push([`after step ${step}`, stateOf(arrived), truth.values]);
	}
	return pairs.flatMap(([what, ours, theirs]) =>
		isDeepStrictEqual(plain(ours), plain(theirs))
			? []
			: [`${what}: ${JSON.stringify(ours)} is ${JSON.stringify(theirs)}`]
	);
}

function plain(value: unknown): unknown {
	return value === undefined ? undefined : withoutUndefined(JSON.parse(JSON.stringify(value)));
}

/** An attribute that is undefined is as one that is not there: Harper itself writes now this, now that. */
function withoutUndefined(value: unknown): unknown {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
	const entries = Object.entries(value).filter(([, member]) => !Object.hasOwn(Object(member), '$undefined'));
	return Object.fromEntries(entries.map(([name, member]) => [name, withoutUndefined(member)]));
}

/** What follows from changes, tagged as Harper's records are here. */
function stateOf(changes: readonly ShownChange[]): Json {
	const state = changes.reduce((before, { id, values, ...change }) => {
		const read = Object.fromEntries(Object.entries(values ?? {}).map(([name, value]) => [name, fromTagged(value)]));
		// An id is a key wherever it was read as one.
		return applyChange(before, { ...change, id: fromTagged(id) as string, values: values && read });
	}, NEVER_WAS);
	return toTagged(recordOf(state));
}

async function write(steps: readonly (readonly Write[])[]): Promise<(Truth & { readonly table: string })[]> {
	const full = steps.map((writes) => writes.map((one) => ({ table: 'Page', ...one })));
	type Answer = { readonly truths: (Truth & { readonly table: string })[] };
	return (await ask<Answer>(harper, '/DiaryWrite', { method: 'POST', body: { steps: full } })).body.truths;
}

async function recordOfHarper(table: string, id: Json): Promise<ShownRecord> {
	return (await ask<ShownRecord>(harper, '/DiaryRecord', { method: 'POST', body: { table, id } })).body;
}

async function logOf(body: object = {}): Promise<ShownLog> {
	return (await ask<ShownLog>(harper, '/DiaryLog', { method: 'POST', body })).body;
}
