import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blobFiles, blobPath, countBlobs, lookAtBlobs, ReferredBlobs } from '../../../lib/adapters/staging/blobs.ts';
import { linkTree } from '../../../lib/adapters/staging/links.ts';
import { spool } from '../../../lib/adapters/staging/spool.ts';
import { rowsSince } from '../../../lib/adapters/staging/staged-copy.ts';
import { packed, unpacked } from '../../../lib/adapters/tar.ts';
import { all, chunked } from '../../support/bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const signal = new AbortController().signal;

function file(folder: string, name: string, content: string | Uint8Array = name): string {
	const path = join(folder, name);
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, content);
	return path;
}

/** A blob file as Harper writes it: plain, of so many bytes, and how many of them are there yet. */
function blob(contentBytes: number, written = contentBytes): Uint8Array {
	const bytes = Buffer.alloc(8 + written, 1);
	bytes.writeUInt16BE(0, 0);
	bytes.writeUIntBE(contentBytes, 2, 6);
	return bytes;
}

describe('linking a tree', () => {
	test('gives every file a second name, that stays when the first one goes', async () => {
		const folder = await temporaryDirectory();
		const [source, target] = [join(folder, 'a'), join(folder, 'b')];
		for (let index = 0; index < 20; index++) file(source, `0/${index}`);
		file(source, 'deep/er/1');
		await linkTree(source, target, signal);
		expect(readFileSync(join(target, 'deep/er/1'), 'utf8')).toBe('deep/er/1');
		expect(statSync(join(target, '0/19')).ino).toBe(statSync(join(source, '0/19')).ino);
		expect(statSync(target).mode & 0o777).toBe(0o700);
	});

	test('passes over what is there already, follows no symbolic link, and minds no missing source', async () => {
		const folder = await temporaryDirectory();
		const [source, target] = [join(folder, 'a'), join(folder, 'b')];
		file(source, 'x', 'new');
		file(target, 'x', 'old');
		symlinkSync('/etc/passwd', join(source, 'link'));
		symlinkSync('/etc', join(source, 'folder'));
		await linkTree(source, target, signal);
		expect(readFileSync(join(target, 'x'), 'utf8')).toBe('old');
		expect([existsSync(join(target, 'link')), existsSync(join(target, 'folder'))]).toEqual([false, false]);
		await expect(linkTree(join(folder, 'none'), join(folder, 'c'), signal)).resolves.toBeUndefined();
		expect(existsSync(join(folder, 'c'))).toBe(false);
	});

	test('stops when it is told to', async () => {
		const folder = await temporaryDirectory();
		file(folder, 'a/x');
		const stopped = AbortSignal.abort(new Error('cancelled'));
		await expect(linkTree(join(folder, 'a'), join(folder, 'b'), stopped)).rejects.toThrow('cancelled');
	});
});

describe('blobs', () => {
	test.each([
		['1', '0/0/0/1'],
		['abc', '0/0/0/abc'],
		['1abc', '0/0/1/abc'],
		['123456', '0/0/123/456'],
		['1234567', '0/1/234/567'],
		['123456789', '0/123/456/789'],
		['a123456789', '0/123/456/a789'],
		['fedcba9876543210', '0/876/543/fedcba9210'],
	])('%s lies where Harper puts it', (fileId, path) => {
		expect(blobPath(0, fileId)).toBe(path);
	});

	test('that are referred to are told from those that are not, each once, and those that are gone are counted', async () => {
		const folder = await temporaryDirectory();
		file(folder, `blobs/${blobPath(0, '1')}`, blob(4));
		file(folder, `blobs/${blobPath(1, '2')}`, blob(5));
		file(folder, `blobs/${blobPath(0, '3')}`, blob(6));
		const referred = new ReferredBlobs(folder);
		for (const [index, id] of [
			[0, '1'],
			[0, '1'],
			[1, '2'],
			[0, '9'],
			[0, '../../../etc/passwd'],
			[0.5, '1'],
			[0, ''],
		] as const) {
			referred.add(index, id);
		}
		expect(referred.missing).toBe(4);
		const names = (await all(blobFiles(referred.folder))).map(({ name }) => name);
		expect(names).toEqual(['0/0/0/1', '1/0/0/2']);
	});

	test('are archived and counted as they are counted where they lie', async () => {
		const folder = await temporaryDirectory();
		file(folder, '0/0/0/1', blob(4));
		file(folder, '0/0/0/2', blob(10, 3));
		file(folder, '1/0/0/1', new Uint8Array(0));
		file(folder, '1/0/0/2', blob(0));
		const looked = await lookAtBlobs(folder, async () => {});
		expect(looked).toEqual({ files: 4, sizeBytes: 12 + 11 + 0 + 8, incomplete: 2 });
		expect(await countBlobs(unpacked(packed(blobFiles(folder))))).toEqual(looked);
	});

	test('of which none were ever written are none', async () => {
		const folder = join(await temporaryDirectory(), 'none');
		expect(await lookAtBlobs(folder, async () => {})).toEqual({ files: 0, sizeBytes: 0, incomplete: 0 });
		expect(await all(blobFiles(folder))).toEqual([]);
	});

	test('that Harper still writes are waited for, and not for ever', async () => {
		const folder = await temporaryDirectory();
		const path = file(folder, '0/1', blob(4, 0));
		let waits = 0;
		const finishing = async () => {
			if (++waits === 3) writeFileSync(path, blob(4));
		};
		expect(await lookAtBlobs(folder, finishing)).toEqual({ files: 1, sizeBytes: 12, incomplete: 0 });
		expect(waits).toBe(3);
		writeFileSync(path, blob(4, 0));
		waits = 10;
		expect(await lookAtBlobs(folder, async () => void waits++)).toMatchObject({ incomplete: 1 });
		expect(waits).toBe(59);
	});

	test('that grow while they are archived are archived as long as they were', async () => {
		const folder = await temporaryDirectory();
		const path = file(folder, '0/1', blob(4));
		async function* growing() {
			for await (const one of blobFiles(folder)) {
				writeFileSync(path, blob(4_000));
				yield one;
			}
		}
		expect(await countBlobs(unpacked(packed(growing())))).toEqual({ files: 1, sizeBytes: 12, incomplete: 1 });
	});
});

test('what is spooled lies where only this user may read it', async () => {
	const folder = join(await temporaryDirectory(), 'x/y');
	const path = await spool(chunked('a', 'bc'), 3, folder, 'data.mdb');
	expect([path, readFileSync(path, 'utf8')]).toEqual([join(folder, 'data.mdb'), 'abc']);
	expect([statSync(path).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700]);
});

test('what there is no room for is not spooled', async () => {
	const folder = await temporaryDirectory();
	await expect(spool(chunked('a'), 2 ** 60, folder, 'data.mdb')).rejects.toMatchObject({ code: 'no_space' });
	expect(readdirSync(folder)).toEqual([]);
});

test('rows that were read are told as how many more', () => {
	const told: number[] = [];
	const onProgress = rowsSince((rows) => void told.push(rows));
	for (const entries of [10, 10, 25]) onProgress({ entries });
	expect(told).toEqual([10, 0, 15]);
});
