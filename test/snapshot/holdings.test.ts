import { describe, expect, test } from 'vitest';
import { bestCopy, readHoldings, type Place } from '../../lib/snapshot/holdings.ts';
import { manifestText } from '../../lib/snapshot/manifest.ts';
import { databasesDone } from '../../lib/snapshot/scheduled.ts';
import { writeText } from '../../lib/snapshot/store.ts';
import { recordVerification } from '../../lib/snapshot/verification.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { AT, factsOf, idOf, manifestOf, prefixOf, store } from '../support/snapshots.ts';

function place(name: string, repository?: MemoryRepository): Place {
	return {
		name,
		cache: new Map(),
		async open() {
			if (repository === undefined) throw new Error(`${name} is not mounted`);
			return repository;
		},
	};
}

async function holding(...ids: string[]): Promise<MemoryRepository> {
	const repository = new MemoryRepository();
	for (const id of ids) await store(repository, id);
	return repository;
}

describe('what all places hold', () => {
	test('is each snapshot once, the newest first, with its copies in the order of the configuration', async () => {
		const main = place('main', await holding(idOf(0), idOf(2)));
		const copy = place('offsite', await holding(idOf(0), idOf(1)));
		const { snapshots, unread } = await readHoldings([main, copy]);
		expect(snapshots.map(({ id, copies }) => [id, copies.map(({ place: { name } }) => name)])).toEqual([
			[idOf(2), ['main']],
			[idOf(1), ['offsite']],
			[idOf(0), ['main', 'offsite']],
		]);
		expect(unread).toEqual([]);
	});

	test('is told without the places that cannot be read, and those are named', async () => {
		const { snapshots, unread } = await readHoldings([place('main'), place('offsite', await holding(idOf(0)))]);
		expect(snapshots.map(({ id }) => id)).toEqual([idOf(0)]);
		expect(unread).toEqual([{ place: 'main', reason: 'main is not mounted' }]);
	});

	test('is read from the first copy that is whole, and from the first where none is', async () => {
		const [broken, whole] = [await holding(idOf(0)), await holding(idOf(0))];
		const read = async () => {
			const { snapshots } = await readHoldings([place('main', broken), place('offsite', whole)]);
			return bestCopy(snapshots[0]!).place.name;
		};
		expect(await read()).toBe('main');
		broken.objects.delete(`${prefixOf(idOf(0))}data.mdb`);
		expect(await read()).toBe('offsite');
		whole.objects.delete(`${prefixOf(idOf(0))}data.mdb`);
		expect(await read()).toBe('main');
	});
});

test('an occurrence is done for the databases of this node that have a good snapshot of it, which was read', async () => {
	const repository = new MemoryRepository();
	const schedule = { name: 's', occurrence: 's@1' };
	const stored = async (day: number, node: string, database: string, occurrence = schedule.occurrence) => {
		const facts = factsOf(idOf(day), { node, database, schedule: { ...schedule, occurrence } });
		await store(repository, idOf(day), { facts, prefix: prefixOf(idOf(day), database, node) });
		return prefixOf(idOf(day), database, node);
	};
	const take = async (...what: Parameters<typeof stored>) => {
		const prefix = await stored(...what);
		await recordVerification(repository, prefix, { at: AT, depth: 'checksums', result: 'good' });
	};
	await take(0, 'n1', 'shop');
	await take(1, 'n1', 'damaged');
	await take(2, 'n2', 'elsewhere');
	await take(3, 'n1', 'earlier', 's@0');
	await store(repository, idOf(4));
	await stored(5, 'n1', 'unread');
	const external = manifestOf(idOf(6), { kind: 'external', database: 'volume', schedule });
	await writeText(repository, `${prefixOf(idOf(6), 'volume')}manifest.json`, manifestText(external));
	repository.objects.delete(`${prefixOf(idOf(1), 'damaged')}data.mdb`);
	expect([...(await databasesDone(place('main', repository), 'n1', 's@1'))].toSorted()).toEqual(['shop', 'volume']);
});
