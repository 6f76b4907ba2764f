import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Progress } from '../../lib/jobs/progress.ts';
import { readCatalogue, readManifest } from '../../lib/snapshot/catalogue.ts';
import { takeBack } from '../../lib/snapshot/clean.ts';
import type { Manifest } from '../../lib/snapshot/manifest.ts';
import { storeSnapshot, type StagedCopy } from '../../lib/snapshot/store.ts';
import { verifySnapshot } from '../../lib/snapshot/verify.ts';
import { chunked, stuckAfter } from '../support/bytes.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import {
	AT,
	clock,
	contents,
	Died,
	dyingAfter,
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
const names = (repository: MemoryRepository) => [...repository.objects.keys()].map((key) => key.slice(prefix.length));

describe('storing a snapshot', () => {
	test('writes the database, the archive of blobs, the pin and last of all the manifest', async () => {
		const repository = new MemoryRepository();
		const manifest = await store(repository, id, { pin: true });
		expect(names(repository)).toEqual(['data.mdb', 'blobs.tar', 'pin.json', 'manifest.json']);
		expect(manifest.objects.map(({ name }) => name)).toEqual(['data.mdb', 'blobs.tar']);
		expect(await readManifest(repository, prefix)).toEqual(manifest);
	});

	test('writes no archive where no blobs are referred to, and no pin where none is wanted', async () => {
		const repository = new MemoryRepository();
		await storing(repository, id, {}, { ...staged(), ...withoutBlobs() })();
		expect(names(repository)).toEqual(['data.mdb', 'manifest.json']);
	});

	test('puts into the manifest what was known, what was found and how long it took', async () => {
		const repository = new MemoryRepository();
		let ms = 100;
		const ticking = { now: () => AT, monotonic: () => (ms += 50.4) };
		const facts = factsOf(id, { by: 'admin', label: 'x', schedule: { name: 's', occurrence: 's@1' } });
		const sealing = { keyId: 'k', wrappedKey: 'w' };
		const manifest = await storeSnapshot(
			{ facts, prefix, compression: 'gzip', sealing, pin: false },
			staged(),
			{ ...objectPorts(repository, sealer), clock: ticking },
			() => {},
			new AbortController().signal
		);
		expect(manifest).toEqual(
			manifestOf(id, {
				by: 'admin',
				label: 'x',
				schedule: { name: 's', occurrence: 's@1' },
				tookMs: { copy: 5, store: 50 },
				compression: 'gzip',
				sealing,
				objects: manifest.objects,
				contents,
			})
		);
		expect(manifest.objects.map(({ name }) => name)).toEqual(['data.mdb.gz.sealed', 'blobs.tar.gz.sealed']);
	});

	test('tells how many bytes and rows it has come to', async () => {
		const told: Progress[] = [];
		await storing(new MemoryRepository(), id)((progress) => void told.push(progress));
		const { sizeBytes: totalBytes } = staged().data;
		expect(told.at(-1)).toEqual({ step: 'store', bytes: totalBytes + 'blob archive'.length, rows: 3, totalBytes });
	});

	test('is given up where the copy is not whole, and nothing is listed', async () => {
		const repository = new MemoryRepository();
		const inspect: StagedCopy['inspect'] = async () => {
			throw new Error('the tree is broken');
		};
		await expect(storing(repository, id, {}, { ...staged(), inspect })()).rejects.toThrow('the tree is broken');
		expect(await readCatalogue(repository, new Map())).toEqual([]);
	});

	test('stops writing when the inspection fails, however long there is more to write', async () => {
		const stuck = stuckAfter('begun');
		const inspect: StagedCopy['inspect'] = async () => {
			await stuck.waiting;
			throw new Error('the tree is broken');
		};
		const copy = { data: { sizeBytes: 10, read: () => stuck.bytes }, inspect };
		await expect(storing(new MemoryRepository(), id, {}, copy)()).rejects.toThrow('the tree is broken');
	});

	test('stops inspecting when writing fails, and says what failed', async () => {
		const repository = new MemoryRepository();
		repository.capacityBytes = 3;
		const copy = { ...staged(), inspect: untilAborted };
		await expect(storing(repository, id, {}, copy)()).rejects.toMatchObject({ code: 'repository_full' });
	});

	test('ends with the reason of the signal', async () => {
		const abort = new AbortController();
		const stuck = stuckAfter('begun');
		const copy = { data: { sizeBytes: 10, read: () => stuck.bytes }, inspect: untilAborted };
		const done = storing(new MemoryRepository(), id, {}, copy)(() => {}, abort.signal);
		await stuck.waiting;
		abort.abort(new Error('cancelled'));
		await expect(done).rejects.toThrow('cancelled');
	});
});

test('a process that dies anywhere while storing leaves a snapshot that verifies, or none; what is none can be taken back', async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.integer({ min: 0, max: 5 }),
			fc.boolean(),
			fc.boolean(),
			fc.boolean(),
			async (calls, worked, pin, sealed) => {
				const repository = new MemoryRepository();
				await store(repository, idOf(1));
				const dying = dyingAfter(repository, calls, worked);
				const sealing = sealed ? sealer : undefined;
				const plan = { facts: factsOf(id), prefix, compression: 'none', sealing: undefined, pin } as const;
				const ports = { ...objectPorts(dying, sealing), clock };
				await storeSnapshot(plan, staged(), ports, () => {}, new AbortController().signal).catch((error: unknown) => {
					if (!(error instanceof Died)) throw error;
				});
				const listed = await readCatalogue(repository, new Map());
				for (const entry of listed) {
					expect(entry.problem).toBeUndefined();
					const manifest = await readManifest(repository, entry.prefix);
					const unsealing = entry.id === id ? sealing : undefined;
					await verify(manifest, entry.prefix, verifyPorts(repository, contents, unsealing));
				}
				const wasListed = listed.some((entry) => entry.id === id);
				await takeBack(repository, 'n1/', new Set([id]));
				expect([...repository.objects.keys()].some((key) => key.includes(id))).toBe(wasListed);
				expect(await readCatalogue(repository, new Map())).toEqual(listed);
			}
		),
		{ numRuns: 60 }
	);
});

function verify(manifest: Manifest, at: string, ports: ReturnType<typeof verifyPorts>): Promise<void> {
	return verifySnapshot({ manifest, prefix: at, depth: 'deep' }, ports, () => {}, new AbortController().signal);
}

function withoutBlobs(): Pick<StagedCopy, 'data' | 'inspect'> {
	return {
		data: { sizeBytes: 3, read: () => chunked('abc') },
		inspect: async () => ({ contents, blobs: undefined }),
	};
}

const untilAborted: StagedCopy['inspect'] = (_, signal) =>
	new Promise((_resolve, reject) => {
		signal.addEventListener('abort', () => reject(new Error('the inspection was stopped')));
	});
