import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { directoryRepository } from '../../lib/adapters/directory/repository.ts';
import type { Leftover } from '../../lib/repository/repository.ts';
import { readCatalogue, readManifest } from '../../lib/snapshot/catalogue.ts';
import { clean, planCleaning, takeBack } from '../../lib/snapshot/clean.ts';
import type { Place } from '../../lib/snapshot/holdings.ts';
import { writePin, writeText } from '../../lib/snapshot/store.ts';
import { plansOf, prune, pruneWork, reconcileWork } from '../../lib/snapshot/upkeep-job.ts';
import { planUpkeep, removeSnapshot, subjectOf, type Policies } from '../../lib/snapshot/upkeep.ts';
import { recordVerification } from '../../lib/snapshot/verification.ts';
import { verifySnapshot } from '../../lib/snapshot/verify.ts';
import { heldAfter } from '../support/bytes.ts';
import { job } from '../support/memory-jobs.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { AT, Died, dyingAfter, factsOf, idOf, prefixOf, store, verifyPorts } from '../support/snapshots.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;
const clock = { now: () => AT + 100 * DAY };
const policies: Policies = new Map([['nightly', { last: 2, timezone: 'UTC' }]]);

/** Also keeps what a write left behind. */
class WithLeftovers extends MemoryRepository {
	left: Leftover[] = [];

	override async *leftovers(): AsyncGenerator<Leftover> {
		yield* this.left;
	}

	override async removeLeftover(leftover: Leftover): Promise<void> {
		this.left = this.left.filter((one) => one !== leftover);
	}
}

async function scheduled(
	repository: MemoryRepository,
	day: number,
	{
		node = 'n1',
		database = 'shop',
		schedule = 'nightly',
	}: Partial<Record<'node' | 'database' | 'schedule', string>> = {}
): Promise<void> {
	const id = idOf(day);
	const named = { name: schedule, occurrence: `${schedule}@${day}` };
	const facts = factsOf(id, { node, database, takenAt: AT + day * DAY, schedule: named });
	await store(repository, id, { facts, prefix: prefixOf(id, database, node) });
}

async function nights(...days: number[]): Promise<MemoryRepository> {
	const repository = new MemoryRepository();
	for (const day of days) await scheduled(repository, day);
	return repository;
}

function place(repository: MemoryRepository | ReturnType<typeof dyingAfter>, name = 'main'): Place {
	return { name, cache: new Map(), open: async () => repository };
}

const listed = async (repository: MemoryRepository) => (await readCatalogue(repository, new Map())).map(({ id }) => id);

async function actions(repository: MemoryRepository, answering: Policies = policies): Promise<string[]> {
	const decisions = planUpkeep(await readCatalogue(repository, new Map()), answering, clock.now());
	return decisions.map(({ entry, schedule, action }) => `${entry.id} ${schedule} ${action}`);
}

describe('a plan for what lies in one place', () => {
	test('lets each schedule keep what its policy says, of each database for itself', async () => {
		const repository = await nights(0, 1, 2);
		for (const day of [3, 4, 5]) await scheduled(repository, day, { database: 'crm' });
		expect((await actions(repository)).toSorted()).toEqual([
			`${idOf(0)} nightly prune`,
			`${idOf(1)} nightly keep`,
			`${idOf(2)} nightly keep`,
			`${idOf(3)} nightly prune`,
			`${idOf(4)} nightly keep`,
			`${idOf(5)} nightly keep`,
		]);
	});

	test('leaves alone what somebody asked for by hand, and what a schedule took that is no more', async () => {
		const repository = new MemoryRepository();
		await store(repository, idOf(0));
		for (const day of [1, 2, 3, 4]) await scheduled(repository, day, { schedule: 'former' });
		const decisions = planUpkeep(await readCatalogue(repository, new Map()), policies, clock.now());
		expect(decisions.map(({ schedule, action, reasons }) => [schedule, action, reasons])).toEqual(
			Array.from({ length: 5 }, () => [undefined, 'keep', [{ rule: 'no-policy' }]])
		);
		expect(decisions[0]?.sentence).toBe(`${idOf(0)} is kept: no schedule answers for it.`);
	});

	test('keeps a pinned one, and the newest verified one', async () => {
		const repository = await nights(0, 1, 2, 3, 4);
		await writePin(repository, prefixOf(idOf(0)));
		await recordVerification(repository, prefixOf(idOf(1)), { at: AT, depth: 'deep', result: 'good' });
		expect((await actions(repository)).filter((action) => action.endsWith('prune'))).toEqual([
			`${idOf(2)} nightly prune`,
		]);
	});

	test('looks at a manifest that cannot be read as at a damaged snapshot that nobody answers for', async () => {
		const repository = await nights(0);
		repository.objects.set(`${prefixOf(idOf(0))}manifest.json`, new Uint8Array(1));
		const [entry] = await readCatalogue(repository, new Map());
		expect(subjectOf(entry!)).toEqual({
			id: idOf(0),
			takenAt: AT,
			state: 'damaged',
			verifiedAt: undefined,
			pinned: false,
			schedule: undefined,
			kind: 'full',
		});
		expect(await actions(repository)).toEqual([`${idOf(0)} undefined keep`]);
	});
});

describe('pruning', () => {
	test('deletes in every place what its plan says, and nothing else', async () => {
		const [main, copy] = [await nights(0, 1, 2, 3), await nights(0, 3)];
		await scheduled(main, 9, { database: 'crm' });
		const ports = { places: [place(main), place(copy, 'offsite')], policies, clock };
		expect(await prune(ports, '', signal)).toEqual([idOf(0), idOf(1)]);
		expect((await listed(main)).toSorted()).toEqual([idOf(2), idOf(3), idOf(9)]);
		expect(await listed(copy)).toEqual([idOf(0), idOf(3)]);
		expect([...main.objects.keys()].filter((key) => key.includes(idOf(0)))).toEqual([]);
	});

	test('of one database touches no other', async () => {
		const repository = await nights(0, 1, 2);
		for (const day of [3, 4, 5]) await scheduled(repository, day, { database: 'crm' });
		expect(await prune({ places: [place(repository)], policies, clock }, 'n1/crm/', signal)).toEqual([idOf(3)]);
	});

	test('as a job says what was deleted, and leaves the snapshots of other nodes to them', async () => {
		const repository = await nights(0, 1, 2);
		for (const day of [3, 4, 5]) await scheduled(repository, day, { node: 'n2' });
		const work = pruneWork({ places: [place(repository)], policies, clock });
		expect(await work(job({ request: { node: 'n1' } }), () => {}, signal)).toEqual({ pruned: [idOf(0)] });
	});

	test('is planned without deleting anything', async () => {
		const repository = await nights(0, 1, 2);
		const [plan] = await plansOf({ places: [place(repository)], policies, clock }, 'n1/');
		expect(plan?.decisions.filter(({ action }) => action === 'prune')).toHaveLength(1);
		expect(await listed(repository)).toHaveLength(3);
	});

	test('that dies anywhere leaves only snapshots that verify, and ends as if it had not died', async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.boolean()), { maxLength: 4 }),
				fc.integer({ min: 0, max: 5 }),
				async (deaths, verified) => {
					const make = async () => {
						const repository = await nights(0, 1, 2, 3, 4, 5);
						await recordVerification(repository, prefixOf(idOf(verified)), { at: AT, depth: 'deep', result: 'good' });
						return repository;
					};
					const undisturbed = await make();
					await prune({ places: [place(undisturbed)], policies, clock }, '', signal);
					const repository = await make();
					for (const [calls, worked] of deaths) {
						const places = [place(dyingAfter(repository, calls, worked))];
						await prune({ places, policies, clock }, '', signal).catch((error: unknown) => {
							if (!(error instanceof Died)) throw error;
						});
						for (const { prefix, problem } of await readCatalogue(repository, new Map())) {
							expect(problem).toBeUndefined();
							const manifest = await readManifest(repository, prefix);
							await verifySnapshot({ manifest, prefix, depth: 'deep' }, verifyPorts(repository), () => {}, signal);
						}
					}
					await prune({ places: [place(repository)], policies, clock }, '', signal);
					expect(await listed(repository)).toEqual(await listed(undisturbed));
					await clean(repository, await planCleaning(repository, 'n1/', clock.now()));
					expect([...repository.objects.keys()].toSorted()).toEqual([...undisturbed.objects.keys()].toSorted());
				}
			),
			{ numRuns: 40 }
		);
	});
});

test('removing a snapshot takes its manifest first and all of its objects, and no neighbour', async () => {
	const repository = await nights(0, 1);
	await writePin(repository, prefixOf(idOf(0)));
	const removed: string[] = [];
	const watching = Object.assign(Object.create(repository), {
		async remove(key: string) {
			removed.push(key.slice(prefixOf(idOf(0)).length));
			await repository.remove(key);
		},
	});
	await removeSnapshot(watching, { id: idOf(0), prefix: prefixOf(idOf(0)) });
	expect(removed).toEqual(['manifest.json', 'blobs.tar', 'data.mdb', 'pin.json']);
	expect(await listed(repository)).toEqual([idOf(1)]);
});

describe('cleaning', () => {
	test('removes what belongs to no snapshot and is a day old, and says how much', async () => {
		const repository = new WithLeftovers();
		await scheduled(repository, 0);
		await writeText(repository, 'custodian.json', '{}');
		await writeText(repository, `${prefixOf(idOf(1))}data.mdb`, 'abc');
		await writeText(repository, `${prefixOf(idOf(100))}data.mdb`, 'young');
		await writeText(repository, 'foreign', 'x');
		await writeText(repository, `${prefixOf(idOf(1), 'shop', 'n2')}data.mdb`, 'another node, which may be slow');
		const old = { name: `${prefixOf(idOf(1))}data.mdb u1`, startedAt: AT, sizeBytes: 4 };
		const unknown = { name: `${prefixOf(idOf(1))}blobs.tar u2`, startedAt: AT, sizeBytes: undefined };
		const young = { name: `${prefixOf(idOf(100))}data.mdb u3`, startedAt: clock.now(), sizeBytes: 4 };
		const foreign = { name: `${prefixOf(idOf(1), 'shop', 'n2')}data.mdb u4`, startedAt: AT, sizeBytes: 4 };
		repository.left = [old, unknown, young, foreign];
		const before = await listed(repository);
		const work = reconcileWork({ places: [place(repository)], policies, clock });
		expect(await work(job({ request: { node: 'n1' } }), () => {}, signal)).toEqual({
			places: [{ place: 'main', removed: 3, removedBytes: 7 }],
		});
		expect(await listed(repository)).toEqual(before);
		expect(repository.left).toEqual([young, foreign]);
		const keys = [...repository.objects.keys()].filter((key) => !key.startsWith(prefixOf(idOf(0))));
		expect(keys.toSorted()).toEqual([
			'custodian.json',
			'foreign',
			`${prefixOf(idOf(100))}data.mdb`,
			`${prefixOf(idOf(1), 'shop', 'n2')}data.mdb`,
		]);
	});

	test('tells what this node was writing into a directory from what other nodes were', async () => {
		const repository = directoryRepository(await temporaryDirectory());
		const long = 'x'.repeat(140);
		const nodes = ['n1', 'n', 'n11', 'a-n1', long];
		const begun = nodes.map((node) => {
			const held = heldAfter(['a'], ['b']);
			return { ...held, written: repository.write(`${prefixOf(idOf(1), 'shop', node)}data.mdb`, held.bytes) };
		});
		for (const { waiting } of begun) await waiting;
		const names = async (below: string) =>
			(await planCleaning(repository, below, AT)).leftovers
				.map(({ leftover }) => leftover.name.split('-').slice(2).join('-'))
				.toSorted();
		expect(await names('n1/')).toEqual([`n1+shop+snapshots+${idOf(1)}+data.mdb`]);
		expect(await names('')).toHaveLength(nodes.length);
		// Of its key the beginning is cut off.
		expect(await names(`${long}/`)).toEqual([]);
		for (const { release, written } of begun) {
			release();
			await written;
		}
	});

	test.each([{}, { node: '' }, undefined])('and pruning refuse a request that names no node: %j', async (request) => {
		const ports = { places: [place(await nights(0, 1, 2))], policies, clock };
		for (const work of [pruneWork(ports), reconcileWork(ports)]) {
			await expect(work(job({ request }), () => {}, signal)).rejects.toMatchObject({ code: 'job_not_understood' });
		}
	});

	test('spares an object whose snapshot has got its manifest since the plan was made', async () => {
		const repository = new MemoryRepository();
		await writeText(repository, `${prefixOf(idOf(0))}data.mdb`, 'abc');
		const plan = await planCleaning(repository, 'n1/', clock.now());
		expect(plan.objects.map(({ action }) => action)).toEqual(['remove']);
		await writeText(repository, `${prefixOf(idOf(0))}manifest.json`, '{}');
		expect(await clean(repository, plan)).toEqual({ removed: 0, removedBytes: 0 });
		expect(repository.objects.has(`${prefixOf(idOf(0))}data.mdb`)).toBe(true);
	});
});

describe('taking back what a dead process stored', () => {
	test('takes the unfinished snapshots that are named, with what their writes left, and nothing else', async () => {
		const repository = new WithLeftovers();
		await scheduled(repository, 0);
		const unfinished = [prefixOf(idOf(1)), prefixOf(idOf(2)), prefixOf(idOf(1), 'shop', 'n2')];
		for (const prefix of unfinished) await writeText(repository, `${prefix}data.mdb`, 'x');
		const mine = { name: `tmp-${idOf(1)}`, startedAt: 0, sizeBytes: 1 };
		const another = { name: `tmp-${idOf(2)}`, startedAt: 0, sizeBytes: 1 };
		repository.left = [mine, another];
		await takeBack(repository, 'n1/', new Set([idOf(0), idOf(1)]));
		expect(await listed(repository)).toEqual([idOf(0)]);
		const data = [...repository.objects.keys()].filter((key) => key.endsWith('data.mdb'));
		expect(data).toEqual([prefixOf(idOf(0)), ...unfinished.slice(1)].map((prefix) => `${prefix}data.mdb`));
		expect(repository.left).toEqual([another]);
	});

	test('asks the repository nothing where nothing was being made', async () => {
		const nothing = new Proxy(new MemoryRepository(), {
			get: () => {
				throw new Error('It was asked');
			},
		});
		await expect(takeBack(nothing, 'n1/', new Set())).resolves.toBeUndefined();
	});
});
