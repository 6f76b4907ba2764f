import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSecretFile } from '../../lib/adapters/secret-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const SECRET = '0123456789abcdef';

test.each(['', '\n', '\r\n'])(
	'a secret is what stands in its file, without the line break %j behind it',
	async (end) => {
		expect(Buffer.from(await readSecretFile(await file(`${SECRET}${end}`))).toString()).toBe(SECRET);
	}
);

test('one line break is taken away, and no other byte', async () => {
	expect(Buffer.from(await readSecretFile(await file(`\n ${SECRET} \n\n`))).toString()).toBe(`\n ${SECRET} \n`);
});

test('a link to a secret is followed', async () => {
	const target = await file(SECRET);
	await symlink(target, `${target}-link`);
	expect(await readSecretFile(`${target}-link`)).toHaveLength(16);
});

describe('refused is', () => {
	test.each([0o640, 0o604, 0o620, 0o601, 0o644])('a file of mode %o', async (mode) => {
		await expect(readSecretFile(await file(SECRET, mode))).rejects.toMatchObject({ code: 'secret_exposed' });
	});

	test.each([
		['nothing', ''],
		['too little', '0123456789abcde\n'],
		['too much', 'x'.repeat(5000)],
	])('%s', async (_, text) => {
		const refused = readSecretFile(await file(text));
		await expect(refused).rejects.toMatchObject({ code: 'secret_unfit' });
		await expect(refused).rejects.not.toThrow('0123456789');
	});

	test('what is not there, and what is no file', async () => {
		const directory = await temporaryDirectory();
		await mkdir(join(directory, 'folder'), { mode: 0o700 });
		for (const name of ['nothing', 'folder']) {
			await expect(readSecretFile(join(directory, name))).rejects.toMatchObject({ code: 'secret_unreadable' });
		}
	});
});

async function file(text: string, mode = 0o600): Promise<string> {
	const path = join(await temporaryDirectory(), 'secret');
	await writeFile(path, text);
	await chmod(path, mode);
	return path;
}
