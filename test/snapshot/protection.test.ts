import fc from 'fast-check';
import { expect, test } from 'vitest';
import { protections } from '../../lib/snapshot/protection.ts';
import { planRetention } from '../../lib/snapshot/retention.ts';
import { anyPolicy, anySnapshots, NOW, taken } from './subjects.ts';

function reasonsById(...snapshots: Parameters<typeof protections>[0][number][]): Record<string, string[]> {
	return Object.fromEntries(
		protections(snapshots, NOW).map(({ id, reasons }) => [id, reasons.map(({ rule }) => rule)])
	);
}

test('the newest good, the newest verified and all that are pinned are protected', () => {
	expect(
		reasonsById(
			taken('2026-11-23T03:00Z', { state: 'failed' }),
			taken('2026-11-23T02:00Z'),
			taken('2026-11-22T02:00Z', { verifiedAt: NOW }),
			taken('2026-11-21T02:00Z', { verifiedAt: NOW }),
			taken('2026-11-20T02:00Z', { pinned: true, state: 'damaged' })
		)
	).toEqual({
		'2026-11-23T02:00Z': ['newest-good'],
		'2026-11-22T02:00Z': ['newest-verified'],
		'2026-11-20T02:00Z': ['pinned'],
	});
});

test('one snapshot may be protected by all three, and says so', () => {
	const [only] = protections([taken('2026-11-23T02:00Z', { verifiedAt: NOW, pinned: true })], NOW);
	expect(only?.sentence).toBe(
		'2026-11-23T02:00Z is kept: it is pinned; it is the newest good one; it is the newest verified one.'
	);
});

test('one from the future stands in for nothing that is there', () => {
	expect(
		reasonsById(taken('2099-01-01T00:00Z', { verifiedAt: NOW }), taken('2026-11-23T02:00Z', { verifiedAt: NOW }))
	).toEqual({
		'2026-11-23T02:00Z': ['newest-good', 'newest-verified'],
	});
});

test('the last copy is protected even where it is dated in the future', () => {
	expect(reasonsById(taken('2099-01-01T00:00Z'), taken('2026-11-23T02:00Z', { state: 'damaged' }))).toEqual({
		'2099-01-01T00:00Z': ['newest-good'],
	});
});

test('an external snapshot does not make the last full one dispensable', () => {
	expect(reasonsById(taken('2026-11-23T03:00Z', { kind: 'external' }), taken('2026-11-22T02:00Z'))).toEqual({
		'2026-11-23T03:00Z': ['newest-good'],
		'2026-11-22T02:00Z': ['newest-good'],
	});
});

test('of two from the same millisecond the one with the greater id is the newest, in whatever order they come', () => {
	const a = { ...taken('2026-11-23T02:00Z'), id: 'a' };
	const b = { ...taken('2026-11-23T02:00Z'), id: 'b' };
	expect(reasonsById(a, b)).toEqual(reasonsById(b, a));
	expect(Object.keys(reasonsById(a, b))).toEqual(['b']);
});

test('nothing is protected where nothing is', () => {
	expect(protections([], NOW)).toEqual([]);
});

test('no policy prunes what is protected', () => {
	fc.assert(
		fc.property(anySnapshots, anyPolicy, (snapshots, policy) => {
			const { deletions } = planRetention(snapshots, policy, NOW);
			expect(protections(snapshots, NOW).filter(({ id }) => deletions.includes(id))).toEqual([]);
		})
	);
});

test('a good snapshot is protected wherever there is one', () => {
	fc.assert(
		fc.property(anySnapshots, (snapshots) => {
			const good = snapshots.filter(({ state }) => state === 'complete').map(({ id }) => id);
			const shielded = protections(snapshots, NOW).map(({ id }) => id);
			expect(shielded.some((id) => good.includes(id))).toBe(good.length > 0);
		})
	);
});
