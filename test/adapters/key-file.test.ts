import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readKeyFile } from '../../lib/adapters/key-file.ts';
import { noise } from '../support/bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('a key file', () => {
	test.each([0o600, 0o400, 0o700])('is read where only its owner may read it: %o', async (mode) => {
		const path = await fileWith(`${Buffer.from(noise(32)).toString('hex')}\n`, mode);
		expect(Buffer.compare(await readKeyFile(path), noise(32))).toBe(0);
	});

	test.each([0o640, 0o604, 0o620, 0o610, 0o666])('is refused where others can reach it: %o', async (mode) => {
		const path = await fileWith(Buffer.from(noise(32)).toString('hex'), mode);
		await expect(readKeyFile(path)).rejects.toMatchObject({
			code: 'key_file_invalid',
			hint: expect.stringContaining('chmod 600'),
		});
	});

	test('that is missing or a directory is refused', async () => {
		const directory = join(await temporaryDirectory(), 'd');
		await mkdir(directory, { mode: 0o700 });
		for (const path of [directory, join(directory, 'missing')]) {
			await expect(readKeyFile(path)).rejects.toMatchObject({ code: 'key_file_invalid', subject: path });
		}
	});

	test('that holds no key is refused, and never shown', async () => {
		for (const secret of ['hunter2-hunter2-hunter2', 'f'.repeat(63), 'x'.repeat(5000), '']) {
			const failure: unknown = await readKeyFile(await fileWith(secret, 0o600)).catch((error: unknown) => error);
			expect(failure).toMatchObject({ code: 'key_file_invalid', hint: expect.stringContaining('openssl') });
			expect(inspect(failure, { depth: 9 }).includes(secret.slice(0, 12) || '\0')).toBe(false);
		}
	});
});

async function fileWith(content: string, mode: number): Promise<string> {
	const path = join(await temporaryDirectory(), 'key');
	await writeFile(path, content);
	await chmod(path, mode);
	return path;
}
