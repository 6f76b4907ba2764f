import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readHoldings } from '../../lib/snapshot/holdings.ts';
import { dueForReading, rotationSubjects } from '../../lib/snapshot/rotation.ts';
import { recordVerification } from '../../lib/snapshot/verification.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { AT, idOf, prefixOf, store } from '../support/snapshots.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const WEEKLY = { withinMs: 7 * DAY, everyMs: HOUR };

test('the longest unread is read first, an even share at each look, and none before half the time', () => {
	const subjects = Array.from({ length: 336 }, (_, hours) => ({ id: `${hours}`, readAt: -hours * HOUR * 0.48 }));
	expect(dueForReading(subjects, 0, WEEKLY)).toEqual(['335', '334']);
	const fresh = subjects.map((subject) => ({ ...subject, readAt: -3.5 * DAY }));
	expect(dueForReading(fresh, 0, WEEKLY)).toEqual([]);
	expect(dueForReading(fresh, 1, WEEKLY)).toHaveLength(2);
});

test('what would be late at the next look is read now, however many there are', () => {
	const subjects = ['a', 'b', 'c'].map((id) => ({ id, readAt: 0 }));
	expect(dueForReading(subjects, 7 * DAY - 2 * HOUR, WEEKLY)).toEqual(['a']);
	expect(dueForReading(subjects, 7 * DAY - 2 * HOUR + 1, WEEKLY)).toEqual(['a', 'b', 'c']);
});

test('no snapshots are none to read', () => {
	expect(dueForReading([], 0, WEEKLY)).toEqual([]);
});

test('over time every snapshot is read within the time, whenever it comes, though each look may be late by one', () => {
	const arrivals = fc.array(fc.record({ look: fc.nat(200), count: fc.integer({ min: 1, max: 20 }) }), {
		maxLength: 20,
	});
	fc.assert(
		fc.property(arrivals, fc.integer({ min: 1, max: 60 }), fc.func(fc.boolean()), (all, looksWithin, isLate) => {
			const everyMs = HOUR;
			const withinMs = looksWithin * everyMs;
			const readAt = new Map<string, number>();
			let now = 0;
			for (let look = 0; look < 250; look++) {
				now = (look + (looksWithin > 2 && isLate(look) ? 1 : 0)) * everyMs;
				const longestMs = Math.max(0, ...[...readAt.values()].map((at) => now - at));
				expect(longestMs).toBeLessThanOrEqual(withinMs);
				const subjects = [...readAt].map(([id, at]) => ({ id, readAt: at }));
				for (const id of dueForReading(subjects, now, { withinMs, everyMs })) readAt.set(id, now);
				for (const [index, { look: at, count }] of all.entries()) {
					if (at !== look) continue;
					for (let one = 0; one < count; one++) readAt.set(`${index}-${one}`, now);
				}
			}
		}),
		{ numRuns: 50 }
	);
});

describe('when a snapshot was last read', () => {
	const subjects = async (repositories: readonly MemoryRepository[], keys: readonly string[] = []) => {
		const places = repositories.map((repository, index) => ({
			name: `p${index}`,
			cache: new Map(),
			open: async () => repository,
		}));
		return rotationSubjects((await readHoldings(places)).snapshots, new Set(keys));
	};

	test.each([
		['nobody has read it: when it was taken', [], AT],
		['it was found whole', [[5, 'deep', 'good']], AT + 5],
		['it was found damaged, which reading it again each hour does not mend', [[5, 'deep', 'bad']], AT + 5],
		[
			'it was found damaged after it was whole',
			[
				[5, 'deep', 'good'],
				[7, 'deep', 'bad'],
			],
			AT + 7,
		],
		[
			'only its checksums were compared since',
			[
				[5, 'deep', 'good'],
				[7, 'checksums', 'good'],
			],
			AT + 5,
		],
	] as const)('%s', async (_, verifications, readAt) => {
		const repository = new MemoryRepository();
		await store(repository, idOf(0));
		for (const [after, depth, result] of verifications) {
			await recordVerification(repository, prefixOf(idOf(0)), { at: AT + after, depth, result });
		}
		expect(await subjects([repository])).toEqual([{ id: idOf(0), readAt }]);
	});

	test('is told by the copy that was not read for the longest time', async () => {
		const repositories = [new MemoryRepository(), new MemoryRepository()];
		for (const [index, repository] of repositories.entries()) {
			await store(repository, idOf(0));
			await recordVerification(repository, prefixOf(idOf(0)), { at: AT + 9 - index, depth: 'deep', result: 'good' });
		}
		expect(await subjects(repositories)).toEqual([{ id: idOf(0), readAt: AT + 8 }]);
	});

	test('does not matter while its key is missing', async () => {
		const repository = new MemoryRepository();
		await store(repository, idOf(0), { sealing: { keyId: 'k1', wrappedKey: 'w' } });
		expect(await subjects([repository])).toEqual([]);
		expect(await subjects([repository], ['k1'])).toHaveLength(1);
	});
});
