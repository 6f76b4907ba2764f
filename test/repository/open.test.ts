import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { directoryRepository } from '../../lib/adapters/directory/repository.ts';
import { MARKER_KEY } from '../../lib/repository/marker.ts';
import { openRepository } from '../../lib/repository/open.ts';
import { chunked, textOf } from '../support/bytes.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const newId = () => 'new';
const never = () => {
	throw new Error('a new id was made');
};

async function marked(text: string): Promise<MemoryRepository> {
	const repository = new MemoryRepository();
	await repository.write(MARKER_KEY, chunked(text));
	return repository;
}

describe('opening a repository', () => {
	test('makes an empty place one, once', async () => {
		const repository = new MemoryRepository();
		expect(await openRepository(repository, { newId })).toEqual({ format: 1, id: 'new' });
		expect(await textOf(repository.read(MARKER_KEY))).toBe('{"format":1,"id":"new"}\n');
		expect(await openRepository(repository, { newId: never })).toEqual({ format: 1, id: 'new' });
		expect(await openRepository(repository, { newId: never, expectedId: 'new' })).toEqual({ format: 1, id: 'new' });
	});

	test('makes an empty directory one, also on a disk of its own', async () => {
		const root = await temporaryDirectory();
		await mkdir(join(root, 'lost+found'));
		expect(await openRepository(directoryRepository(root), { newId })).toEqual({ format: 1, id: 'new' });
	});

	test('makes nothing where a directory is missing', async () => {
		const root = join(await temporaryDirectory(), 'missing');
		const opening = openRepository(directoryRepository(root), { newId });
		await expect(opening).rejects.toMatchObject({ code: 'repository_unreachable' });
	});

	test('agrees with whoever was faster', async () => {
		const repository = new MemoryRepository();
		const racing = {
			newId: () => {
				repository.objects.set(MARKER_KEY, Buffer.from('{"format":1,"id":"theirs"}'));
				return 'ours';
			},
		};
		expect(await openRepository(repository, racing)).toEqual({ format: 1, id: 'theirs' });
	});

	test('refuses a place that holds something else, and names it', async () => {
		const repository = new MemoryRepository();
		await repository.write('photos/1.jpg', chunked('x'));
		await expect(openRepository(repository, { newId: never })).rejects.toMatchObject({
			code: 'repository_refused',
			subject: 'photos/1.jpg',
			hint: expect.stringContaining('empty place'),
		});
		expect(repository.objects.size).toBe(1);
	});

	test('makes nothing new where one is expected', async () => {
		const repository = new MemoryRepository();
		await expect(openRepository(repository, { newId: never, expectedId: 'known' })).rejects.toMatchObject({
			code: 'repository_unreachable',
			subject: 'known',
			hint: expect.stringContaining('mount'),
		});
		expect(repository.objects.size).toBe(0);
	});

	test('refuses another one than is expected', async () => {
		const repository = await marked('{"format":1,"id":"other"}');
		await expect(openRepository(repository, { newId: never, expectedId: 'known' })).rejects.toMatchObject({
			code: 'repository_changed',
			subject: 'other',
			message: expect.stringContaining('known'),
		});
	});

	test('refuses a newer format, whatever else it says', async () => {
		const repository = await marked('{"format":2,"name":["x"]}');
		await expect(openRepository(repository, { newId: never })).rejects.toMatchObject({ code: 'unknown_format' });
	});

	test.each([
		'',
		'x',
		'null',
		'[]',
		'{}',
		'{"format":"1","id":"x"}',
		'{"format":1}',
		'{"format":1,"id":""}',
		'{"format":1,"id":"a b"}',
		`{"format":1,"id":"x"}${' '.repeat(70_000)}!`.replace('"x"', '7'),
	])('says that a marker is damaged: %s', async (text) => {
		await expect(openRepository(await marked(text), { newId: never })).rejects.toMatchObject({
			code: 'object_damaged',
			subject: MARKER_KEY,
		});
	});

	test('passes on why the place cannot be reached', async () => {
		const repository = new MemoryRepository();
		const reason = new Error('enough');
		await expect(openRepository(repository, { newId, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
	});
});
