import { createHash, randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blobPathOf } from '../../lib/record/blob.ts';
import { builtComponent } from '../support/component.ts';
import { admin, startHarper, type Harper } from '../support/harper.ts';
import { MqttPublisher } from '../support/mqtt.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** What a record was, as Harper itself told when it had just been written. */
interface Truth {
	readonly table: string;
	readonly id: string;
	readonly localTime: number;
	readonly value: Json;
}

interface Told {
	readonly record?: Json;
	readonly complete: boolean;
	readonly gaps: readonly unknown[];
}

const LONG = process.env['CUSTODIAN_TEST_LONG'] !== undefined;
const WANTED = LONG ? 100_000 : 3000;
/** So many are asked for by a request each. */
const BY_REQUEST = 3000;
const SEED = Number(process.env['CUSTODIAN_TEST_SEED'] ?? randomInt(1_000_000));

let harper: Harper;

beforeAll(async () => {
	harper = await startHarper({
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'chronicle', source: join(import.meta.dirname, '../support/fixtures/chronicle') },
		],
		config: { custodian: { snapshots: [] } },
		workers: 2,
	});
});

afterAll(() => harper[Symbol.asyncDispose]());

test(
	'every state that random writes of two workers have made is told as it was',
	{ timeout: LONG ? 3_600_000 : 120_000 },
	async () => {
		const workers = new Set<number>();
		let compared = 0;
		for (let round = 0; compared < WANTED; round++) {
			const truths = await play(round, workers);
			const begin = performance.now();
			expect(
				await untruths(truths, compared < BY_REQUEST ? overHttp : inWorker),
				`CUSTODIAN_TEST_SEED=${SEED}, round ${round}`
			).toEqual([]);
			compared += truths.length;
			if (LONG)
				console.log(`${compared} states equal, ${Math.round(truths.length / ((performance.now() - begin) / 1000))}/s`);
		}
		expect(workers.size).toBe(2);
	}
);

test('what REST, the operations API and MQTT have written is told as it was', async () => {
	const truths: Truth[] = [];
	const look = async () => {
		truths.push(await post<Truth>('/ChronicleLook', { table: 'Thing', id: 'outside' }));
	};
	const rest = async (method: string, body?: unknown) => {
		const init =
			body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
		const { status } = await harper.fetch('/Thing/outside', { method, ...init });
		expect(status).toBeLessThan(300);
		await look();
	};
	const operate = async (operation: string, more: object) => {
		await harper.operation({ operation, database: 'chronicle', table: 'Thing', ...more });
		await look();
	};
	await rest('PUT', { id: 'outside', name: 'one', count: 1 });
	await rest('PATCH', { count: { __op__: 'add', value: 4 } });
	await operate('update', { records: [{ id: 'outside', name: 'two' }] });
	await rest('DELETE');
	await operate('insert', { records: [{ id: 'outside', count: 7 }] });
	await operate('upsert', { records: [{ id: 'outside', tags: ['x'] }] });
	using mqtt = await MqttPublisher.connect(harper.address, admin);
	await mqtt.publish('Thing/outside', { id: 'outside', name: 'retained' }, { retain: true });
	await look();
	await mqtt.publish('Thing/outside', { name: 'passing' }, { retain: false });
	await look();
	await operate('delete', { ids: ['outside'] });
	expect(truths.map(({ value }) => (value === null ? null : (Object(value).name ?? '')))).toEqual(
		['one', 'one', 'two', null, '', '', 'retained', 'retained', null] // each was seen
	);
	expect(await untruths(truths)).toEqual([]);
	const { versions } = await get<{ versions: { type: string; operation?: string; user?: string }[] }>(
		'/custodian/records/chronicle/Thing/outside'
	);
	expect(versions.map(({ type, operation, user }) => [type, operation, user])).toEqual([
		['delete', undefined, 'admin'],
		['message', undefined, 'admin'],
		['put', undefined, 'admin'],
		['put', 'upsert', 'admin'],
		['put', 'insert', 'admin'],
		['delete', undefined, 'admin'],
		['put', 'update', 'admin'],
		['patch', undefined, 'admin'],
		['put', undefined, 'admin'],
	]);
});

/** Lets both workers write at once, and gathers what they saw, each state once. */
async function play(round: number, workers: Set<number>): Promise<readonly Truth[]> {
	const request = (part: number) => ({ seed: SEED + round * 8 + part, round, steps: 130, actors: 4 });
	const plays = Array.from({ length: 6 }, (_, part) =>
		post<{ threadId: number; truths: readonly Truth[]; refused: Readonly<Record<string, number>> }>(
			'/ChroniclePlay',
			request(part)
		)
	);
	const seen = new Map<number, Truth>();
	for (const { threadId, truths, refused } of await Promise.all(plays)) {
		workers.add(threadId);
		// A Harper that is overloaded, or stuck, would prove little.
		expect(Object.keys(refused).filter((message) => /queue/.test(message))).toEqual([]);
		for (const truth of truths) seen.set(truth.localTime, truth);
	}
	return [...seen.values()];
}

/** Where the history tells something else than the truth. */
async function untruths(truths: readonly Truth[], tell: Teller = overHttp): Promise<readonly string[]> {
	const wrong: string[] = [];
	const left = groups(truths)[Symbol.iterator]();
	const compareSome = async () => {
		for (let next = left.next(); next.done !== true; next = left.next()) {
			const told = await tell(next.value);
			for (const [index, truth] of next.value.flat().entries()) {
				const problem = await problemOf(truth, told[index]!);
				if (problem !== undefined) wrong.push(problem);
			}
		}
	};
	await Promise.all(Array.from({ length: 8 }, compareSome));
	return wrong.slice(0, 20);
}

async function problemOf(
	{ table, id, localTime, value }: Truth,
	{ record, complete, gaps }: Told
): Promise<string | undefined> {
	const truth = JSON.stringify(plain(value));
	const answer = record === undefined ? 'unknown' : JSON.stringify(plain(await withHashes(record)));
	if (truth === answer && complete) return undefined;
	return `${table} ${id} at ${localTime}: ${truth}, told ${answer} ${JSON.stringify(gaps)}`;
}

/** Asks about some records at once; answers truth by truth. */
type Teller = (records: readonly (readonly Truth[])[]) => Promise<readonly Told[]>;

async function overHttp(records: readonly (readonly Truth[])[]): Promise<readonly Told[]> {
	const told: Told[] = [];
	for (const { table, id, localTime } of records.flat()) {
		told.push(await get<Told>(`/custodian/records/chronicle/${table}/${id}?at=${localTime}`));
	}
	return told;
}

/** The same code, without a request for each moment. */
async function inWorker(records: readonly (readonly Truth[])[]): Promise<readonly Told[]> {
	const asked = records.map((truths) => ({
		table: truths[0]!.table,
		id: truths[0]!.id,
		moments: truths.map(({ localTime }) => localTime),
	}));
	return (await post<readonly (readonly Told[])[]>('/ChronicleTell', asked)).flat();
}

/** The truths of each record, some records at a time. */
function groups(truths: readonly Truth[]): readonly (readonly (readonly Truth[])[])[] {
	const byRecord = new Map<string, Truth[]>();
	for (const truth of truths) {
		const name = `${truth.table}/${truth.id}`;
		byRecord.set(name, [...(byRecord.get(name) ?? []), truth]);
	}
	const records = [...byRecord.values()];
	return Array.from({ length: Math.ceil(records.length / 40) }, (_, part) => records.slice(part * 40, part * 40 + 40));
}

/** In one order, without what means nothing: a BigInt that is zero is stored as nothing. */
function plain(value: Json): Json {
	if (typeof value !== 'object' || value === null) return value;
	if (isList(value)) return value.map(plain);
	const members = Object.entries(value).filter(
		([, member]) => !['{"$undefined":true}', '{"$bigint":"0"}'].includes(JSON.stringify(member))
	);
	return Object.fromEntries(
		members.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, plain(member)])
	);
}

/** With the hash of what each blob holds, in the record or in its file. */
async function withHashes(value: Json): Promise<Json> {
	if (typeof value !== 'object' || value === null || isList(value)) return value;
	if ('$blob' in value)
		return {
			$sha256: createHash('sha256')
				.update(await bytesOf(value['$blob']))
				.digest('hex'),
		};
	const members = Object.entries(value).map(async ([name, member]) => [name, await withHashes(member)] as const);
	return Object.fromEntries(await Promise.all(members));
}

async function bytesOf(blob: Json | undefined): Promise<Buffer> {
	const { bytes, fileId }: { bytes?: string; fileId?: string } = Object(blob);
	if (bytes !== undefined) return Buffer.from(bytes, 'base64');
	const file = await readFile(join(harper.root, 'blobs/chronicle', blobPathOf(fileId ?? '')));
	return file.subarray(8);
}

function isList(value: Json): value is readonly Json[] {
	return Array.isArray(value);
}

async function post<T>(path: string, body: unknown): Promise<T> {
	const response = await harper.fetch(path, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(body),
		signal: AbortSignal.timeout(100_000),
	});
	if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
	const answer: T = JSON.parse(await response.text());
	return answer;
}

async function get<T>(path: string): Promise<T> {
	const response = await harper.fetch(path, { headers: { connection: 'keep-alive' } });
	if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
	const answer: T = JSON.parse(await response.text());
	return answer;
}
