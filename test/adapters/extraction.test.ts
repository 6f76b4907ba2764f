import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pack, type Headers } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { extractionTarget } from '../../lib/adapters/extraction.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function* bytesOf(...texts: readonly string[]) {
	for (const text of texts) yield new TextEncoder().encode(text);
}

async function* archive(...entries: readonly (Headers & { readonly text?: string })[]) {
	const stream = pack();
	for (const { text, ...header } of entries) {
		if (text === undefined) stream.entry(header);
		else stream.entry(header, text);
	}
	stream.finalize();
	for await (const chunk of stream) yield chunk as Uint8Array;
}

describe('an extraction', () => {
	test('gives files their names when all is there, for this user alone', async () => {
		const directory = join(await temporaryDirectory(), 'new');
		const target = await extractionTarget(directory, 'shop.mdb');
		await target.writeDatabase(bytesOf('data', 'base'));
		await target.writeBlobs(archive({ name: '0/0/0/1a', text: 'one' }, { name: '12/f/ab/c01', text: 'two' }));
		expect((await readdir(directory)).every((name) => name.startsWith('.unfinished-'))).toBe(true);
		expect(await target.publish()).toEqual({
			databaseFile: join(directory, 'shop.mdb'),
			blobDirectories: [
				{ index: 0, path: join(directory, 'blobs/shop') },
				{ index: 12, path: join(directory, 'blobs-12/shop') },
			],
			blobFiles: 2,
		});
		await target.discard();
		expect((await readdir(directory)).toSorted()).toEqual(['blobs', 'blobs-12', 'shop.mdb']);
		expect(await readFile(join(directory, 'shop.mdb'), 'utf8')).toBe('database');
		expect(await readFile(join(directory, 'blobs/shop/0/0/1a'), 'utf8')).toBe('one');
		expect(await readFile(join(directory, 'blobs-12/shop/f/ab/c01'), 'utf8')).toBe('two');
		expect((await stat(directory)).mode & 0o777).toBe(0o700);
		expect((await stat(join(directory, 'shop.mdb'))).mode & 0o777).toBe(0o600);
	});

	test('of several databases goes into one directory', async () => {
		const directory = await temporaryDirectory();
		for (const name of ['shop', 'system']) {
			const target = await extractionTarget(directory, `${name}.mdb`);
			await target.writeDatabase(bytesOf(name));
			await target.writeBlobs(archive({ name: '0/0/0/1', text: name }));
			await target.publish();
			await target.discard();
		}
		expect((await readdir(directory)).toSorted()).toEqual(['blobs', 'shop.mdb', 'system.mdb']);
		expect((await readdir(join(directory, 'blobs'))).toSorted()).toEqual(['shop', 'system']);
	});

	test.each<readonly [string, Headers & { readonly text?: string }]>([
		['climbs', { name: '../../etc/passwd', text: 'x' }],
		['climbs from within', { name: '0/0/0/../../../../x', text: 'x' }],
		['is absolute', { name: '/etc/passwd', text: 'x' }],
		['is hidden', { name: '0/0/0/.x', text: 'x' }],
		['is no number', { name: '0/0/0/xyz', text: 'x' }],
		['stands too high', { name: '0/0/1', text: 'x' }],
		['is a symbolic link', { name: '0/0/0/1', type: 'symlink', linkname: '/etc/passwd' }],
		['is a hard link', { name: '0/0/0/1', type: 'link', linkname: '/etc/passwd' }],
		['is a folder', { name: '0/0/0/1', type: 'directory' }],
		['is a device', { name: '0/0/0/1', type: 'block-device' }],
	])('refuses what %s', async (_, entry) => {
		const directory = await temporaryDirectory();
		const target = await extractionTarget(directory, 'shop.mdb');
		await expect(target.writeBlobs(archive(entry))).rejects.toMatchObject({ code: 'object_damaged' });
		await target.discard();
		expect(await readdir(directory)).toEqual([]);
	});

	test('refuses a file that is there twice', async () => {
		const target = await extractionTarget(await temporaryDirectory(), 'shop.mdb');
		const twice = archive({ name: '0/0/0/1', text: 'a' }, { name: '0/0/0/1', text: 'b' });
		await expect(target.writeBlobs(twice)).rejects.toMatchObject({ code: 'object_damaged' });
		await target.discard();
	});

	test('refuses to begin where a database or its blobs are there already', async () => {
		const directory = await temporaryDirectory();
		await symlink('/nowhere', join(directory, 'shop.mdb'));
		await expect(extractionTarget(directory, 'shop.mdb')).rejects.toMatchObject({ code: 'file_exists' });
		await mkdir(join(directory, 'blobs/other/0'), { recursive: true });
		await expect(extractionTarget(directory, 'other.mdb')).rejects.toMatchObject({ code: 'file_exists' });
		expect((await readdir(directory)).toSorted()).toEqual(['blobs', 'shop.mdb']);
	});

	test('replaces nothing that came meanwhile', async () => {
		const directory = await temporaryDirectory();
		const target = await extractionTarget(directory, 'shop.mdb');
		await target.writeDatabase(bytesOf('ours'));
		await writeFile(join(directory, 'shop.mdb'), 'theirs');
		await expect(target.publish()).rejects.toMatchObject({ code: 'file_exists' });
		await target.discard();
		expect(await readFile(join(directory, 'shop.mdb'), 'utf8')).toBe('theirs');
	});

	test('says where it cannot write', async () => {
		const file = join(await temporaryDirectory(), 'file');
		await writeFile(file, '');
		await expect(extractionTarget(file, 'shop.mdb')).rejects.toMatchObject({ code: 'file_exists' });
		await expect(extractionTarget(join(file, 'below'), 'shop.mdb')).rejects.toMatchObject({ code: 'not_writable' });
	});
});
