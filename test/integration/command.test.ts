import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directoryRepository } from '../../lib/adapters/directory/repository.ts';
import { s3Repository } from '../../lib/adapters/s3/repository.ts';
import { custodian, jsonOf } from '../support/command.ts';
import { builtComponent } from '../support/component.ts';
import { admin, startHarper, type Harper } from '../support/harper.ts';
import { ask, takeSnapshots } from '../support/jobs.ts';
import { copyRoot } from '../support/root.ts';
import { checkout, runDirectory } from '../support/run.ts';
import { withCredentials } from '../support/s3-credentials.ts';
import { BUCKET, S3Server } from '../support/s3-server.ts';
import { changeBootId, markUnsynced } from '../support/unsynced.ts';

withCredentials();

type Contents = Readonly<Record<string, unknown>>;

interface Extracted {
	readonly databaseFile: string;
	readonly blobFiles: number;
	readonly blobDirectories: readonly { readonly index: number; readonly path: string }[];
}

let harper: Harper;
let repository: string;
let keyFile: string;
/** The ids of two snapshots, and what the database held when they were taken. */
let plain: { readonly id: string; readonly contents: Contents };
let sealed: typeof plain;
/** What the operation `get_backup` answered with, later than both. */
let backup: string;
let backedUp: Contents;

let folders = 0;
const newFolder = () => join(runDirectory(), `command-${folders++}`);

const contentsOf = async (of: Harper) => (await ask<Contents>(of, '/AlbumContents')).body;
const fill = (from: number, to: number) => ask(harper, '/AlbumFill', { method: 'POST', body: { from, to } });

async function take(): Promise<typeof plain> {
	const contents = await contentsOf(harper);
	const [taken] = await takeSnapshots(harper, { databases: ['album'], label: 'for the command' });
	return { id: taken!.id, contents };
}

beforeAll(async () => {
	harper = await startHarper({
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'album', source: join(checkout, 'test/support/fixtures/album') },
		],
		config: { custodian: { snapshots: [] } },
	});
	repository = join(harper.root, 'custodian/repository');
	await fill(0, 60);
	plain = await take();
	keyFile = newFolder();
	await writeFile(keyFile, `${'5a'.repeat(32)}\n`, { mode: 0o600 });
	await harper.restart({ config: { custodian: { snapshots: [], encryption: { keyFile } } } });
	await fill(40, 90);
	sealed = await take();
	await fill(90, 110);
	backedUp = await contentsOf(harper);
	backup = newFolder();
	await writeFile(backup, await getBackup());
	await harper.stop();
}, 240_000);

afterAll(() => harper[Symbol.asyncDispose]());

async function getBackup(): Promise<Buffer> {
	const authorization = `Basic ${Buffer.from(`${admin.username}:${admin.password}`).toString('base64')}`;
	const answer = await fetch(harper.operationsUrl, {
		method: 'POST',
		headers: { authorization, 'content-type': 'application/json', 'connection': 'close' },
		body: JSON.stringify({ operation: 'get_backup', database: 'album' }),
	});
	return Buffer.from(await answer.arrayBuffer());
}

/** A Harper on a copy of the root, with this file as its database, and these blobs alone where there are any. */
async function bootWith(databaseFile: string, blobs?: string): Promise<Harper> {
	const root = newFolder();
	await copyRoot(harper.root, root);
	await rm(join(root, 'database/album.mdb'));
	await rm(join(root, 'database/album.mdb-lock'), { force: true });
	await cp(databaseFile, join(root, 'database/album.mdb'));
	if (blobs !== undefined) {
		await rm(join(root, 'blobs/album'), { recursive: true });
		await cp(blobs, join(root, 'blobs/album'), { recursive: true });
	}
	return startHarper({ root });
}

async function filesBelow(folder: string): Promise<string[]> {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

describe('with Harper stopped', () => {
	test('there are three states to tell apart', () => {
		const counts = [plain.contents, sealed.contents, backedUp].map((contents) => Object.keys(contents).length);
		expect(counts).toEqual([120, 180, 220]);
	});

	test('list names what is there, the newest first, for people and for machines', async () => {
		const text = await custodian(['list', '--root', harper.root]);
		expect(text).toMatchObject({ exitCode: 0, complaints: '' });
		expect(text.output).toMatch(new RegExp(`^ID .*STATE\n${sealed.id} .*encrypted\n${plain.id} .*good\n$`));
		const { snapshots } = jsonOf<{ snapshots: { id: string; keyId?: string }[] }>(
			await custodian(['list', '--repository', repository, '--json'])
		);
		expect(snapshots).toMatchObject([
			{ id: sealed.id, database: 'album', keyId: expect.stringMatching(/^[\da-f]{16}$/) },
			{
				id: plain.id,
				kind: 'full',
				rows: 120,
				label: 'for the command',
				by: 'admin',
				repositories: [{ name: 'main' }],
			},
		]);
		expect(snapshots[1]).not.toHaveProperty('keyId');
		const config = join(harper.root, 'harperdb-config.yaml');
		expect((await custodian(['list', '--config', config, '--database', 'album'])).output).toBe(text.output);
		expect((await custodian(['list', '--config', config, '--database', 'other'])).output).toBe('No snapshots.\n');
	});

	test('show tells of one, table by table', async () => {
		const { exitCode, output } = await custodian(['show', plain.id, '--repository', repository]);
		expect(exitCode).toBe(0);
		expect(output).toMatch(/^Photo +60 +0 +name /m);
		expect(output).toMatch(/^Blobs +30 files, /m);
		const missing = await custodian(['show', '20200101T000000000Z-00000000', '--repository', repository, '--json']);
		expect(missing).toMatchObject({ exitCode: 1 });
		expect(jsonOf(missing)).toMatchObject({ error: { code: 'snapshot_missing' } });
	});

	test('verify reads all of it, opens it where it has the key, and writes nothing', async () => {
		const before = (await filesBelow(repository)).toSorted();
		const all = await custodian(['verify', '--all', '--deep', '--key-file', keyFile, '--repository', repository]);
		expect(all).toMatchObject({ exitCode: 0, complaints: '' });
		expect(all.output).toContain('2 of 2 are good');
		const keyless = await custodian(['verify', sealed.id, '--deep', '--repository', repository]);
		expect(keyless).toMatchObject({ exitCode: 3 });
		expect(keyless.output).toContain('--key-file');
		expect(await custodian(['verify', sealed.id, '--repository', repository])).toMatchObject({ exitCode: 0 });
		expect((await filesBelow(repository)).toSorted()).toEqual(before);
	});

	test.each(['plain', 'sealed'] as const)(
		'extract gives back a database that boots on another machine, every row and every blob of it: %s',
		async (which) => {
			const { id, contents } = { plain, sealed }[which];
			const to = newFolder();
			const words = ['extract', id, '--to', to, '--key-file', keyFile, '--repository', repository];
			const ran = await custodian([...words, '--json']);
			expect(ran).toMatchObject({ exitCode: 0, complaints: '' });
			const { databaseFile, blobDirectories, blobFiles } = jsonOf<Extracted>(ran);
			expect(databaseFile).toBe(join(to, 'album.mdb'));
			expect(blobDirectories).toEqual([{ index: 0, path: join(to, 'blobs/album') }]);
			expect(await readdir(to)).toEqual(expect.arrayContaining(['album.mdb', 'blobs']));
			for (const file of await filesBelow(to)) expect((await stat(file)).mode & 0o777).toBe(0o600);
			expect(await filesBelow(to)).toHaveLength(1 + blobFiles);
			// Nothing is replaced.
			expect(await custodian(words)).toMatchObject({ exitCode: 2 });

			await changeBootId(databaseFile);
			await using restored = await bootWith(databaseFile, blobDirectories[0]!.path);
			expect(await contentsOf(restored)).toEqual(contents);
		}
	);

	test('extract says what to do next, and leaves blobs out where they are not wanted', async () => {
		const to = newFolder();
		const { exitCode, output } = await custodian([
			'extract',
			plain.id,
			'--database-only',
			'--to',
			to,
			'--repository',
			repository,
		]);
		expect(exitCode).toBe(0);
		expect(output).toContain(`Move ${to}/album.mdb to <root>/database/album.mdb.`);
		expect(output).toContain('30 blob files were left out');
		expect(await readdir(to)).toEqual(['album.mdb']);
	});

	test('what is damaged or lost is told by verify, and not extracted', async () => {
		const damaged = newFolder();
		await cp(repository, damaged, { recursive: true });
		const files = await filesBelow(damaged);
		const blobs = files.find((file) => file.includes(plain.id) && file.includes('blobs.'))!;
		const bytes = await readFile(blobs);
		bytes[bytes.length >> 1]! ^= 1;
		await writeFile(blobs, bytes);
		await rm(files.find((file) => file.includes(sealed.id) && file.includes('data.'))!);
		const verified = await custodian(['verify', '--all', '--repository', damaged, '--json']);
		expect(verified.exitCode).toBe(1);
		expect(jsonOf(verified)).toMatchObject({
			verified: [
				{ id: sealed.id, result: 'bad', error: { code: 'object_missing' } },
				{ id: plain.id, result: 'bad', error: { code: 'object_damaged' } },
			],
		});
		expect((await custodian(['list', '--repository', damaged])).output).toMatch(/ damaged, encrypted$/m);
		const to = newFolder();
		expect(await custodian(['extract', plain.id, '--to', to, '--repository', damaged])).toMatchObject({ exitCode: 1 });
		expect(await readdir(to)).toEqual([]);
	});

	test('a place that is no repository, or is not there, is told and never made one', async () => {
		const empty = newFolder();
		await mkdir(empty);
		expect(await custodian(['list', '--repository', empty])).toMatchObject({ exitCode: 3 });
		expect(await readdir(empty)).toEqual([]);
		expect(await custodian(['list', '--repository', join(empty, 'gone')])).toMatchObject({ exitCode: 3 });
		expect(await custodian(['list', '--config', keyFile])).toMatchObject({ exitCode: 2 });
	});

	test('a repository that lost its marker is read all the same', async () => {
		const lost = newFolder();
		await cp(repository, lost, { recursive: true });
		await rm(join(lost, 'custodian.json'));
		expect(await custodian(['verify', plain.id, '--repository', lost])).toMatchObject({ exitCode: 0 });
		expect(await readdir(lost)).not.toContain('custodian.json');
	});
});

describe('of a bucket', () => {
	let store: S3Server;
	let place: readonly string[];
	let env: Readonly<Record<string, string>>;

	beforeAll(async () => {
		store = await S3Server.start();
		const { endpoint } = store;
		const [from, to] = [
			directoryRepository(repository),
			s3Repository({ bucket: BUCKET, prefix: 'nodes', endpoint, pathStyle: true }),
		];
		for await (const { key } of from.list('')) await to.write(key, from.read(key));
		place = ['--repository', `s3://${BUCKET}/nodes`, '--endpoint', endpoint, '--path-style', '--region', 'us-east-1'];
		env = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };
	});
	afterAll(() => store.stop());

	test('list and extract do the same', async () => {
		const [listed, local] = [
			await custodian(['list', ...place], { env }),
			await custodian(['list', '--repository', repository]),
		];
		expect(listed).toMatchObject({ exitCode: 0, output: local.output });
		const [to, beside] = [newFolder(), newFolder()];
		const words = ['extract', sealed.id, '--key-file', keyFile];
		expect(await custodian([...words, '--to', to, ...place], { env })).toMatchObject({ exitCode: 0 });
		await custodian([...words, '--to', beside, '--repository', repository]);
		const [files, same] = [await filesBelow(to), await filesBelow(beside)];
		expect(files.map((file) => file.slice(to.length)).toSorted()).toEqual(
			same.map((file) => file.slice(beside.length)).toSorted()
		);
		for (const file of files) {
			expect((await readFile(file)).equals(await readFile(beside + file.slice(to.length)))).toBe(true);
		}
		expect(store.requests.filter((request) => /^(?:POST|DELETE)/.test(request))).toEqual([]);
	});

	test('a bucket that is not there, and credentials that are missing, are told', async () => {
		const elsewhere = place.with(1, 's3://nowhere/at-all');
		expect(await custodian(['list', ...elsewhere], { env })).toMatchObject({ exitCode: 3 });
		const without = { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent' };
		expect(await custodian(['list', ...place], { env: without })).toMatchObject({ exitCode: 3 });
	});

	test('an interrupted extraction leaves nothing behind', async () => {
		const to = newFolder();
		let pid = 0;
		store.trouble = async ({ method, url = '' }) => {
			if (method !== 'GET' || !url.includes('/blobs.tar')) return false;
			process.kill(pid, 'SIGINT');
			return new Promise<boolean>(() => undefined);
		};
		const words = ['extract', plain.id, '--to', to, ...place];
		const ran = await custodian(words, { env, onStart: (started) => (pid = started) });
		expect(ran).toMatchObject({ exitCode: 130, output: '' });
		expect(ran.complaints).toContain('Interrupted');
		expect(await readdir(to)).toEqual([]);
	});
});

describe("a file of Harper's get_backup", () => {
	test('that would not survive is told, mended, and boots on another machine with all its tables', async () => {
		const unsafe = newFolder();
		await cp(backup, unsafe);
		await markUnsynced(unsafe);
		const checked = await custodian(['check-backup', unsafe]);
		expect(checked).toMatchObject({ exitCode: 1 });
		expect(checked.output).toContain('WOULD NOT SURVIVE');
		const mended = await custodian(['check-backup', unsafe, '--mend', '--json']);
		expect(mended).toMatchObject({ exitCode: 0 });
		expect(jsonOf(mended)).toMatchObject({ survives: false, mended: `${unsafe}.mended` });
		expect(await custodian(['check-backup', `${unsafe}.mended`])).toMatchObject({ exitCode: 0 });
		expect(await custodian(['check-backup', unsafe, '--mend'])).toMatchObject({ exitCode: 2 });
		await changeBootId(`${unsafe}.mended`);
		await using restored = await bootWith(`${unsafe}.mended`);
		expect(await contentsOf(restored)).toEqual(backedUp);
	});

	test('that is missing or none at all is told', async () => {
		expect(await custodian(['check-backup', newFolder()])).toMatchObject({ exitCode: 1 });
		expect(await custodian(['check-backup', keyFile])).toMatchObject({ exitCode: 1 });
	});
});
