import { expect, test } from 'vitest';
import { openRepository } from '../../lib/repository/open.ts';
import { readOnly, requireRepository } from '../../lib/repository/read-only.ts';
import { MemoryRepository } from '../support/memory-repository.ts';

async function* nothing() {}

test('a repository that is opened for reading refuses every change', async () => {
	const repository = new MemoryRepository();
	await repository.write('a', nothing());
	const reading = readOnly(repository);
	const refused = { code: 'repository_refused' };
	await expect(reading.write('b', nothing())).rejects.toMatchObject(refused);
	await expect(reading.remove('a')).rejects.toMatchObject(refused);
	await expect(reading.removeLeftover({ name: 'c', startedAt: 0, sizeBytes: undefined })).rejects.toMatchObject(
		refused
	);
	expect(await reading.stat('a')).toEqual({ key: 'a', sizeBytes: 0 });
});

test('a place is a repository by its marker, or by its snapshots where that was lost', async () => {
	const repository = new MemoryRepository();
	await expect(requireRepository(repository, 'p')).rejects.toMatchObject({ code: 'no_repository', subject: 'p' });
	await repository.write('something/else', nothing());
	await expect(requireRepository(repository, 'p')).rejects.toMatchObject({ code: 'no_repository' });
	expect([...repository.objects.keys()]).toEqual(['something/else']);
	await repository.write('n/shop/snapshots/20261101T000000000Z-00000001/manifest.json', nothing());
	await requireRepository(repository, 'p');

	const marked = new MemoryRepository();
	await openRepository(marked, { newId: () => 'id' });
	await requireRepository(marked, 'p');
});
