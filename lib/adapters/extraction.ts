import { constants } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CustodianError } from '../errors.ts';
import { parseBlobName } from '../snapshot/blob-name.ts';
import type { Extracted, ExtractionTarget } from '../snapshot/extract.ts';
import { isThere, publish, syncDirectory, writeAll } from './directory/durable.ts';
import { errnoOf } from './directory/failure.ts';
import { nodeFileSystem as fs } from './directory/file-system.ts';
import { unpacked } from './tar.ts';

/**
 * Writes a snapshot into a directory: `<database>.mdb`, and blob files as Harper keeps them below each of its
 * `storage.blobPaths`: the first one's below `blobs/<database>/`, the next one's below `blobs-1/<database>/`. All of it
 * stands in a hidden folder of that directory until it is whole. It holds password hashes: only this user may read it.
 */
export async function extractionTarget(directory: string, databaseFile: string): Promise<ExtractionTarget> {
	const database = databaseFile.replace(/\.mdb$/, '');
	try {
		await mkdir(directory, { recursive: true, mode: 0o700 });
		await requireAbsent(join(directory, databaseFile));
		await requireEmpty(join(directory, 'blobs', database));
		return new DirectoryTarget(directory, database, await mkdtemp(join(directory, '.unfinished-')));
	} catch (error) {
		throw failure(error, directory);
	}
}

class DirectoryTarget implements ExtractionTarget {
	readonly #directory: string;
	readonly #database: string;
	readonly #work: string;
	/** Folders of blob files that were made. */
	readonly #made = new Set<string>();
	#blobFiles = 0;

	constructor(directory: string, database: string, work: string) {
		this.#directory = directory;
		this.#database = database;
		this.#work = work;
	}

	async writeDatabase(bytes: AsyncIterable<Uint8Array>): Promise<void> {
		await this.#attempt(() => writeFile(join(this.#work, 'data.mdb'), bytes, true));
	}

	async writeBlobs(archive: AsyncIterable<Uint8Array>): Promise<void> {
		for await (const { name, bytes } of unpacked(archive)) {
			const blob = parseBlobName(name);
			if (blob === undefined) throw noBlob(name, 'is no blob file');
			const path = join(this.#work, 'blobs', String(blob.storageIndex), blob.path);
			await this.#attempt(async () => {
				await this.#make(dirname(path));
				// All of them are synced in the end: one by one that takes a commit of the file system for each.
				await writeFile(path, bytes, false).catch((error: unknown) => {
					throw errnoOf(error) === 'EEXIST' ? noBlob(name, 'is there twice') : error;
				});
			});
			this.#blobFiles++;
		}
	}

	async publish(): Promise<Extracted> {
		return this.#attempt(async () => {
			for (const folder of this.#made) await syncFolder(folder);
			const blobDirectories = await this.#publishBlobs();
			const databaseFile = join(this.#directory, `${this.#database}.mdb`);
			// Last, so that a database that is there has its blobs.
			await publish(fs, join(this.#work, 'data.mdb'), databaseFile);
			await syncDirectory(fs, this.#directory);
			return { databaseFile, blobDirectories, blobFiles: this.#blobFiles };
		});
	}

	async discard(): Promise<void> {
		await rm(this.#work, { recursive: true, force: true });
	}

	async #publishBlobs(): Promise<Extracted['blobDirectories']> {
		if (this.#blobFiles === 0) return [];
		const indexes = (await readdir(join(this.#work, 'blobs'))).map(Number).toSorted((a, b) => a - b);
		const published: { index: number; path: string }[] = [];
		for (const index of indexes) {
			const parent = join(this.#directory, index === 0 ? 'blobs' : `blobs-${index}`);
			const path = join(parent, this.#database);
			await mkdir(parent, { recursive: true, mode: 0o700 });
			// Takes the place of an empty folder, and of nothing else.
			await rename(join(this.#work, 'blobs', String(index)), path);
			await syncDirectory(fs, parent);
			published.push({ index, path });
		}
		return published;
	}

	async #make(folder: string): Promise<void> {
		if (this.#made.has(folder)) return;
		if (folder !== join(this.#work, 'blobs')) await this.#make(dirname(folder));
		await mkdir(folder, { recursive: true, mode: 0o700 });
		this.#made.add(folder);
	}

	async #attempt<T>(work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (error) {
			throw failure(error, this.#directory);
		}
	}
}

async function writeFile(path: string, bytes: AsyncIterable<Uint8Array>, sync: boolean): Promise<void> {
	const file = await fs.open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
	try {
		for await (const chunk of bytes) await writeAll(file, chunk);
		if (sync) await file.sync();
	} finally {
		await file.close();
	}
}

/** Writes the files of a folder to the disk, and their names. */
async function syncFolder(folder: string): Promise<void> {
	for (const entry of await fs.readdir(folder)) {
		if (entry.isFile()) await syncFile(join(folder, entry.name));
	}
	await syncDirectory(fs, folder);
}

async function syncFile(path: string): Promise<void> {
	const file = await fs.open(path, constants.O_RDONLY);
	try {
		await file.sync();
	} finally {
		await file.close();
	}
}

async function requireAbsent(path: string): Promise<void> {
	if (await isThere(fs, path)) throw exists(path);
}

async function requireEmpty(path: string): Promise<void> {
	const entries = await readdir(path).catch((error: unknown) => {
		if (errnoOf(error) === 'ENOENT') return [];
		throw error;
	});
	if (entries.length > 0) throw exists(path);
}

function exists(path: string, cause?: unknown): CustodianError {
	return new CustodianError('file_exists', path, `${path} is there already, and nothing is overwritten.`, {
		cause,
		hint: 'Name an empty directory with --to.',
	});
}

function noBlob(name: string, what: string): CustodianError {
	const shown = JSON.stringify(name.slice(0, 200));
	return new CustodianError('object_damaged', 'blobs', `In the archive of blob files ${shown} ${what}.`, {
		hint: 'harper-custodian has not written it. Do not trust this repository.',
	});
}

function failure(error: unknown, directory: string): unknown {
	const errno = errnoOf(error);
	if (errno === undefined) return error;
	if (errno === 'EEXIST' || errno === 'ENOTEMPTY') return exists(directory, error);
	const full = errno === 'ENOSPC' || errno === 'EDQUOT';
	return new CustodianError(
		full ? 'no_space' : 'not_writable',
		directory,
		`Could not write to ${directory}: ${errno}.`,
		{
			cause: error,
			hint: full ? 'Make room there, or name another place.' : 'Name a directory that this user may write to.',
		}
	);
}
