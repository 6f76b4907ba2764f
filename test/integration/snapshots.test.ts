import { createHash } from 'node:crypto';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { ask, endedJob, jobOf, takeSnapshots } from '../support/jobs.ts';
import { eventually } from '../support/wait.ts';

interface ShownSnapshot {
	readonly id: string;
	readonly database: string;
	readonly restorable: boolean;
	readonly pinned: boolean;
	readonly schedule?: string;
	readonly label?: string;
	readonly by?: string;
	readonly rows: number;
	readonly verification: { readonly depth: string; readonly result: string };
	readonly manifest?: {
		readonly objects: readonly {
			readonly name: string;
			readonly stored: { readonly sha256: string; readonly sizeBytes: number };
		}[];
		readonly contents: { readonly tables: readonly { readonly name: string; readonly rows: number }[] };
	};
}

let harper: Harper;

const list = async (query = '') => {
	const { body } = await ask<{ snapshots: ShownSnapshot[]; complete: boolean }>(harper, `/custodian/snapshots${query}`);
	return body.snapshots;
};

beforeAll(async () => {
	harper = await startHarper({
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'shop', source: join(import.meta.dirname, '../support/fixtures/shop') },
		],
		config: { custodian: { snapshots: [{ name: 'nightly', cron: '0 2 * * *', keep: { last: 2 } }] } },
		workers: 2,
	});
	for (let n = 0; n < 50; n++) {
		await ask(harper, `/Product/${n}`, { method: 'PUT', body: { id: String(n), name: `product ${n}`, price: n } });
	}
});

afterAll(() => harper[Symbol.asyncDispose]());

test('a schedule that never ran makes up for it at the start, of every database with a table', async () => {
	const snapshots = await eventually(
		async () => {
			const found = await list('?schedule=nightly');
			return found.length >= 3 && found;
		},
		{ describe: 'the schedule has run', timeoutMs: 60_000 }
	);
	expect(snapshots.map(({ database }) => database).toSorted()).toEqual(['custodian', 'shop', 'system']);
	const { body } = await ask<{ schedules: { next: unknown[]; record: { what: string; why?: string }[] }[] }>(
		harper,
		'/custodian/schedule'
	);
	await eventually(
		async () => {
			const again = await ask<typeof body>(harper, '/custodian/schedule');
			return again.body.schedules[0]?.record[0]?.what === 'succeeded';
		},
		{ describe: 'the success is recorded' }
	);
	expect(body.schedules[0]?.next).toHaveLength(10);
});

test('what is asked for is taken, labelled and attributed, and nothing is left where it was staged', async () => {
	const [taken] = await takeSnapshots(harper, { databases: ['shop'], label: 'before the sale', pin: true });
	const { body } = await ask<ShownSnapshot>(harper, `/custodian/snapshots/${taken?.id}`);
	expect(body).toMatchObject({
		database: 'shop',
		label: 'before the sale',
		by: 'admin',
		pinned: true,
		restorable: true,
		verification: { depth: 'checksums', result: 'good' },
	});
	expect(await readdir(join(harper.root, 'custodian/staging'))).toEqual([]);
});

describe('a download', () => {
	test("gives the object as it lies there, whole or in ranges, and what Harper's file held", async () => {
		const [taken] = await takeSnapshots(harper, { databases: ['shop'] });
		const { body } = await ask<ShownSnapshot>(harper, `/custodian/snapshots/${taken?.id}`);
		const object = body.manifest?.objects[0];
		const path = `/custodian/snapshots/${taken?.id}/download`;
		const whole = await harper.fetch(path);
		const stored = Buffer.from(await whole.arrayBuffer());
		expect(whole.status).toBe(200);
		expect(whole.headers.get('content-length')).toBe(String(object?.stored.sizeBytes));
		expect(createHash('sha256').update(stored).digest('hex')).toBe(object?.stored.sha256);
		const range = await harper.fetch(path, { headers: { range: 'bytes=10-19' } });
		expect(range.status).toBe(206);
		expect(Buffer.from(await range.arrayBuffer())).toEqual(stored.subarray(10, 20));
		const plain = await harper.fetch(`${path}?form=plain`);
		expect(Buffer.from(await plain.arrayBuffer())).toEqual(brotliDecompressSync(stored));
		expect((await harper.fetch(path, { headers: { range: 'bytes=99999999-' } })).status).toBe(416);
	});
});

test('a download of what was damaged breaks off before its end', async () => {
	const [taken] = await takeSnapshots(harper, { databases: ['shop'] });
	const id = taken?.id ?? '';
	const file = join(harper.root, 'custodian/repository', harper.address, 'shop/snapshots', id, 'data.mdb.br');
	const bytes = await readFile(file);
	bytes[500] = bytes[500]! ^ 1;
	await chmod(file, 0o600);
	await writeFile(file, bytes);
	for (const form of ['stored', 'plain']) {
		const read = harper
			.fetch(`/custodian/snapshots/${id}/download?form=${form}`)
			.then((answer) => answer.arrayBuffer());
		await expect(read).rejects.toThrow(/terminated|fetch failed|other side closed/);
	}
	expect(await jobOf(harper, `/custodian/snapshots/${id}/verify`)).toMatchObject({ error: { code: 'object_damaged' } });
	expect((await ask(harper, `/custodian/snapshots/${id}/download`)).status).toBe(409);
	expect((await list()).find((one) => one.id === id)).toMatchObject({ restorable: false });
	await ask(harper, `/custodian/snapshots/${id}?force=true`, { method: 'DELETE' });
});

test('deleting refuses what retention would keep, unless it is forced', async () => {
	const [older] = await takeSnapshots(harper, { databases: ['shop'] });
	const [newest] = await takeSnapshots(harper, { databases: ['shop'] });
	const remove = (id: string | undefined, query = '') =>
		ask<{ error?: { code: string } }>(harper, `/custodian/snapshots/${id}${query}`, { method: 'DELETE' });
	expect((await remove(older?.id)).status).toBe(200);
	const refused = await remove(newest?.id);
	expect(refused.status).toBe(409);
	expect(refused.body.error?.code).toBe('snapshot_protected');
	expect((await remove(newest?.id, '?force=true')).status).toBe(200);
	expect((await list('?database=shop')).map(({ id }) => id)).not.toContain(newest?.id);
});

test('a deep verification opens and compares', async () => {
	const [taken] = await takeSnapshots(harper, { databases: ['shop'] });
	const job = await jobOf(harper, `/custodian/snapshots/${taken?.id}/verify`, { depth: 'deep' });
	expect(job).toMatchObject({ state: 'succeeded' });
	expect((await list('?database=shop'))[0]?.verification).toMatchObject({ depth: 'deep', result: 'good' });
});

test('what pruning would do is shown with reasons, and done', async () => {
	const { body } = await ask<{ repositories: { decisions: { sentence: string }[] }[] }>(harper, '/custodian/prunes', {
		method: 'POST',
		body: { dryRun: true },
	});
	expect(body.repositories[0]?.decisions.length).toBeGreaterThan(3);
	for (const { sentence } of body.repositories[0]?.decisions ?? [])
		expect(sentence).toMatch(/ is (kept|pruned): .+\.$/);
	expect(await jobOf(harper, '/custodian/prunes')).toMatchObject({ state: 'succeeded' });
	expect(await jobOf(harper, '/custodian/reconciliations')).toMatchObject({ state: 'succeeded' });
});

test('a job that is cancelled ends soon, and leaves no snapshot and nothing staged', async () => {
	const submit = (body: object) => ask<{ id: string }>(harper, '/custodian/snapshots', { method: 'POST', body });
	const { body: first } = await submit({});
	const { body: second } = await submit({ databases: ['shop'], label: 'cancelled' });
	expect((await ask(harper, `/custodian/jobs/${second.id}`, { method: 'DELETE' })).status).toBe(202);
	expect(await endedJob(harper, second.id)).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } });
	expect(await endedJob(harper, first.id)).toMatchObject({ state: 'succeeded' });
	expect((await list()).map(({ label }) => label)).not.toContain('cancelled');
	expect(await readdir(join(harper.root, 'custodian/staging'))).toEqual([]);
	expect((await ask(harper, `/custodian/jobs/${second.id}`, { method: 'DELETE' })).status).toBe(409);
});
