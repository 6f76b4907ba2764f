import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deletionOrder, planPrune } from '../../lib/snapshot/prune.ts';
import { planRetention } from '../../lib/snapshot/retention.ts';
import { anyPolicy, anySnapshots, NOW, taken } from './subjects.ts';

const NAMES = ['blobs.tar.br', 'data.mdb.br', 'manifest.json', 'verifications/1.json'];

function objectsOf(id: string): readonly string[] {
	return NAMES.map((name) => `node/data/snapshots/${id}/${name}`);
}

test('each pruned snapshot is deleted by itself, the oldest first, and says why', () => {
	const all = ['2026-11-23T02:00Z', '2026-11-22T02:00Z', '2026-11-21T02:00Z'].map((at) => taken(at));
	const plan = planRetention(all, { timezone: 'UTC', last: 1 }, NOW);
	expect(planPrune(plan, objectsOf)).toEqual([
		{
			id: '2026-11-21T02:00Z',
			keys: [
				'node/data/snapshots/2026-11-21T02:00Z/manifest.json',
				'node/data/snapshots/2026-11-21T02:00Z/blobs.tar.br',
				'node/data/snapshots/2026-11-21T02:00Z/data.mdb.br',
				'node/data/snapshots/2026-11-21T02:00Z/verifications/1.json',
			],
			sentence: '2026-11-21T02:00Z is pruned: it is the 3rd, and the policy keeps the last 1.',
		},
		expect.objectContaining({ id: '2026-11-22T02:00Z' }),
	]);
});

test('wherever the deletions stop, every snapshot that is listed has all its objects', () => {
	fc.assert(
		fc.property(anySnapshots, anyPolicy, (snapshots, policy) => {
			const left = new Set(snapshots.flatMap(({ id }) => objectsOf(id)));
			for (const { keys } of planPrune(planRetention(snapshots, policy, NOW), objectsOf)) {
				for (const key of keys) {
					left.delete(key);
					const listed = snapshots.filter(({ id }) => left.has(`node/data/snapshots/${id}/manifest.json`));
					expect(listed.flatMap(({ id }) => objectsOf(id)).filter((one) => !left.has(one))).toEqual([]);
				}
			}
		}),
		{ numRuns: 50 }
	);
});

describe('the objects of a snapshot', () => {
	test('may lack a manifest, as those of one that failed', () => {
		expect(deletionOrder('a', ['n/d/snapshots/a/data.mdb.br'])).toEqual(['n/d/snapshots/a/data.mdb.br']);
		expect(deletionOrder('a', [])).toEqual([]);
	});

	test('are those of its folder, whatever node and database are called', () => {
		const keys = ['snapshots/snapshots/snapshots/a/manifest.json'];
		expect(deletionOrder('a', keys)).toEqual(keys);
	});

	test.each([
		'n/d/snapshots/b/data.mdb.br',
		'n/d/snapshots/ab/data.mdb.br',
		'n/d/snapshots/a',
		'n/d/snapshots/a/',
		'n/d/archive/a/data.mdb.br',
		'n/d/snapshots/b/snapshots/a/manifest.json',
		'custodian.json',
	])('do not include %s', (key) => {
		expect(() => deletionOrder('a', ['n/d/snapshots/a/manifest.json', key])).toThrow(
			expect.objectContaining({ code: 'foreign_object', subject: key })
		);
	});
});
