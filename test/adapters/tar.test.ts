import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packed, unpacked, type ArchivedFile } from '../../lib/adapters/tar.ts';
import { CustodianError } from '../../lib/errors.ts';
import { bytesOf, chunked, noise } from '../support/bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

type Files = readonly (readonly [name: string, content: Uint8Array])[];

async function* filesOf(files: Files): AsyncGenerator<ArchivedFile> {
	for (const [name, content] of files) yield { name, sizeBytes: content.length, bytes: chunked(content) };
}

async function read(archive: AsyncIterable<Uint8Array>): Promise<Files> {
	const found: [string, Uint8Array][] = [];
	for await (const { name, sizeBytes, bytes } of unpacked(archive)) {
		const content = await bytesOf(bytes);
		expect(content.length).toBe(sizeBytes);
		found.push([name, content]);
	}
	return found;
}

const files: Files = [
	['0/0/0/1', noise(1000)],
	['1/2/3/empty', new Uint8Array()],
	[`${'long/'.repeat(30)}name`, noise(200_000)],
];

test('files come out as they went in, in their order', async () => {
	const name = fc.stringMatching(/^[a-f\d]{1,3}(\/[a-f\d]{1,40}){0,4}$/);
	await fc.assert(
		fc.asyncProperty(fc.array(fc.tuple(name, fc.uint8Array({ maxLength: 2000 }))), async (some) => {
			expect(await read(packed(filesOf(some)))).toEqual(some);
		}),
		{ numRuns: 40 }
	);
	expect(await read(packed(filesOf(files)))).toEqual(files);
});

test('the same files give the same bytes, and any tar reads them', async () => {
	const bytes = await bytesOf(packed(filesOf(files)));
	expect(Buffer.compare(bytes, await bytesOf(packed(filesOf(files))))).toBe(0);
	const path = join(await temporaryDirectory(), 'a.tar');
	writeFileSync(path, bytes);
	expect(execFileSync('tar', ['-tf', path]).toString().trim().split('\n')).toEqual(files.map(([name]) => name));
	expect(Buffer.compare(execFileSync('tar', ['-xOf', path, '0/0/0/1']), files[0]![1])).toBe(0);
});

test('what is no archive, and one that was cut short, are damaged', async () => {
	const bytes = await bytesOf(packed(filesOf(files)));
	for (const broken of [noise(2000), bytes.slice(0, 700), bytes.slice(0, 100_000)]) {
		await expect(read(chunked(broken))).rejects.toMatchObject({ code: 'object_damaged' });
	}
});

test('what fails below passes as it is, both ways', async () => {
	const error = new CustodianError('repository_unreachable', 'x', 'Down.');
	const bytes = await bytesOf(packed(filesOf(files)));
	async function* failing(): AsyncGenerator<Uint8Array> {
		yield bytes.slice(0, 700);
		throw error;
	}
	await expect(read(failing())).rejects.toBe(error);
	async function* unreadable(): AsyncGenerator<ArchivedFile> {
		yield { name: 'a', sizeBytes: 10_000, bytes: failing() };
	}
	await expect(bytesOf(packed(unreadable()))).rejects.toBe(error);
});

test('a file that is shorter than it was said to be spoils the archive, loudly', async () => {
	async function* short(): AsyncGenerator<ArchivedFile> {
		yield { name: 'a', sizeBytes: 10, bytes: chunked('abc') };
	}
	await expect(bytesOf(packed(short()))).rejects.toBeInstanceOf(Error);
});
