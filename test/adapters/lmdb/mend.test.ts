import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { open } from 'lmdb';
import { afterAll, expect, test } from 'vitest';
import { checkBackupFile, mendBackupFile } from '../../../lib/adapters/lmdb/mend.ts';

const directory = mkdtempSync(join(tmpdir(), 'mend-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('a copy that was taken between a commit and its sync loses its newest state elsewhere, unless it is mended', async () => {
	const copy = await unsafeCopy();
	const check = await checkBackupFile(copy);
	seenFromAnotherBoot(copy);
	const before = readFileSync(copy);
	const mended = join(directory, 'mended.mdb');
	expect(await mendBackupFile(copy, mended)).toMatchObject({ survives: true, newest: check.newest });
	expect(readFileSync(copy).equals(before)).toBe(true);
	expect(statSync(mended).mode & 0o777).toBe(0o600);
	expect(openedAs(copy)).toBe(check.opensElsewhere);
	expect(openedAs(mended)).toBe(check.newest);
});

test('what has the name of the mended file is left as it is', async () => {
	const [copy, there] = [await unsafeCopy(), join(directory, 'there.mdb')];
	writeFileSync(there, 'something');
	await expect(mendBackupFile(copy, there)).rejects.toMatchObject({ code: 'file_exists' });
	expect(readFileSync(there, 'utf8')).toBe('something');
	await expect(mendBackupFile(copy, join(directory, 'new.mdb'))).resolves.toMatchObject({ survives: true });
});

test.each([
	['is none', Buffer.alloc(9000)],
	['is empty', Buffer.alloc(0)],
])('a file that %s is refused', async (_, bytes) => {
	const path = join(directory, 'none.mdb');
	writeFileSync(path, bytes);
	await expect(checkBackupFile(path)).rejects.toMatchObject({ code: 'snapshot_damaged' });
	await expect(mendBackupFile(path, join(directory, 'never.mdb'))).rejects.toMatchObject({ code: 'snapshot_damaged' });
});

let copies = 0;

/** Copies a database that is being written until one of the copies is such a one. */
async function unsafeCopy(): Promise<string> {
	const root = open({ path: join(directory, `live-${copies}.mdb`), pageSize: 4096 } as never);
	const store = root.openDB('store', { encoding: 'binary' });
	const ending = new AbortController();
	const writing = (async () => {
		for (let round = 0; !ending.signal.aborted; round++) {
			await Promise.all(
				Array.from({ length: 100 }, (_, i) => store.put(`key ${round % 50} ${i}`, Buffer.alloc(400, i)))
			);
		}
	})();
	try {
		for (let attempt = 0; attempt < 300; attempt++) {
			const path = join(directory, `copy-${copies++}.mdb`);
			await root.backup(path, false);
			if (!(await checkBackupFile(path)).survives) return path;
			rmSync(path);
		}
		throw new Error('No copy was taken at such a moment');
	} finally {
		ending.abort();
		await writing;
		await root.close();
	}
}

function seenFromAnotherBoot(path: string): void {
	const bytes = readFileSync(path);
	for (const meta of [0, 2048, 4096]) bytes.writeBigInt64LE(77n, meta + 24 + 136);
	writeFileSync(path, bytes);
}

/** The transaction with which LMDB begins when it opens a file, in a process that may end over it. */
function openedAs(path: string): bigint {
	const lmdb = pathToFileURL(createRequire(import.meta.url).resolve('lmdb')).href;
	const code = `import lmdb from ${JSON.stringify(lmdb)};
		const root = lmdb.open({ path: process.argv[1], pageSize: 4096 });
		console.log(root.env.info().lastTxnId);
		process.exit(0);`;
	const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code, path], {
		encoding: 'utf8',
	});
	if (stdout === '') throw new Error(stderr);
	return BigInt(stdout.trim());
}
