import { describe, expect, test } from 'vitest';
import { zlibCodec } from '../../lib/adapters/codec.ts';
import { readOptions } from '../../lib/adapters/command-line.ts';
import { sha256 } from '../../lib/adapters/sha256.ts';
import { run, type Connection } from '../../lib/command/run.ts';
import { CustodianError } from '../../lib/errors.ts';
import { snapshotPrefix } from '../../lib/repository/keys.ts';
import type { Repository } from '../../lib/repository/repository.ts';
import { extractSnapshot, type Extracted } from '../../lib/snapshot/extract.ts';
import type { Place } from '../../lib/snapshot/holdings.ts';
import { manifestText, type Manifest } from '../../lib/snapshot/manifest.ts';
import { writeObject } from '../../lib/snapshot/object.ts';
import { writeText } from '../../lib/snapshot/store.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { contents } from '../support/snapshots.ts';

const OLD = '20261101T000000000Z-00000001';
const NEW = '20261102T000000000Z-00000002';

const prefixOf = (id: string) => snapshotPrefix('n', 'shop', id);

async function* bytesOf(text: string) {
	yield new TextEncoder().encode(text);
}

async function store(repository: Repository, id: string, changes: Partial<Manifest> = {}): Promise<void> {
	const ports = { repository, codec: zlibCodec, startHash: sha256, sealer: undefined };
	const prefix = prefixOf(id);
	const write = (stem: string, text: string) =>
		writeObject(ports, { prefix, stem, compression: 'gzip' }, bytesOf(text));
	const manifest: Manifest = {
		format: 1,
		id,
		kind: 'full',
		node: 'n',
		database: 'shop',
		takenAt: 1.7e12,
		tookMs: { copy: 1, store: 1 },
		versions: { custodian: '0', harper: '0', node: '0' },
		compression: 'gzip',
		objects: [await write('data.mdb', `data of ${id}`), await write('blobs.tar', `blobs of ${id}`)],
		contents,
		...changes,
	};
	await writeText(repository, `${prefix}manifest.json`, manifestText(manifest));
}

/** One repository, or several, each with both snapshots. */
async function filled(count = 1): Promise<MemoryRepository[]> {
	const repositories = Array.from({ length: count }, () => new MemoryRepository());
	for (const repository of repositories) for (const id of [OLD, NEW]) await store(repository, id);
	return repositories;
}

async function drained(bytes: AsyncIterable<Uint8Array>): Promise<void> {
	for await (const _ of bytes);
}

function damage(repository: MemoryRepository, key: string): void {
	const bytes = repository.objects.get(key)!;
	repository.objects.set(key, bytes.with(bytes.length - 9, bytes.at(-9)! ^ 1));
}

const unreachable: Pick<Place, 'open'> = {
	open: () => Promise.reject(new CustodianError('repository_unreachable', 'there', 'It is off.')),
};

interface Ran {
	readonly exitCode: number;
	readonly output: string;
	readonly complaints: string;
	readonly extracted: readonly string[];
	readonly warnings: readonly string[];
	readonly discarded: number;
}

async function custodian(
	line: string,
	repositories: readonly (Repository | 'unreachable')[],
	signal = new AbortController().signal
): Promise<Ran> {
	const [output, complaints, extracted, warnings]: string[][] = [[], [], [], []];
	let discarded = 0;
	const places = repositories.map((repository, index): Place => ({
		name: index === 0 ? 'main' : `copy-${index}`,
		cache: new Map(),
		...(repository === 'unreachable' ? unreachable : { open: async () => repository }),
	}));
	const read = async (bytes: AsyncIterable<Uint8Array>) => {
		let text = '';
		for await (const chunk of bytes) text += Buffer.from(chunk).toString();
		extracted!.push(text);
	};
	const connection: Connection = {
		places,
		async verify({ place, entry }, manifest, depth, _, stop) {
			if (manifest.sealing && depth === 'deep')
				throw new CustodianError('wrong_key', 'k', 'No key.', { hint: 'Configure it.' });
			for (const { name } of manifest.objects) {
				await drained((await place.open()).read(`${entry.prefix}${name}`, undefined, stop));
			}
		},
		async extract({ copy: { place, entry }, manifest, withBlobs }, onProgress, stop): Promise<Extracted> {
			const repository = await place.open();
			const target = {
				writeDatabase: read,
				writeBlobs: read,
				publish: async () => ({ databaseFile: 'to/shop.mdb', blobDirectories: [], blobFiles: 0 }),
				discard: async () => void discarded++,
			};
			const ports = { repository, codec: zlibCodec, startHash: sha256, sealer: undefined, target };
			return extractSnapshot({ manifest, prefix: entry.prefix, withBlobs }, ports, onProgress, stop);
		},
		onProgress: () => () => undefined,
		warn: (message) => void warnings!.push(message),
	};
	const checked = { survives: false, newest: 7n, opensElsewhere: 6n, reasons: ['Why.'] };
	const exitCode = await run(
		line.split(' '),
		{
			readOptions,
			version: '1.2.3',
			connect: async () => connection,
			backups: { check: async () => checked, mend: async () => ({ ...checked, survives: true }) },
			print: async (text) => void output!.push(text),
			complain: async (text) => void complaints!.push(text),
		},
		signal
	);
	return {
		exitCode,
		output: output!.join('\n'),
		complaints: complaints!.join('\n'),
		extracted: extracted!,
		warnings: warnings!,
		discarded,
	};
}

test('what was not understood exits with 2 and says so where errors belong', async () => {
	expect(await custodian('frob', [])).toMatchObject({
		exitCode: 2,
		output: '',
		complaints: 'custodian: There is no command "frob".\nSee custodian --help.',
	});
	const { exitCode, output } = await custodian('list --json', []);
	expect([exitCode, JSON.parse(output)]).toEqual([
		2,
		{
			error: {
				code: 'usage',
				message: 'Expected one of --repository, --root and --config.',
				hint: 'See custodian --help.',
			},
		},
	]);
});

test('help and version exit with 0', async () => {
	expect(await custodian('--version', [])).toMatchObject({ exitCode: 0, output: '1.2.3' });
	expect(await custodian('list --help', [])).toMatchObject({ exitCode: 0, complaints: '' });
});

describe('list', () => {
	test('shows what can be read of several repositories, and exits with 3 where one cannot', async () => {
		const { exitCode, output } = await custodian('list --root /r --json', [...(await filled()), 'unreachable']);
		expect(exitCode).toBe(3);
		expect(JSON.parse(output)).toMatchObject({
			snapshots: [{ id: NEW }, { id: OLD }],
			complete: false,
			unread: [{ place: 'copy-1', reason: 'It is off.' }],
		});
	});

	test('shows those of a node or a database alone', async () => {
		const repositories = await filled();
		for (const [line, count] of [
			['--node n', 2],
			['--node other', 0],
			['--database shop', 2],
			['--database other --node n', 0],
		] as const) {
			const { output } = await custodian(`list --root /r --json ${line}`, repositories);
			expect([line, JSON.parse(output).snapshots.length]).toEqual([line, count]);
		}
	});
});

describe('show', () => {
	test('exits with 1 where something speaks against the snapshot', async () => {
		const [repository] = await filled();
		expect((await custodian(`show ${OLD} --root /r`, [repository!])).exitCode).toBe(0);
		await repository!.remove(`${prefixOf(OLD)}data.mdb.gz`);
		const { exitCode, output } = await custodian(`show ${OLD} --root /r`, [repository!]);
		expect(exitCode).toBe(1);
		expect(output).toContain('The object data.mdb.gz is missing.');
	});

	test('shows one whose manifest cannot be read', async () => {
		const [repository] = await filled();
		repository!.objects.set(`${prefixOf(OLD)}manifest.json`, new TextEncoder().encode('{'));
		const { exitCode, output } = await custodian(`show ${OLD} --root /r --json`, [repository!]);
		expect([exitCode, JSON.parse(output)]).toMatchObject([1, { id: OLD, problem: expect.stringContaining('JSON') }]);
	});

	test('does not take for missing what may lie in a repository that is out of reach', async () => {
		expect((await custodian('show X --root /r', await filled())).exitCode).toBe(1);
		expect((await custodian('show X --root /r', [...(await filled()), 'unreachable'])).exitCode).toBe(3);
		expect((await custodian(`show ${OLD} --root /r`, ['unreachable', ...(await filled())])).exitCode).toBe(0);
	});
});

describe('verify', () => {
	test('reads every copy, the good beside the bad', async () => {
		const [main, copy] = await filled(2);
		await copy!.remove(`${prefixOf(NEW)}data.mdb.gz`);
		const { exitCode, output } = await custodian('verify --all --root /r --json', [main!, copy!]);
		expect(exitCode).toBe(1);
		expect(JSON.parse(output).verified).toMatchObject([
			{ id: NEW, repository: 'main', result: 'good' },
			{ id: NEW, repository: 'copy-1', result: 'bad', error: { code: 'object_missing' } },
			{ id: OLD, repository: 'main', result: 'good' },
			{ id: OLD, repository: 'copy-1', result: 'good' },
		]);
	});

	test('tells damage from what could not be found out, and names the option that a key goes with', async () => {
		const [repository] = await filled();
		const id = '20261103T000000000Z-00000003';
		await store(repository!, id, { sealing: { keyId: 'k', wrappedKey: '' } });
		const { exitCode, output } = await custodian(`verify ${id} ${OLD} --deep --root /r --json`, [repository!]);
		expect(exitCode).toBe(3);
		expect(JSON.parse(output).verified).toMatchObject([
			{ id, result: 'unknown', error: { hint: 'Name the file of that key with --key-file.' } },
			{ id: OLD, result: 'good' },
		]);
		expect((await custodian(`verify ${id} X --deep --root /r`, [repository!])).exitCode).toBe(1);
	});

	test('condemns a manifest that was moved to another snapshot', async () => {
		const [repository] = await filled();
		const manifest = repository!.objects.get(`${prefixOf(NEW)}manifest.json`)!;
		repository!.objects.set(`${prefixOf(OLD)}manifest.json`, manifest);
		expect((await custodian(`verify ${OLD} --root /r`, [repository!])).exitCode).toBe(1);
		expect(await custodian(`extract ${OLD} --to t --root /r`, [repository!])).toMatchObject({
			exitCode: 1,
			extracted: [],
		});
	});

	test('has nothing to read of one that another tool took', async () => {
		const repository = new MemoryRepository();
		await store(repository, OLD, { kind: 'external', objects: [], external: { output: 'vol-1' } });
		const { exitCode, output } = await custodian('verify --all --root /r --json', [repository]);
		expect([exitCode, JSON.parse(output).verified]).toMatchObject([0, [{ result: 'external' }]]);
		const refused = await custodian(`extract ${OLD} --to t --root /r`, [repository]);
		expect(refused).toMatchObject({ exitCode: 2, complaints: expect.stringContaining('It said: vol-1') });
	});
});

describe('extract', () => {
	test('writes database and blobs, or the database alone', async () => {
		const repositories = await filled();
		const both = await custodian(`extract ${OLD} --to t --root /r`, repositories);
		expect(both).toMatchObject({ exitCode: 0, discarded: 1, extracted: [`data of ${OLD}`, `blobs of ${OLD}`] });
		const alone = await custodian(`extract ${OLD} --to t --root /r --database-only`, repositories);
		expect(alone).toMatchObject({ exitCode: 0, extracted: [`data of ${OLD}`] });
	});

	test('takes the next copy where one turns out to be damaged, and says so', async () => {
		const [main, copy] = await filled(2);
		damage(main!, `${prefixOf(OLD)}data.mdb.gz`);
		const ran = await custodian(`extract ${OLD} --to t --root /r --json`, [main!, copy!]);
		expect(ran).toMatchObject({ exitCode: 0, discarded: 2, warnings: [expect.stringMatching(/^In main: /)] });
		expect(JSON.parse(ran.output)).toMatchObject({ id: OLD, repository: 'copy-1' });
		damage(copy!, `${prefixOf(OLD)}blobs.tar.gz`);
		expect((await custodian(`extract ${OLD} --to t --root /r`, [main!, copy!])).exitCode).toBe(1);
	});

	test('refuses a database whose name would lead elsewhere', async () => {
		const repository = new MemoryRepository();
		await store(repository, OLD);
		for (const [database, encoded] of [
			['../x', '%2E.%2Fx'],
			['.hidden', '%2Ehidden'],
		] as const) {
			const evil = new MemoryRepository();
			for (const [key, bytes] of repository.objects) evil.objects.set(key.replace('/shop/', `/${encoded}/`), bytes);
			const key = `${prefixOf(OLD).replace('/shop/', `/${encoded}/`)}manifest.json`;
			const manifest = JSON.parse(Buffer.from(evil.objects.get(key)!).toString());
			evil.objects.set(key, new TextEncoder().encode(JSON.stringify({ ...manifest, database })));
			const ran = await custodian(`extract ${OLD} --to t --root /r`, [evil]);
			expect(ran).toMatchObject({ exitCode: 1, extracted: [] });
			expect(ran.complaints).toContain('makes no name of a file');
		}
	});

	test('stops when it is told to, and discards what it began', async () => {
		const stop = new AbortController();
		const [repository] = await filled();
		const read = repository!.read.bind(repository);
		repository!.read = (key, range, signal) => {
			if (key.includes('blobs')) stop.abort(new CustodianError('interrupted', 'SIGINT', 'Interrupted.'));
			return read(key, range, signal);
		};
		const ran = await custodian(`extract ${OLD} --to t --root /r`, [repository!], stop.signal);
		expect(ran).toMatchObject({ exitCode: 3, complaints: 'custodian: Interrupted.', discarded: 1, output: '' });
	});
});

test('check-backup exits with 1 unless the file survives, or a copy that does was made', async () => {
	expect((await custodian('check-backup f', [])).exitCode).toBe(1);
	const { exitCode, output } = await custodian('check-backup f --mend --json', []);
	expect([exitCode, JSON.parse(output)]).toMatchObject([0, { survives: false, newest: '7', mended: 'f.mended' }]);
});
