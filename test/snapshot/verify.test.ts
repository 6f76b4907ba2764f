import { describe, expect, test } from 'vitest';
import type { Progress } from '../../lib/jobs/progress.ts';
import { readManifest } from '../../lib/snapshot/catalogue.ts';
import type { Contents } from '../../lib/snapshot/manifest.ts';
import { storeSnapshot } from '../../lib/snapshot/store.ts';
import { verifySnapshot, type Depth, type VerifyPorts } from '../../lib/snapshot/verify.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import {
	clock,
	contents,
	factsOf,
	idOf,
	manifestOf,
	objectPorts,
	prefixOf,
	sealer,
	staged,
	store,
	storing,
	verifyPorts,
} from '../support/snapshots.ts';

const id = idOf(0);
const prefix = prefixOf(id);

async function verified(
	repository: MemoryRepository,
	depth: Depth,
	ports: VerifyPorts = verifyPorts(repository),
	told: Progress[] = []
) {
	const manifest = await readManifest(repository, prefix);
	const onProgress = (progress: Progress) => void told.push(progress);
	await verifySnapshot({ manifest, prefix, depth }, ports, onProgress, new AbortController().signal);
}

async function stored(): Promise<MemoryRepository> {
	const repository = new MemoryRepository();
	await store(repository, id);
	return repository;
}

const [table] = contents.tables;

describe('verifying', () => {
	test.each(['checksums', 'deep'] as const)('with %s finds a whole snapshot whole', async (depth) => {
		await expect(verified(await stored(), depth)).resolves.toBeUndefined();
	});

	test.each<[Depth, string]>([
		['checksums', 'data.mdb'],
		['checksums', 'blobs.tar'],
		['deep', 'data.mdb'],
		['deep', 'blobs.tar'],
	])('with %s finds a byte that changed in %s, and an object that is gone', async (depth, name) => {
		const repository = await stored();
		const key = `${prefix}${name}`;
		const bytes = repository.objects.get(key)!;
		repository.objects.set(key, new Uint8Array([...bytes.slice(0, -1), bytes.at(-1)! ^ 1]));
		await expect(verified(repository, depth)).rejects.toMatchObject({ code: 'object_damaged', subject: key });
		repository.objects.delete(key);
		await expect(verified(repository, depth)).rejects.toMatchObject({ code: 'object_missing', subject: key });
	});

	test.each<[string, Partial<Contents>]>([
		['another table', { tables: [] }],
		['another number of rows', { tables: [{ ...table!, rows: 4 }] }],
		['other records', { tables: [{ ...table!, contentHash: 'c'.repeat(64) }] }],
		['other versions', { tables: [{ ...table!, versionsHash: 'c'.repeat(64) }] }],
		['a damaged index', { tables: [{ ...table!, indexes: [{ ...table!.indexes[0]!, state: 'differs' }] }] }],
		['a shorter audit log', { audit: { entries: 4, firstKey: 1, lastKey: 8 } }],
		['no audit log', { audit: null }],
		['fewer blobs', { blobs: { ...contents.blobs, files: 0 } }],
		['an incomplete blob', { blobs: { ...contents.blobs, incomplete: 1 } }],
	])('deeply finds %s', async (_, changes) => {
		const repository = await stored();
		const ports = verifyPorts(repository, { ...contents, ...changes });
		await expect(verified(repository, 'deep', ports)).rejects.toMatchObject({ code: 'contents_differ' });
		await expect(verified(repository, 'checksums', ports)).resolves.toBeUndefined();
	});

	test('deeply minds no order of fields, and not the references that led nowhere even then', async () => {
		const repository = await stored();
		const turned = Object.fromEntries(Object.entries(table!).toReversed()) as typeof table;
		const ports = verifyPorts(repository, {
			...contents,
			tables: [turned!],
			blobs: { ...contents.blobs, missing: 99 },
		});
		await expect(verified(repository, 'deep', ports)).resolves.toBeUndefined();
	});

	test('with checksums needs no key, and deeply needs the right one', async () => {
		const repository = new MemoryRepository();
		const sealing = { keyId: 'k', wrappedKey: 'w' };
		const sealed = verifyPorts(repository, contents, sealer);
		const wrong = verifyPorts(repository);
		await storeSnapshot(
			{ facts: factsOf(id), prefix, compression: 'gzip', sealing, pin: false },
			staged(),
			{ ...objectPorts(repository, sealer), clock },
			() => {},
			new AbortController().signal
		);
		await expect(verified(repository, 'checksums', wrong)).resolves.toBeUndefined();
		await expect(verified(repository, 'deep', sealed)).resolves.toBeUndefined();
		await expect(verified(repository, 'deep', wrong)).rejects.toMatchObject({ code: 'object_damaged' });
	});

	test.each<[Depth, number]>([
		['checksums', 0],
		['deep', 3],
	])('with %s tells how far it has come', async (depth, rows) => {
		const told: Progress[] = [];
		const repository = await stored();
		const manifest = await readManifest(repository, prefix);
		await verified(repository, depth, verifyPorts(repository), told);
		const totalBytes = manifest.objects.reduce((sum, { stored: { sizeBytes } }) => sum + sizeBytes, 0);
		expect(told.at(-1)).toEqual({ step: 'verify', bytes: totalBytes, rows, totalBytes });
	});

	test('an external one, of which nothing lies there, finds nothing to complain of', async () => {
		const { contents: _, ...manifest } = manifestOf(id, { kind: 'external' });
		const ports = verifyPorts(new MemoryRepository());
		const signal = new AbortController().signal;
		await expect(verifySnapshot({ manifest, prefix, depth: 'deep' }, ports, () => {}, signal)).resolves.toBeUndefined();
	});

	test('stops when it is told to', async () => {
		const repository = await stored();
		const manifest = await readManifest(repository, prefix);
		const signal = AbortSignal.abort(new Error('cancelled'));
		await expect(
			verifySnapshot({ manifest, prefix, depth: 'checksums' }, verifyPorts(repository), () => {}, signal)
		).rejects.toThrow('cancelled');
	});
});

test('a snapshot stored without blobs verifies', async () => {
	const repository = new MemoryRepository();
	const copy = staged();
	await storing(repository, id, {}, { ...copy, inspect: async () => ({ contents, blobs: undefined }) })();
	await expect(verified(repository, 'deep')).resolves.toBeUndefined();
});
