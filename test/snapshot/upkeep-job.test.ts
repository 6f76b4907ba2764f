import { describe, expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import { snapshotPrefix } from '../../lib/repository/keys.ts';
import type { Place } from '../../lib/snapshot/holdings.ts';
import { manifestText, type Manifest } from '../../lib/snapshot/manifest.ts';
import { isAskedFor, prune, upkeepDue } from '../../lib/snapshot/upkeep-job.ts';
import { job, MemoryJobs } from '../support/memory-jobs.ts';
import { MemoryRepository } from '../support/memory-repository.ts';

const NOW = Date.UTC(2026, 0, 3);
const policies = new Map([['nightly', { last: 1, timezone: 'UTC' }]]);
const clock = { now: () => NOW };
const { signal } = new AbortController();

describe('pruning', () => {
	test('goes on with the other places when one is out of reach, and says so in the end', async () => {
		for (const order of ['away first', 'away last']) {
			const repository = holding(3);
			const places = [away, placeOf('main', repository)];
			const pruning = prune(
				{ places: order === 'away first' ? places : places.toReversed(), policies, clock },
				'',
				signal
			);
			await expect(pruning).rejects.toMatchObject({ code: 'repository_unreachable' });
			expect([...repository.objects.keys()]).toEqual([keyOf(2)]);
		}
	});

	test('resolves with what it deleted anywhere', async () => {
		const places = [placeOf('main', holding(2)), placeOf('copy', holding(3))];
		expect(await prune({ places, policies, clock }, '', signal)).toEqual([idOf(0), idOf(1)]);
	});
});

describe('what is done by itself', () => {
	const HOUR = 3_600_000;
	const due = async (...jobs: Parameters<typeof job>[0][]) => {
		const store = new MemoryJobs();
		for (const [index, one] of jobs.entries()) await store.save(job({ id: `j${index}`, ...one }));
		return upkeepDue(store, NOW);
	};

	test('is due where it was never done', async () => {
		expect(await due()).toEqual(['prune', 'reconcile']);
		expect(await due({ kind: 'snapshot', state: 'succeeded', endedAt: NOW })).toEqual(['prune', 'reconcile']);
	});

	test.each(['succeeded', 'failed'] as const)('is due a day after it has %s, whoever ran it', async (state) => {
		expect(await due({ kind: 'prune', state, endedAt: NOW - 24 * HOUR + 1 })).toEqual(['reconcile']);
		expect(await due({ kind: 'prune', state, endedAt: NOW - 24 * HOUR })).toEqual(['prune', 'reconcile']);
	});

	test.each(['interrupted', 'cancelled'] as const)('is due at once where it was %s', async (state) => {
		expect(await due({ kind: 'reconcile', state, endedAt: NOW })).toEqual(['prune', 'reconcile']);
	});

	test.each(['queued', 'running'] as const)('is not asked for again while it is %s', async (state) => {
		expect(await due({ kind: 'reconcile', state, submittedAt: 0 })).toEqual(['prune']);
		const store = new MemoryJobs();
		await store.save(job({ kind: 'verify', state }));
		expect([isAskedFor(store, 'verify'), isAskedFor(store, 'copy')]).toEqual([true, false]);
		await store.save(job({ kind: 'verify', state: 'succeeded' }));
		expect(isAskedFor(store, 'verify')).toBe(false);
	});
});

const away: Place = {
	name: 'away',
	cache: new Map(),
	async open() {
		throw new CustodianError('repository_unreachable', 'away', 'It is not there.');
	},
};

function placeOf(name: string, repository: MemoryRepository): Place {
	return { name, cache: new Map(), open: async () => repository };
}

/** So many snapshots, one a day, of one schedule. */
function holding(count: number): MemoryRepository {
	const repository = new MemoryRepository();
	for (let day = 0; day < count; day++) {
		repository.objects.set(keyOf(day), new TextEncoder().encode(manifestText(manifestOf(day))));
	}
	return repository;
}

function idOf(day: number): string {
	return `2026010${day + 1}T000000000Z-00000000`;
}

function keyOf(day: number): string {
	return `${snapshotPrefix('node', 'shop', idOf(day))}manifest.json`;
}

function manifestOf(day: number): Manifest {
	return {
		format: 1,
		id: idOf(day),
		kind: 'external',
		node: 'node',
		database: 'shop',
		takenAt: Date.UTC(2026, 0, day + 1),
		tookMs: { copy: 1, store: 1 },
		schedule: { name: 'nightly', occurrence: idOf(day) },
		versions: { custodian: '1', harper: '1', node: '1' },
		compression: 'none',
		objects: [],
	};
}
