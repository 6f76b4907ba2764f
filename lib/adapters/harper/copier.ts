import { statSync } from 'node:fs';
import { chmod, mkdir, open, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CustodianError, messageOf } from '../../errors.ts';
import type { Copier } from '../../snapshot/take.ts';
import type { Clock } from '../../time.ts';
import { linkTree } from '../staging/links.ts';
import { blobDirectories } from './blob-bytes.ts';
import { listDatabases, type Database } from './stores.ts';

/** Copies databases with LMDB's compact copy, the only one that is whole on another machine and after a reboot. */
export function harperCopier(stagingDirectory: string, clock: Clock): Copier {
	return {
		databases: () =>
			listDatabases().map(({ name, root }) => ({
				name,
				fileBytes: statSync(root.path, { throwIfNoEntry: false })?.size ?? 0,
			})),
		async freeBytes() {
			await mkdir(stagingDirectory, { recursive: true, mode: 0o700 });
			const { bsize, bavail } = await statfs(stagingDirectory);
			return bsize * bavail;
		},
		async copy(name, id, signal) {
			const folder = join(stagingDirectory, id);
			await mkdir(folder, { recursive: true, mode: 0o700 });
			try {
				return { folder, ...(await copyInto(folder, databaseOf(name), clock, signal)) };
			} catch (error) {
				await rm(folder, { recursive: true, force: true });
				throw error;
			}
		},
		discard: (folder) => rm(folder, { recursive: true, force: true }),
	};
}

function databaseOf(name: string): Database {
	// Harper allows them, and takes its own root directory for the place of their blob files.
	if (name === '.' || name === '..' || name.includes('/')) {
		const hint = 'Its tables can be exported by the operations API, or moved to a database with another name.';
		throw new CustodianError('database_unnameable', name, `No snapshot can be taken of a database called ${name}.`, {
			hint,
		});
	}
	const database = listDatabases().find((candidate) => candidate.name === name);
	if (database) return database;
	throw new CustodianError('database_missing', name, `There is no database ${JSON.stringify(name)} any more.`);
}

async function copyInto(folder: string, { name, root }: Database, clock: Clock, signal: AbortSignal) {
	const data = join(folder, 'data.mdb');
	// Harper deletes a blob file half a second after the last record that refers to it. Linked before the copy, as it begins
	// and once more after it, every file that the copy can refer to is held.
	await linkBlobs(name, folder, signal);
	signal.throwIfAborted();
	const takenAt = clock.now();
	const startedAt = clock.monotonic();
	const copied = root.backup(`${data}.tmp`, true).catch((error: unknown) => {
		throw copyFailure(name, error);
	});
	// The copy shows the moment at which it began: what came after the first look is looked for now, not when it is done.
	const linked = linkBlobs(name, folder, signal);
	// A copy cannot be stopped, and is waited for in any case.
	linked.catch(() => undefined);
	await copied;
	await linked;
	// It holds password hashes, and LMDB makes it readable for everybody.
	await chmod(`${data}.tmp`, 0o600);
	await syncFile(`${data}.tmp`);
	const copyMs = clock.monotonic() - startedAt;
	await linkBlobs(name, folder, signal);
	await rename(`${data}.tmp`, data);
	return { takenAt, copyMs };
}

async function linkBlobs(database: string, folder: string, signal: AbortSignal): Promise<void> {
	for (const [index, directory] of blobDirectories().entries()) {
		await linkTree(join(directory, database), join(folder, 'blobs', String(index)), signal);
	}
}

async function syncFile(path: string): Promise<void> {
	const file = await open(path, 'r');
	try {
		await file.sync();
	} finally {
		await file.close();
	}
}

function copyFailure(name: string, error: unknown): CustodianError {
	const full = /no space|ENOSPC/i.test(messageOf(error));
	const hint = full
		? 'Make room on the disk of the root directory of Harper: a copy stands there until it is stored.'
		: "Look into Harper's log.";
	const message = `The copy of ${name} failed: ${messageOf(error)}.`;
	return new CustodianError(full ? 'no_space' : 'copy_failed', name, message, { cause: error, hint });
}
