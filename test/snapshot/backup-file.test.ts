import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkBackup, type MetaPlaces, planMend } from '../../lib/snapshot/backup-file.ts';

const synced = (transaction: bigint) => ({ transaction, unsynced: false });
const unsynced = (transaction: bigint) => ({ transaction, unsynced: true });

describe('a copied database file', () => {
	test.each<[string, MetaPlaces, boolean, bigint]>([
		['a compact copy', { slots: [synced(0n), synced(7n)], flushed: undefined }, true, 7n],
		['a synced state', { slots: [synced(6n), synced(7n)], flushed: synced(6n) }, true, 7n],
		['an unsynced state that was flushed', { slots: [unsynced(6n), unsynced(7n)], flushed: synced(7n) }, true, 7n],
		['an unsynced state', { slots: [unsynced(6n), unsynced(7n)], flushed: synced(6n) }, false, 6n],
		['unsynced states, flushed long ago', { slots: [unsynced(8n), unsynced(7n)], flushed: synced(3n) }, false, 3n],
		['one meta page', { slots: [undefined, synced(7n)], flushed: undefined }, true, 7n],
	])('with %s', (_, places, survives, opensElsewhere) => {
		const check = checkBackup(places);
		expect(check).toMatchObject({ survives, opensElsewhere });
		expect(check.reasons.length).toBeGreaterThan(0);
	});

	test('survives once it is mended, with its newest state', () => {
		const meta = fc.record({ transaction: fc.bigInt(1n, 50n), unsynced: fc.boolean() });
		fc.assert(
			fc.property(meta, meta, fc.option(meta, { nil: undefined }), (first, second, flushed) => {
				const places: MetaPlaces = { slots: [first, second], flushed };
				const { newest } = checkBackup(places);
				const plan = planMend(places);
				expect(places.slots[plan.from]?.transaction).toBe(newest);
				const mended = checkBackup({
					slots: [synced(plan.slots[0]), synced(plan.slots[1])],
					flushed: synced(plan.flushed),
				});
				expect(mended).toMatchObject({ survives: true, newest, opensElsewhere: newest });
				// LMDB writes the next transaction over the older slot, by its number.
				expect(plan.slots[Number(newest % 2n)]).toBe(newest);
			})
		);
	});
});
