import fc from 'fast-check';
import { expect, test } from 'vitest';
import { latestVerification, recordVerification, supersededVerifications } from '../../lib/snapshot/verification.ts';
import { all, textOf } from '../support/bytes.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { AT, idOf, prefixOf } from '../support/snapshots.ts';

const prefix = prefixOf(idOf(0));

test('a verification is recorded as an object whose name tells it', async () => {
	const repository = new MemoryRepository();
	const error = { code: 'object_damaged', message: 'Cut short.' };
	await recordVerification(repository, prefix, { at: AT, depth: 'deep', result: 'bad' }, error);
	const key = `${prefix}verifications/${AT}-deep-bad.json`;
	expect([...repository.objects.keys()]).toEqual([key]);
	expect(JSON.parse(await textOf(repository.read(key)))).toEqual({ at: AT, depth: 'deep', result: 'bad', error });
	expect(latestVerification([key.slice(prefix.length)])).toEqual({
		verification: { at: AT, depth: 'deep', result: 'bad' },
		verifiedAt: undefined,
		deeplyVerifiedAt: undefined,
	});
});

test('the latest of each sort counts, whatever the order of the names, and foreign names do not', () => {
	const names = [
		'verifications/0000000000030-checksums-good.json',
		'verifications/0000000000010-deep-good.json',
		'verifications/0000000000040-deep-bad.json',
		'verifications/0000000000020-deep-good.json',
		'verifications/0000000000099-quick-good.json',
		'verifications/99-deep-good.json',
		'data.mdb',
	];
	const { verification, verifiedAt, deeplyVerifiedAt } = latestVerification(names);
	expect(verification).toEqual({ at: 40, depth: 'deep', result: 'bad' });
	expect([verifiedAt, deeplyVerifiedAt]).toEqual([30, 20]);
	expect(supersededVerifications(names)).toEqual(['verifications/0000000000010-deep-good.json']);
});

test('a snapshot that nobody read has no verification', () => {
	expect(latestVerification(['data.mdb', 'manifest.json'])).toEqual({
		verification: undefined,
		verifiedAt: undefined,
		deeplyVerifiedAt: undefined,
	});
});

test('without those that are superseded the rest tells the same, and nothing else ever is', () => {
	const name = fc
		.tuple(fc.integer({ min: 0, max: 20 }), fc.constantFrom('deep', 'checksums'), fc.constantFrom('good', 'bad'))
		.map(([at, depth, result]) => `verifications/${String(at).padStart(13, '0')}-${depth}-${result}.json`);
	fc.assert(
		fc.property(fc.uniqueArray(name), (names) => {
			const superseded = supersededVerifications([...names, 'data.mdb', 'manifest.json', 'pin.json']);
			expect(superseded).not.toContain('data.mdb');
			const rest = names.filter((one) => !superseded.includes(one));
			expect(latestVerification(rest)).toEqual(latestVerification(names));
			expect(supersededVerifications(rest)).toEqual([]);
		})
	);
});

test('a bad result that a clock set back dates before a good one is believed, and kept', async () => {
	const repository = new MemoryRepository();
	await recordVerification(repository, prefixOf(idOf(0)), { at: AT, depth: 'deep', result: 'good' });
	await recordVerification(repository, prefixOf(idOf(0)), { at: AT - 3_600_000, depth: 'checksums', result: 'bad' });
	const names = (await all(repository.list(prefixOf(idOf(0))))).map(({ key }) => key.slice(prefixOf(idOf(0)).length));
	expect(latestVerification(names)).toMatchObject({ verification: { result: 'bad' }, verifiedAt: AT });
});
