import {
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	statfsSync,
	truncateSync,
	unlinkSync,
	writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { builtComponent } from '../support/component.ts';
import { startHarper, type Harper, type HarperOptions } from '../support/harper.ts';
import { ask, endedJob, jobOf, takeSnapshots, type ShownJob, type ShownSnapshot } from '../support/jobs.ts';
import { fillLedger, ledger } from '../support/ledger.ts';
import { bind, mountDisk, resizeDisk, unmount, whyNoMounts } from '../support/mounts.ts';
import { filesIn, orphansIn } from '../support/repository-files.ts';
import { long, runDirectory } from '../support/run.ts';
import { answerError, BUCKET, S3Server, type Trouble } from '../support/s3-server.ts';
import { eventually } from '../support/wait.ts';

interface Catalogue {
	readonly snapshots: readonly ShownSnapshot[];
	readonly complete: boolean;
	readonly unread?: readonly { readonly place: string; readonly reason: string }[];
}

let harper: Harper;

const starting = async (rows: number, custodian: object, options: HarperOptions = {}) => {
	harper = await startHarper({
		components: [{ name: 'harper-custodian', source: builtComponent() }, ledger],
		config: { custodian: { snapshots: [], verifyWithin: false, ...custodian } },
		workers: 2,
		...options,
	});
	await fillLedger(harper, rows, 1500);
};
const catalogue = async () => (await ask<Catalogue>(harper, '/custodian/snapshots?limit=1000')).body;
const ids = async () => (await catalogue()).snapshots.map(({ id }) => id);
const shown = async (id: string) => (await catalogue()).snapshots.find((snapshot) => snapshot.id === id);
const take = async () => (await takeSnapshots(harper, { databases: ['ledger'] }))[0]!;
const tryToTake = () => jobOf(harper, '/custodian/snapshots', { databases: ['ledger'] });
const beginToTake = async () => {
	const request = { method: 'POST', body: { databases: ['ledger'] } };
	return (await ask<ShownJob>(harper, '/custodian/snapshots', request)).body.id;
};
const verify = (id: string, depth = 'deep') => jobOf(harper, `/custodian/snapshots/${id}/verify`, { depth });
const staging = () => join(harper.root, 'custodian/staging');

/** Failed, and an operator can tell by what and what to do. */
const failure = (code: string) => ({
	state: 'failed',
	error: { code, message: expect.stringMatching(/\.$/), hint: expect.stringMatching(/\w+ .*\.|openssl/) },
});

const whyNot = whyNoMounts();
if (whyNot !== undefined) console.warn(`Full and vanishing disks are not tested: ${whyNot}.`);

describe.skipIf(whyNot !== undefined)('a disk', () => {
	let disk: string;
	let mounted: string;
	let second: string;

	beforeAll(async () => {
		const directory = await mkdtemp(join(runDirectory(), 'disks-'));
		[disk, mounted, second] = [join(directory, 'disk'), join(directory, 'mounted'), join(directory, 'second')];
		mountDisk(disk, '400m');
		bind(disk, mounted);
		await starting(2500, { repository: { directory: mounted } });
		mountDisk(staging(), '800m');
	});
	// What a test that failed left broken must not fail the next one.
	afterEach(() => {
		unmount(mounted);
		bind(disk, mounted);
		resizeDisk(disk, '400m');
		resizeDisk(staging(), '800m');
	});
	afterAll(async () => {
		for (const place of [mounted, disk, staging()]) unmount(place);
		await harper[Symbol.asyncDispose]();
	});

	test('that is full below the repository fails the snapshot, and leaves what was there', async () => {
		const { id } = await take();
		const before = filesIn(mounted);
		resizeDisk(disk, `${Math.ceil(usedBytes(disk) / 1e6) + 2}m`);
		expect(await tryToTake()).toMatchObject(failure('repository_full'));
		expect(filesIn(mounted)).toEqual(before);
		expect(readdirSync(staging())).toEqual([]);
		expect(await verify(id, 'checksums')).toMatchObject({ state: 'succeeded' });
		resizeDisk(disk, '400m');
		await take();
	});

	test('that is taken away while a snapshot is stored is neither written beside nor forgotten', async () => {
		const before = await ids();
		const job = await beginToTake();
		await eventually(() => readdirSync(join(mounted, '.incoming')).length > 0, {
			describe: 'it is being stored',
			intervalMs: 1,
		});
		unmount(mounted);
		expect(await endedJob(harper, job)).toMatchObject(failure('repository_unreachable'));
		expect(await tryToTake()).toMatchObject(failure('repository_unreachable'));
		expect(readdirSync(mounted)).toEqual([]);
		expect(readdirSync(staging())).toEqual([]);
		expect(await catalogue()).toMatchObject({ snapshots: [], complete: false, unread: [{ place: 'main' }] });
		const one = await ask<{ error: object }>(harper, `/custodian/snapshots/${before[0]}`);
		expect(one).toMatchObject({ status: 503, body: { error: { code: 'repository_unreachable' } } });
		bind(disk, mounted);
		const { id } = await take();
		expect(await ids()).toEqual([id, ...before]);
		for (const known of before) expect(await verify(known)).toMatchObject({ state: 'succeeded' });
	});

	test('that is full where copies are staged fails the snapshot before it begins', async () => {
		const before = await ids();
		resizeDisk(staging(), '100m');
		expect(await tryToTake()).toMatchObject(failure('no_space'));
		expect(await ids()).toEqual(before);
		expect(readdirSync(staging())).toEqual([]);
		resizeDisk(staging(), '800m');
		await take();
	});

	test('that is full where a snapshot is unpacked fails its verification, and condemns nothing', async () => {
		const { id } = await take();
		resizeDisk(staging(), '2m');
		expect(await verify(id)).toMatchObject(failure('no_space'));
		expect(readdirSync(staging())).toEqual([]);
		expect(await shown(id)).toMatchObject({ restorable: true, verification: { result: 'good' } });
		resizeDisk(staging(), '800m');
		expect(await verify(id)).toMatchObject({ state: 'succeeded' });
	});

	test('that staged copies stand on is rid of what was left behind at a start, and of nothing else', async () => {
		mkdirSync(join(staging(), '20260101T000000000Z-0000000a'));
		writeFileSync(join(staging(), 'of somebody else'), 'x');
		await harper.restart();
		await eventually(() => readdirSync(staging()).length === 1, { describe: 'one file is left' });
		expect(readdirSync(staging())).toEqual(['of somebody else']);
		unlinkSync(join(staging(), 'of somebody else'));
		await take();
		expect(harper.log()).not.toContain('stays until the next start');
	});

	test('with a further copy that is renamed away costs that copy alone', async () => {
		mkdirSync(second);
		await harper.restart({
			config: {
				custodian: {
					snapshots: [],
					verifyWithin: false,
					repository: { directory: mounted },
					copies: [{ name: 'second', directory: second }],
				},
			},
		});
		const { id, problems } = await take();
		expect(problems).toEqual([]);
		renameSync(second, `${second}-away`);
		const without = await take();
		expect(without.problems[0]).toContain('No copy in second');
		for (const problem of without.problems) expect(problem).toContain(`There is no directory ${second}`);
		expect(await catalogue()).toMatchObject({ complete: false, unread: [{ place: 'second' }] });
		expect(await ids()).toContain(without.id);
		renameSync(`${second}-away`, second);
		expect((await take()).problems).toEqual([]);
		expect(await shown(id)).toMatchObject({ restorable: true });
		expect(orphansIn(second)).toEqual([]);
	});
});

describe('a snapshot', () => {
	let keyFile: string;
	const keys = ['11', '22'].map((pair) => `${pair.repeat(32)}\n`);
	const data = (id: string) =>
		join(harper.root, 'custodian/repository', harper.address, 'ledger/snapshots', id, 'data.mdb.br.sealed');

	beforeAll(async () => {
		keyFile = join(await mkdtemp(join(runDirectory(), 'keys-')), 'custodian.key');
		useKey(keys[0]!);
		await starting(500, { encryption: { keyFile } });
	});
	afterAll(() => harper[Symbol.asyncDispose]());
	const useKey = (key: string) => writeFileSync(keyFile, key, { mode: 0o600 });

	test.each(['checksums', 'deep'])(
		'with one bit flipped is found by %s, until the bit is right again',
		async (depth) => {
			const { id } = await take();
			flipBit(data(id));
			expect(await verify(id, depth)).toMatchObject(failure('object_damaged'));
			expect(await shown(id)).toMatchObject({ restorable: false, obstacle: 'The last verification failed.' });
			flipBit(data(id));
			expect(await verify(id, depth)).toMatchObject({ state: 'succeeded' });
			expect(await shown(id)).toMatchObject({ restorable: true });
		}
	);

	test('that was cut short says so at once, and when it is verified', async () => {
		const { id } = await take();
		const whole = readFileSync(data(id));
		truncateSync(data(id), whole.length - 1);
		const obstacle = expect.stringContaining(`has ${whole.length - 1} bytes instead of ${whole.length}`);
		expect(await shown(id)).toMatchObject({ restorable: false, obstacle });
		expect(await verify(id)).toMatchObject(failure('object_damaged'));
		writeFileSync(data(id), whole);
		expect(await verify(id)).toMatchObject({ state: 'succeeded' });
		expect(await shown(id)).toMatchObject({ restorable: true });
	});

	test('whose key is another one is not condemned, and restores once its key is back', async () => {
		const { id } = await take();
		useKey(keys[1]!);
		expect(await shown(id)).toMatchObject({
			restorable: false,
			obstacle: expect.stringMatching(/^The key \w+ is not/),
		});
		expect(await verify(id)).toMatchObject(failure('wrong_key'));
		expect(await verify(id, 'checksums')).toMatchObject({ state: 'succeeded' });
		const other = await take();
		expect(await shown(other.id)).toMatchObject({ restorable: true });
		useKey(keys[0]!);
		expect(await shown(id)).toMatchObject({ restorable: true, verification: { result: 'good' } });
		expect(await shown(other.id)).toMatchObject({ restorable: false });
		expect(await verify(id)).toMatchObject({ state: 'succeeded' });
	});

	test('whose key file is gone is listed all the same, and a new one is refused', async () => {
		const before = await ids();
		const [id] = before;
		unlinkSync(keyFile);
		expect(await ids()).toEqual(before);
		expect(await shown(id!)).toMatchObject({ restorable: false, obstacle: expect.stringContaining(keyFile) });
		expect(await tryToTake()).toMatchObject(failure('key_file_invalid'));
		expect(orphansIn(join(harper.root, 'custodian/repository'))).toEqual([]);
		useKey(keys[0]!);
		await take();
	});
});

describe('a bucket', () => {
	let store: S3Server;

	beforeAll(async () => {
		store = await S3Server.start();
		const s3 = { bucket: BUCKET, endpoint: store.endpoint, pathStyle: true };
		const env = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER', AWS_EC2_METADATA_DISABLED: 'true' };
		await starting(1500, { repository: { s3 } }, { env });
		await take();
	});
	afterAll(async () => {
		await harper[Symbol.asyncDispose]();
		await store.stop();
	});

	const writing: Trouble = ({ method }, answer) =>
		(method === 'PUT' || method === 'POST') && answerError(answer, 500, 'InternalError');
	const busy: Trouble = (_, answer) => answerError(answer, 503, 'SlowDown');
	const hangingUp: Trouble = (_, answer) => {
		answer.destroy();
		return true;
	};

	test.each<[string, Trouble, boolean]>([
		['answers 500 to whoever writes', writing, true],
		['answers 503 to everybody', busy, false],
		['hangs up on everybody', hangingUp, false],
	])('that %s fails the snapshot with a reason, and the next one is taken', async (_, trouble, readable) => {
		const before = await ids();
		store.trouble = trouble;
		try {
			expect(await tryToTake()).toMatchObject(failure('repository_unreachable'));
			expect(await catalogue()).toMatchObject({
				complete: readable,
				...(readable ? {} : { unread: [{ place: 'main' }] }),
			});
		} finally {
			store.trouble = () => false;
		}
		const { id } = await take();
		expect(await ids()).toEqual([id, ...before]);
	});

	test('that is slow and refuses every third request is waited for', async () => {
		let asked = 0;
		store.trouble = async (_, answer) => {
			await delay(100);
			return ++asked % 3 === 0 && answerError(answer, 503, 'SlowDown');
		};
		try {
			const { id } = await take();
			expect(await verify(id)).toMatchObject({ state: 'succeeded' });
		} finally {
			store.trouble = () => false;
		}
	});

	test.runIf(long)(
		'that never answers is given up',
		async () => {
			const before = await ids();
			store.trouble = () => new Promise(() => undefined);
			try {
				const job = await beginToTake();
				await eventually(async () => (await ask<ShownJob>(harper, `/custodian/jobs/${job}`)).body.state === 'failed', {
					describe: 'the job fails',
					timeoutMs: 1_200_000,
					intervalMs: 1000,
				});
				expect(await endedJob(harper, job)).toMatchObject(failure('repository_unreachable'));
			} finally {
				store.trouble = () => false;
			}
			const { id } = await take();
			expect(await ids()).toEqual([id, ...before]);
		},
		1_300_000
	);
});

function usedBytes(disk: string): number {
	const { blocks, bfree, bsize } = statfsSync(disk);
	return (blocks - bfree) * bsize;
}

function flipBit(path: string): void {
	const bytes = readFileSync(path);
	const middle = bytes.length >> 1;
	bytes[middle] = bytes[middle]! ^ 1;
	writeFileSync(path, bytes);
}
