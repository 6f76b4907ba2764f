import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256 } from '../../lib/adapters/sha256.ts';
import type { Progress } from '../../lib/jobs/progress.ts';
import { readCatalogue, readManifest } from '../../lib/snapshot/catalogue.ts';
import { copySnapshot } from '../../lib/snapshot/copy.ts';
import { verifySnapshot } from '../../lib/snapshot/verify.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { Died, dyingAfter, idOf, prefixOf, store, verifyPorts } from '../support/snapshots.ts';

const id = idOf(0);
const prefix = prefixOf(id);
const signal = new AbortController().signal;

async function source(pin = false): Promise<MemoryRepository> {
	const repository = new MemoryRepository();
	await store(repository, id, { pin });
	await store(repository, idOf(1));
	return repository;
}

const copying = (from: MemoryRepository, to: Parameters<typeof copySnapshot>[2], told: Progress[] = []) =>
	copySnapshot(prefix, from, to, sha256, (progress) => void told.push(progress), signal);

/** What a repository holds of the snapshot. A manifest is what it says, and not how it is spelt. */
function held(repository: MemoryRepository): unknown {
	const objects = [...repository.objects]
		.filter(([key]) => key.startsWith(prefix))
		.toSorted(([a], [b]) => (a < b ? -1 : 1));
	return objects.map(([key, bytes]) => {
		const text = Buffer.from(bytes).toString('latin1');
		return [key, key.endsWith('manifest.json') ? JSON.parse(text) : text];
	});
}

test.each([true, false])('a copy is the snapshot as it lies there, pinned (%s) as it is, and no other', async (pin) => {
	const from = await source(pin);
	const to = new MemoryRepository();
	const told: Progress[] = [];
	await copying(from, to, told);
	expect(held(to)).toEqual(held(from));
	expect([...to.objects.keys()].filter((key) => !key.startsWith(prefix))).toEqual([]);
	expect([...to.objects.keys()].at(-1)).toBe(`${prefix}manifest.json`);
	const totalBytes = (await readManifest(from, prefix)).objects.reduce((sum, { stored }) => sum + stored.sizeBytes, 0);
	expect(told.at(-1)).toEqual({ step: 'copy away', bytes: totalBytes, totalBytes });
});

test('a copy that is there already is left as it is', async () => {
	const from = await source(true);
	const to = new MemoryRepository();
	await copying(from, to);
	const before = new Map(to.objects);
	await copying(from, dyingAfter(to, 0, false));
	expect(to.objects).toEqual(before);
});

test('an object of another size that stands in its place is replaced', async () => {
	const from = await source();
	const to = new MemoryRepository();
	to.objects.set(`${prefix}data.mdb`, new Uint8Array(3));
	await copying(from, to);
	expect(held(to)).toEqual(held(from));
});

test('a damaged snapshot is not passed on', async () => {
	const from = await source();
	const bytes = from.objects.get(`${prefix}data.mdb`)!;
	bytes[0] = bytes[0]! ^ 1;
	const to = new MemoryRepository();
	await expect(copying(from, to)).rejects.toMatchObject({ code: 'object_damaged' });
	expect(to.objects.size).toBe(0);
});

test('a process that dies anywhere while copying leaves nothing that is listed and does not verify, and the next one ends the work', async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.boolean()), { maxLength: 4 }),
			fc.boolean(),
			async (deaths, pin) => {
				const from = await source(pin);
				const to = new MemoryRepository();
				for (const [calls, worked] of deaths) {
					await copying(from, dyingAfter(to, calls, worked)).catch((error: unknown) => {
						if (!(error instanceof Died)) throw error;
					});
					for (const entry of await readCatalogue(to, new Map())) {
						expect(entry.problem).toBeUndefined();
						expect(entry.pinned).toBe(pin);
						const manifest = await readManifest(to, entry.prefix);
						await verifySnapshot(
							{ manifest, prefix: entry.prefix, depth: 'checksums' },
							verifyPorts(to),
							() => {},
							signal
						);
					}
				}
				await copying(from, to);
				expect(held(to)).toEqual(held(from));
			}
		),
		{ numRuns: 60 }
	);
});
