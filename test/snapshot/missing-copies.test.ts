import { describe, expect, test } from 'vitest';
import { sha256 } from '../../lib/adapters/sha256.ts';
import { CustodianError } from '../../lib/errors.ts';
import { copySnapshot } from '../../lib/snapshot/copy.ts';
import { readHoldings, type Place } from '../../lib/snapshot/holdings.ts';
import { manifestText } from '../../lib/snapshot/manifest.ts';
import { copyWork, missingCopies } from '../../lib/snapshot/missing-copies.ts';
import type { Workshop } from '../../lib/snapshot/take-job.ts';
import { job } from '../support/memory-jobs.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { AT, factsOf, idOf, manifestOf, prefixOf, store } from '../support/snapshots.ts';

const signal = new AbortController().signal;
const repositories = () => [new MemoryRepository(), new MemoryRepository()] as const;
const placesOf = (main: MemoryRepository, offsite: MemoryRepository): readonly Place[] =>
	[main, offsite].map((repository, index) => ({
		name: index === 0 ? 'main' : 'offsite',
		cache: new Map(),
		open: async () => repository,
	}));

test('what lies in one place alone is missing in the other', async () => {
	const [main, offsite] = repositories();
	await store(main, idOf(0));
	await store(main, idOf(1));
	await store(offsite, idOf(0));
	const places = placesOf(main, offsite);
	const missing = missingCopies(places, await readHoldings(places), new Map(), AT);
	expect(missing).toEqual([{ id: idOf(1), prefix: prefixOf(idOf(1)), database: 'shop', from: 'main', to: 'offsite' }]);
});

test('nothing is copied back to where a snapshot is stored first: it was deleted there', async () => {
	const [main, offsite] = repositories();
	await store(offsite, idOf(0));
	await store(main, idOf(1));
	main.objects.delete(`${prefixOf(idOf(1))}data.mdb`);
	await store(offsite, idOf(1));
	const third: Place = { name: 'third', cache: new Map(), open: async () => new MemoryRepository() };
	const places = [...placesOf(main, offsite), third];
	expect(missingCopies(places, await readHoldings(places), new Map(), AT)).toEqual([]);
});

test('a damaged copy is missing where the first place holds a good one, and nowhere else', async () => {
	const [main, offsite] = repositories();
	for (const day of [0, 1]) {
		await store(main, idOf(day));
		await store(offsite, idOf(day));
		offsite.objects.delete(`${prefixOf(idOf(day))}data.mdb`);
	}
	main.objects.delete(`${prefixOf(idOf(1))}data.mdb`);
	const places = placesOf(main, offsite);
	expect(missingCopies(places, await readHoldings(places), new Map(), AT)).toMatchObject([
		{ id: idOf(0), from: 'main', to: 'offsite', replaces: 'The object data.mdb is missing.' },
	]);
});

test('what a policy prunes is told by the best copies: one that cannot be read has no schedule', async () => {
	const [main, offsite] = repositories();
	const night = (repository: MemoryRepository, day: number) => {
		const schedule = { name: 'nightly', occurrence: `nightly@${day}` };
		return store(repository, idOf(day), { facts: factsOf(idOf(day), { takenAt: AT + day, schedule }) });
	};
	await night(main, 0);
	await night(main, 1);
	await night(offsite, 1);
	main.objects.set(`${prefixOf(idOf(1))}manifest.json`, new Uint8Array(1));
	const places = placesOf(main, offsite);
	const policies = new Map([['nightly', { last: 1, timezone: 'UTC' }]]);
	expect(missingCopies(places, await readHoldings(places), policies, AT + 10)).toEqual([]);
});

describe('a damaged copy', () => {
	const damaged = async () => {
		const [main, offsite] = repositories();
		await store(main, idOf(0));
		await store(offsite, idOf(0));
		offsite.objects.delete(`${prefixOf(idOf(0))}data.mdb`);
		return { main, offsite };
	};
	const working = ({ main, offsite }: Awaited<ReturnType<typeof damaged>>, verify: Workshop['verify']) => {
		const places = placesOf(main, offsite);
		const work = copyWork({
			places,
			policies: new Map(),
			nodePrefix: 'n1/',
			clock: { now: () => AT, monotonic: () => 0 },
			workshop: {
				store: () => Promise.reject(new Error('Nobody stores')),
				verify,
				copy: ({ prefix }) => copySnapshot(prefix, main, offsite, sha256, () => {}, signal),
			},
			recordVerification: async () => undefined,
		});
		return { places, run: () => work(job({ kind: 'copy' }), () => undefined, signal) };
	};

	test('is made anew once its source was read', async () => {
		const both = await damaged();
		const steps: string[] = [];
		const isWhole = () => both.offsite.objects.has(`${prefixOf(idOf(0))}data.mdb`);
		const { places, run } = working(both, async ({ place }) => void steps.push(`${place} ${isWhole()}`));
		await run();
		expect(steps).toEqual(['main false', 'offsite true']);
		const { snapshots } = await readHoldings(places);
		expect(snapshots.flatMap(({ copies }) => copies.map(({ entry }) => entry.problem))).toEqual([undefined, undefined]);
	});

	test('of another manifest is made anew, and not taken for the other one still', async () => {
		const both = await damaged();
		const other = new TextEncoder().encode(manifestText(manifestOf(idOf(7))));
		both.offsite.objects.set(`${prefixOf(idOf(0))}manifest.json`, other);
		const { places, run } = working(both, async () => undefined);
		await run();
		expect(missingCopies(places, await readHoldings(places), new Map(), AT)).toEqual([]);
	});

	test('stays where its source turns out to be damaged as well', async () => {
		const both = await damaged();
		const before = [...both.offsite.objects.keys()];
		const { run } = working(both, () => Promise.reject(new CustodianError('object_damaged', 'x', 'Changed.')));
		await expect(run()).rejects.toMatchObject({ code: 'object_damaged' });
		expect([...both.offsite.objects.keys()]).toEqual(before);
	});
});

test('nothing is missing in a place that cannot be read: nobody knows what it holds', async () => {
	const [main, offsite] = repositories();
	await store(main, idOf(0));
	const places = placesOf(main, offsite).map((place) =>
		place.name === 'main'
			? place
			: { ...place, open: () => Promise.reject(new CustodianError('repository_unreachable', 'x', 'Away.')) }
	);
	expect(missingCopies(places, await readHoldings(places), new Map(), AT)).toEqual([]);
});

test('each one that is missing is copied and verified, and one that fails does not stop the next', async () => {
	const [main, offsite] = repositories();
	await store(main, idOf(0));
	await store(main, idOf(1));
	const steps: string[] = [];
	const work = copyWork({
		places: placesOf(main, offsite),
		policies: new Map(),
		nodePrefix: 'n1/',
		clock: { now: () => AT, monotonic: () => 0 },
		workshop: {
			store: () => Promise.reject(new Error('Nobody stores')),
			verify: async ({ place, prefix }) => void steps.push(`verify ${place} ${prefix}`),
			async copy({ from, to, prefix }) {
				if (prefix === prefixOf(idOf(1))) throw new CustodianError('repository_full', 'offsite', 'Full.');
				steps.push(`copy ${from} ${to} ${prefix}`);
			},
		},
		recordVerification: async () => undefined,
	});
	await expect(work(job({ kind: 'copy' }), () => undefined, signal)).rejects.toMatchObject({
		code: 'repository_full',
		result: { copied: [{ id: idOf(0) }], failed: [{ id: idOf(1) }] },
	});
	expect(steps).toEqual([`copy main offsite ${prefixOf(idOf(0))}`, `verify offsite ${prefixOf(idOf(0))}`]);
});
