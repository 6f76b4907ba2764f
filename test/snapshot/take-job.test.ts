import { describe, expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import type { Progress } from '../../lib/jobs/progress.ts';
import type { Place } from '../../lib/snapshot/holdings.ts';
import { takeWork, type TakePorts, type VerifyTask } from '../../lib/snapshot/take-job.ts';
import { chosenDatabases, stage, type Copier } from '../../lib/snapshot/take.ts';
import { verifyWork } from '../../lib/snapshot/verify-job.ts';
import { job } from '../support/memory-jobs.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { AT, idOf, prefixOf, store } from '../support/snapshots.ts';

const GB = 1e9;
const signal = new AbortController().signal;
const databases = ['shop', 'crm'].map((name) => ({ name, fileBytes: GB }));

const place = (name: string, repository = new MemoryRepository()): Place => ({
	name,
	cache: new Map(),
	open: async () => repository,
});

/** Ports on a node where everything goes well and is written down; a test says what fails. */
function bench(fails: (step: string) => Error | undefined = () => undefined) {
	const steps: string[] = [];
	let ids = 0;
	const at = async (step: string) => {
		steps.push(step);
		const error = fails(step);
		if (error) throw error;
	};
	const copier: Copier = {
		databases: () => databases,
		freeBytes: async () => 10 * GB,
		async copy(database, id) {
			await at(`copy ${database}`);
			return { folder: `/staging/${id}`, takenAt: AT + 7, copyMs: 3 };
		},
		discard: (folder) => at(`discard ${folder}`),
	};
	const ports: TakePorts = {
		copier,
		workshop: {
			async store(task, onProgress) {
				await at(`store ${task.prefix}`);
				stored.push(task);
				onProgress({ step: 'store', bytes: 1 });
				return { rows: 3, sizeBytes: 10, storedBytes: 5, missingBlobs: 0 };
			},
			verify: (task: VerifyTask) => at(`verify ${task.depth} in ${task.place}`),
			copy: ({ from, to }) => at(`copy from ${from} to ${to}`),
		},
		places: [place('main'), place('offsite')],
		clock: { now: () => AT, monotonic: () => 0 },
		newId: () => idOf(ids++),
		node: 'n1',
		versions: { custodian: '1', harper: '4', node: '20' },
		recordVerification: (where, _, { result, depth }, error) =>
			at(`record ${depth} ${result} in ${where.name}${error ? ` ${error.code}` : ''}`),
		done: async (occurrence) => new Set(occurrence === 'nightly@done' ? ['shop'] : []),
		expectedBytes: async () => 5 * GB,
		prune: (database) => at(`prune ${database}`),
	};
	const stored: Parameters<TakePorts['workshop']['store']>[0][] = [];
	return { ports, steps, stored };
}

const failsAt =
	(beginning: string, code = 'no_space') =>
	(step: string) =>
		step.startsWith(beginning) ? new CustodianError(code, 's', 'Full.') : undefined;

const taking = (ports: TakePorts, request: object, told: Progress[] = [], stop = signal) =>
	takeWork(ports)(job({ kind: 'snapshot', request, by: 'admin' }), (progress) => void told.push(progress), stop);

describe('taking snapshots', () => {
	test('copies, stores, verifies and copies away each database, and prunes last', async () => {
		const { ports, steps, stored } = bench();
		const result = await taking(ports, { databases: ['shop'], label: 'x', pin: true });
		expect(steps).toEqual([
			'copy shop',
			`store ${prefixOf(idOf(0))}`,
			`discard /staging/${idOf(0)}`,
			'verify checksums in main',
			'record checksums good in main',
			'copy from main to offsite',
			'verify checksums in offsite',
			'record checksums good in offsite',
			'prune shop',
		]);
		const taken = { database: 'shop', id: idOf(0), takenAt: AT + 7, rows: 3, sizeBytes: 10, storedBytes: 5 };
		expect(result).toEqual({ taken: [{ ...taken, missingBlobs: 0, problems: [] }], failed: [] });
		expect(stored).toEqual([
			{
				facts: {
					format: 1,
					id: idOf(0),
					kind: 'full',
					node: 'n1',
					database: 'shop',
					takenAt: AT + 7,
					copyMs: 3,
					versions: ports.versions,
					by: 'admin',
					label: 'x',
				},
				folder: `/staging/${idOf(0)}`,
				prefix: prefixOf(idOf(0)),
				pin: true,
			},
		]);
	});

	test('names the database in all that it tells', async () => {
		const told: Progress[] = [];
		await taking(bench().ports, { databases: ['crm'] }, told);
		expect(told).toEqual([
			{ step: 'copy', totalBytes: GB, database: 'crm' },
			{ step: 'store', bytes: 1, database: 'crm' },
		]);
	});

	test('takes all of them where a star stands for them', async () => {
		const { ports, stored } = bench();
		await taking(ports, { databases: ['*'] });
		expect(stored.map(({ facts: { database } }) => database)).toEqual(['shop', 'crm']);
	});

	test('of an occurrence leaves out what has its snapshot of it already', async () => {
		const { ports, stored } = bench();
		const schedule = { name: 'nightly', occurrence: 'nightly@done' };
		await taking(ports, { databases: ['*'], schedule });
		expect(stored.map(({ facts }) => [facts.database, facts.schedule])).toEqual([['crm', schedule]]);
	});

	test.each([
		['copy shop', []],
		[`store ${prefixOf(idOf(0))}`, [`discard /staging/${idOf(0)}`]],
	])('goes on with the others where one fails at %s, and leaves nothing of it', async (step, left) => {
		const { ports, steps } = bench(failsAt(step));
		await expect(taking(ports, { databases: ['*'] })).rejects.toMatchObject({
			code: 'no_space',
			message: 'shop: Full.',
			result: {
				taken: [{ database: 'crm' }],
				failed: [{ database: 'shop', error: { code: 'no_space', message: 'Full.' } }],
			},
		});
		expect(steps.slice(steps.indexOf(step) + 1, steps.indexOf('copy crm'))).toEqual(left);
	});

	test('does not begin where the repository has no room for it', async () => {
		const { ports, steps } = bench();
		const repository = new MemoryRepository();
		repository.freeBytes = async () => 4 * GB;
		const full = { ...ports, places: [place('main', repository)] as const };
		await expect(taking(full, { databases: ['shop'] })).rejects.toMatchObject({ code: 'repository_full' });
		expect(steps).toEqual(['prune shop']);
	});

	test('prunes first where there is no room, and begins where that has made some', async () => {
		const { ports, steps } = bench();
		const [main, ...others] = ports.places;
		const freeBytes = async () => (steps.includes('prune shop') ? 6 : 4) * GB;
		const open: typeof main.open = async (...asked) => ({ ...(await main.open(...asked)), freeBytes });
		await taking({ ...ports, places: [{ ...main, open }, ...others] }, { databases: ['shop'] });
		expect(steps.slice(0, 2)).toEqual(['prune shop', 'copy shop']);
	});

	test('says how many more failed', async () => {
		await expect(taking(bench(failsAt('copy')).ports, { databases: ['*'] })).rejects.toThrow(
			'shop: Full. (and 1 more)'
		);
	});

	test('fails where the snapshot does not verify, which is recorded, and prunes nothing', async () => {
		const { ports, steps } = bench(failsAt('verify checksums in main', 'object_damaged'));
		await expect(taking(ports, { databases: ['shop'] })).rejects.toMatchObject({ code: 'object_damaged' });
		expect(steps.at(-1)).toBe('record checksums bad in main object_damaged');
	});

	test('condemns no snapshot because its repository is out of reach', async () => {
		const { ports, steps } = bench(failsAt('verify checksums in main', 'repository_unreachable'));
		await expect(taking(ports, { databases: ['shop'] })).rejects.toMatchObject({ code: 'repository_unreachable' });
		expect(steps.at(-1)).toBe('verify checksums in main');
	});

	test.each([
		['copy from main', 'No copy in offsite: Full.'],
		['prune', 'Old snapshots stay: Full.'],
	])('has its snapshot where %s fails, and tells of the problem', async (step, problem) => {
		expect(await taking(bench(failsAt(step)).ports, { databases: ['shop'] })).toMatchObject({
			taken: [{ database: 'shop', problems: [problem] }],
			failed: [],
		});
	});

	test('ends at once when it is cancelled, and leaves no staged copy', async () => {
		const abort = new AbortController();
		const { ports, steps } = bench((step) => {
			if (step.startsWith('store')) abort.abort(new Error('cancelled'));
			return step.startsWith('store') ? new Error('stopped') : undefined;
		});
		await expect(taking(ports, { databases: ['*'] }, [], abort.signal)).rejects.toThrow('cancelled');
		expect(steps.at(-1)).toBe(`discard /staging/${idOf(0)}`);
	});

	test('refuses a request that is none, and a database that is none', async () => {
		await expect(taking(bench().ports, {})).rejects.toMatchObject({ code: 'job_not_understood' });
		await expect(taking(bench().ports, { databases: ['x'] })).rejects.toMatchObject({ code: 'database_missing' });
	});
});

describe('staging a copy', () => {
	const RESERVE = 256 * 2 ** 20;

	const staging = (freeBytes: number) => {
		const copier = { ...bench().ports.copier, freeBytes: async () => freeBytes };
		return stage(copier, databases[0]!, idOf(0), () => {}, signal);
	};

	test('needs room for all of it, and for what must stay free', async () => {
		await expect(staging(GB + RESERVE)).resolves.toMatchObject({ folder: `/staging/${idOf(0)}` });
		await expect(staging(GB + RESERVE - 1)).rejects.toMatchObject({ code: 'no_space', subject: 'shop' });
	});

	test('of databases that are named twice, or with a star, takes each once', () => {
		const names = (...wanted: string[]) => chosenDatabases(wanted, databases).map(({ name }) => name);
		expect(names('crm', 'crm')).toEqual(['crm']);
		expect(names('crm', '*')).toEqual(['shop', 'crm']);
		expect(names()).toEqual([]);
		expect(() => names('*', 'x')).toThrow(expect.objectContaining({ hint: 'There are shop, crm.' }));
	});
});

describe('verifying snapshots', () => {
	async function holding() {
		const { ports, steps } = bench(failsAt('verify deep in offsite', 'object_damaged'));
		const [main, copy] = [new MemoryRepository(), new MemoryRepository()];
		for (const day of [0, 1]) await store(main, idOf(day));
		await store(copy, idOf(1));
		return { ports: { ...ports, places: [place('main', main), place('offsite', copy)] as const }, steps };
	}
	const verifying = (ports: TakePorts, ids: readonly string[]) =>
		verifyWork(ports)(job({ request: { ids, depth: 'deep' } }), () => {}, signal);

	test('reads each where it lies, and records it', async () => {
		const { ports, steps } = await holding();
		expect(await verifying(ports, [idOf(0)])).toEqual({ verified: [{ id: idOf(0), place: 'main' }] });
		expect(steps).toEqual(['verify deep in main', 'record deep good in main']);
	});

	test('reads the others too where one is damaged', async () => {
		const { ports, steps } = await holding();
		const error = { code: 'object_damaged', message: 'Full.' };
		await expect(verifying(ports, [idOf(1), idOf(0)])).rejects.toMatchObject({
			code: 'object_damaged',
			message: `${idOf(1)} in offsite: Full.`,
			result: {
				verified: [
					{ id: idOf(1), place: 'main' },
					{ id: idOf(1), place: 'offsite', error },
					{ id: idOf(0), place: 'main' },
				],
			},
		});
		expect(steps).toContain('record deep bad in offsite object_damaged');
	});

	test('says of a snapshot that is nowhere that it is missing', async () => {
		const { ports } = await holding();
		await expect(verifying(ports, [idOf(9)])).rejects.toMatchObject({
			code: 'snapshot_missing',
			message: `There is no snapshot ${idOf(9)}.`,
		});
	});
});
