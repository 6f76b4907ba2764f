import { describe, expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import type { Repository } from '../../lib/repository/repository.ts';
import { readCatalogue, readManifest, type SummaryCache } from '../../lib/snapshot/catalogue.ts';
import { manifestText } from '../../lib/snapshot/manifest.ts';
import { recordVerification } from '../../lib/snapshot/verification.ts';
import { writeText } from '../../lib/snapshot/store.ts';
import { all } from '../support/bytes.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { AT, idOf, manifestOf, prefixOf, store } from '../support/snapshots.ts';

const id = idOf(0);
const prefix = prefixOf(id);

const problemsIn = async (repository: Repository) =>
	(await readCatalogue(repository, new Map())).map(({ problem }) => problem);

async function stored(): Promise<MemoryRepository> {
	const repository = new MemoryRepository();
	await store(repository, id);
	return repository;
}

describe('the catalogue', () => {
	test('is all that the repository tells of its snapshots', async () => {
		const repository = await stored();
		await store(repository, idOf(1), { pin: true });
		const objects = await all(repository.list(prefix));
		const [first, second, ...more] = await readCatalogue(repository, new Map());
		expect(more).toEqual([]);
		expect(first).toMatchObject({
			id,
			node: 'n1',
			database: 'shop',
			prefix,
			problem: undefined,
			pinned: false,
			verification: undefined,
			storedBytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
			summary: { id, takenAt: AT, totals: { tables: 1, rows: 3, auditEntries: 5 } },
		});
		expect(first?.summary).not.toHaveProperty('contents');
		expect(second).toMatchObject({ id: idOf(1), pinned: true });
	});

	test('does not list what has no manifest, and what is no snapshot', async () => {
		const repository = new MemoryRepository();
		await writeText(repository, 'custodian.json', '{}');
		await writeText(repository, `${prefix}data.mdb`, 'x');
		await writeText(repository, 'n1/shop/archive/1.jsonl', 'x');
		await writeText(repository, 'n1/shop/snapshots/latest/manifest.json', '{}');
		expect(await readCatalogue(repository, new Map())).toEqual([]);
	});

	test('of a prefix is that of what lies below it', async () => {
		const repository = await stored();
		const other = prefixOf(idOf(1), 'crm');
		await writeText(repository, `${other}manifest.json`, manifestText(manifestOf(idOf(1), { database: 'crm' })));
		expect((await readCatalogue(repository, new Map(), 'n1/crm/')).map(({ database }) => database)).toEqual(['crm']);
	});

	test.each<[string, (repository: MemoryRepository) => unknown, RegExp]>([
		['misses an object', ({ objects }) => objects.delete(`${prefix}data.mdb`), /^The object data\.mdb is missing\.$/],
		[
			'has one of another size',
			({ objects }) => objects.set(`${prefix}blobs.tar`, new Uint8Array(3)),
			/^The object blobs\.tar has 3 bytes instead of 12\.$/,
		],
		[
			'has a manifest that is cut short',
			({ objects }) => objects.set(`${prefix}manifest.json`, new Uint8Array(3)),
			/^The manifest cannot be read/,
		],
		[
			'has a manifest of a later version',
			({ objects }) => objects.set(`${prefix}manifest.json`, Buffer.from('{"format":9}')),
			/^The manifest has format 9/,
		],
		[
			'has the manifest of another',
			({ objects }) => objects.set(`${prefix}manifest.json`, Buffer.from(manifestText(manifestOf(idOf(1))))),
			/^The manifest is that of .* of shop on n1\.$/,
		],
		[
			'was last found damaged',
			(repository) => recordVerification(repository, prefix, { at: AT, depth: 'deep', result: 'bad' }),
			/^The last verification failed\.$/,
		],
	])('says of a snapshot that it %s', async (_, harm, problem) => {
		const repository = await stored();
		await harm(repository);
		expect(await problemsIn(repository)).toEqual([expect.stringMatching(problem)]);
	});

	test('has nothing against a snapshot that was found whole after it was found damaged', async () => {
		const repository = await stored();
		await recordVerification(repository, prefix, { at: AT, depth: 'deep', result: 'bad' });
		await recordVerification(repository, prefix, { at: AT + 1, depth: 'checksums', result: 'good' });
		expect(await problemsIn(repository)).toEqual([undefined]);
	});

	test('reads each manifest once, and looks at the objects each time', async () => {
		const repository = await stored();
		const read: string[] = [];
		const counting: Repository = Object.assign(Object.create(repository), {
			read(key: string, ...rest: [undefined, undefined]) {
				read.push(key);
				return repository.read(key, ...rest);
			},
		});
		const cache = new Map();
		const before = await readCatalogue(counting, cache);
		expect(await readCatalogue(counting, cache)).toEqual(before);
		expect(read).toEqual([`${prefix}manifest.json`]);
		repository.objects.delete(`${prefix}data.mdb`);
		expect((await readCatalogue(counting, cache))[0]?.problem).toBe('The object data.mdb is missing.');
	});

	test('bounds what it keeps of manifests', async () => {
		const repository = await stored();
		const summary = (await readCatalogue(repository, new Map()))[0]!.summary!;
		const cache: SummaryCache = new Map(Array.from({ length: 5000 }, (_, index) => [`old/${index}`, summary] as const));
		await readCatalogue(repository, cache);
		expect(cache.size).toBe(5000);
		expect(cache.has('old/0')).toBe(false);
		expect(cache.has(prefix)).toBe(true);
	});

	test('is not known where the repository cannot be read, which says nothing of any snapshot', async () => {
		const repository = await stored();
		const failing: Repository = Object.assign(Object.create(repository), {
			read() {
				throw new CustodianError('repository_unreachable', 'x', 'The network is down.');
			},
		});
		await expect(readCatalogue(failing, new Map())).rejects.toMatchObject({ code: 'repository_unreachable' });
	});
});

test('a manifest that is missing is missing', async () => {
	await expect(readManifest(new MemoryRepository(), prefix)).rejects.toMatchObject({ code: 'object_missing' });
});
