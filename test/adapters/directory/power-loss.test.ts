import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { directoryRepository } from '../../../lib/adapters/directory/repository.ts';
import type { Repository } from '../../../lib/repository/repository.ts';
import { all, chunked, textOf } from '../../support/bytes.ts';
import { errno, watchedFileSystem } from '../../support/failing-file-system.ts';
import { VolatileDisk } from '../../support/volatile-disk.ts';

/** More than a write and a removal take together. */
const MOST_STEPS = 120;

const stop = fc.integer({ min: 1, max: MOST_STEPS });
const luck = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });

test('an object that was written survives a power loss, and one that was not is whole or not there', async () => {
	let [survived, unfinished] = [0, 0];
	await fc.assert(
		fc.asyncProperty(stop, luck, async (steps, kept) => {
			const disk = new VolatileDisk();
			const outcomes = await untilStep(disk, steps, [
				(repository) => repository.write('n/d/snapshots/1/data', chunked('the ', 'data')),
				(repository) => repository.write('n/d/snapshots/2/data', chunked('more ', 'data')),
			]);
			disk.losePower(inTurn(kept));
			const found = await contentsOf(disk);
			const written = { 'n/d/snapshots/1/data': 'the data', 'n/d/snapshots/2/data': 'more data' };
			expect(written).toMatchObject(found);
			expect(Object.keys(found)).toEqual(expect.arrayContaining(Object.keys(written).slice(0, outcomes)));
			survived += outcomes;
			unfinished += outcomes < 2 ? 1 : 0;
		}),
		{ numRuns: 400 }
	);
	expect(Math.min(survived, unfinished)).toBeGreaterThan(50);
});

test('removals reach the disk in their order: a manifest never outlives its data', async () => {
	let half = 0;
	await fc.assert(
		fc.asyncProperty(stop, luck, async (steps, kept) => {
			const disk = new VolatileDisk();
			const repository = directoryRepository('/', disk);
			await repository.write('n/s/1/data', chunked('data'));
			await repository.write('n/s/1/manifest', chunked('manifest'));
			await untilStep(disk, steps, [(dying) => dying.remove('n/s/1/manifest'), (dying) => dying.remove('n/s/1/data')]);
			disk.losePower(inTurn(kept));
			const names = Object.keys(await contentsOf(disk));
			expect([[], ['n/s/1/data'], ['n/s/1/data', 'n/s/1/manifest']]).toContainEqual(names);
			half += names.length === 1 ? 1 : 0;
		}),
		{ numRuns: 400 }
	);
	expect(half).toBeGreaterThan(10);
});

test('a disk that was told nothing of loses what it likes', async () => {
	const disk = new VolatileDisk();
	const careless = watchedFileSystem(() => {}, disk);
	const open = careless.open.bind(careless);
	const repository = directoryRepository('/', {
		...careless,
		open: async (...given) => ({ ...(await open(...given)), sync: async () => {} }),
	});
	await repository.write('n/x', chunked('x'));
	disk.losePower(() => false);
	expect(await contentsOf(disk)).toEqual({});
});

/** Does one thing after another until the power fails at a step. Returns how many were done. */
async function untilStep(
	disk: VolatileDisk,
	steps: number,
	works: readonly ((repository: Repository) => Promise<unknown>)[]
): Promise<number> {
	let taken = 0;
	const dying = watchedFileSystem(() => {
		if (++taken > steps) throw errno('EIO');
	}, disk);
	const repository = directoryRepository('/', dying);
	let done = 0;
	try {
		for (const work of works) {
			await work(repository);
			done++;
		}
	} catch {
		// The power is gone.
	}
	return done;
}

async function contentsOf(disk: VolatileDisk): Promise<Record<string, string>> {
	const repository = directoryRepository('/', disk);
	const found: Record<string, string> = {};
	for (const { key } of await all(repository.list(''))) found[key] = await textOf(repository.read(key));
	return found;
}

function inTurn(choices: readonly boolean[]): () => boolean {
	let turn = 0;
	return () => choices[turn++ % choices.length] ?? false;
}
