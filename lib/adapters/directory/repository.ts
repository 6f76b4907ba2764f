import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CustodianError } from '../../errors.ts';
import { abortable, orAborted } from '../../repository/abort.ts';
import { requireKey, requirePrefix } from '../../repository/object-key.ts';
import type { ByteRange, Leftover, ObjectInfo, Repository } from '../../repository/repository.ts';
import {
	isMissing,
	isThere,
	makeDirectories,
	makeDirectory,
	publish,
	syncDirectories,
	syncDirectory,
	writeAll,
} from './durable.ts';
import { errnoOf, repositoryFailure } from './failure.ts';
import { nodeFileSystem, type FileSystem, type OpenFile } from './file-system.ts';
import { sameRoot } from './root.ts';
import { walk } from './walk.ts';

/**
 * A repository in a directory, which has to be there: a mount that went away must not be written beside. What is
 * being written stands in `.incoming/` until it is whole and on the disk.
 */
export function directoryRepository(root: string, fs: FileSystem = nodeFileSystem): Repository {
	return new DirectoryRepository(resolve(root), fs);
}

const READ_BYTES = 256 * 1024;
const PLACING_ATTEMPTS = 5;

class DirectoryRepository implements Repository {
	readonly #root: string;
	readonly #fs: FileSystem;
	readonly #requireRoot: () => Promise<void>;

	constructor(root: string, fs: FileSystem) {
		this.#root = root;
		this.#fs = fs;
		this.#requireRoot = sameRoot(fs, root);
	}

	async write(key: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
		requireKey(key);
		signal?.throwIfAborted();
		const doing = `write ${key}`;
		const temporary = join(this.#incoming, temporaryName(key));
		const file = await this.#attempt(doing, async () => {
			await this.#requireRoot();
			await this.#refuseLinks(key);
			if (await isThere(this.#fs, this.#path(key))) throw exists(key);
			await makeDirectory(this.#fs, this.#incoming);
			await this.#refuseLinks('.incoming/');
			return await this.#fs.open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
		});
		try {
			const sizeBytes = await this.#fill(file, bytes, doing, signal);
			await this.#attempt(doing, () => this.#place(temporary, key));
			return sizeBytes;
		} finally {
			// What cannot be removed is a leftover. A disk that is stuck is not waited for once the signal is aborted.
			const removed = this.#fs.unlink(temporary).catch(() => {});
			if (signal?.aborted !== true) await removed;
		}
	}

	async #fill(
		file: OpenFile,
		bytes: AsyncIterable<Uint8Array>,
		doing: string,
		signal: AbortSignal | undefined
	): Promise<number> {
		let sizeBytes = 0;
		try {
			for await (const chunk of abortable(bytes, signal)) {
				await this.#attempt(doing, () => orAborted(writeAll(file, chunk), signal));
				sizeBytes += chunk.length;
			}
			await this.#attempt(doing, () => orAborted(file.sync(), signal));
		} catch (error) {
			const closed = file.close().catch(() => {});
			if (signal?.aborted !== true) await closed;
			throw error;
		}
		await this.#attempt(doing, () => file.close());
		return sizeBytes;
	}

	async #place(temporary: string, key: string): Promise<void> {
		const target = this.#path(key);
		await this.#link(temporary, key, PLACING_ATTEMPTS);
		try {
			await syncDirectories(this.#fs, this.#root, dirname(target));
		} catch (error) {
			await this.#fs.unlink(target).catch(() => {});
			throw error;
		}
	}

	async #link(temporary: string, key: string, attempts: number): Promise<void> {
		const target = this.#path(key);
		try {
			// A mount may have gone while the bytes were written.
			await this.#requireRoot();
			await makeDirectories(this.#fs, this.#root, dirname(target));
			await this.#refuseLinks(key);
			await publish(this.#fs, temporary, target);
		} catch (error) {
			if (errnoOf(error) === 'EEXIST') throw exists(key);
			// A removal takes empty directories away, and may take one that was to be used.
			if (!isMissing(error) || attempts === 1) throw error;
			await this.#link(temporary, key, attempts - 1);
		}
	}

	async *read(key: string, range?: ByteRange, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
		requireKey(key);
		yield* abortable(this.#read(key, range), signal);
	}

	async *#read(key: string, range: ByteRange = { start: 0 }): AsyncGenerator<Uint8Array, void, undefined> {
		const doing = `read ${key}`;
		const file = await this.#attempt(doing, () => this.#open(key));
		try {
			const { size } = await this.#attempt(doing, () => file.stat());
			const end = Math.min(size, range.end ?? size);
			for (let position = range.start; position < end;) {
				const chunk = new Uint8Array(Math.min(READ_BYTES, end - position));
				const { bytesRead } = await this.#attempt(doing, () => file.read(chunk, 0, chunk.length, position));
				if (bytesRead === 0) throw shortened(key, position, size);
				position += bytesRead;
				yield chunk.subarray(0, bytesRead);
			}
		} finally {
			// Whoever has read the bytes has them, whatever closing says.
			await file.close().catch(() => {});
		}
	}

	async #open(key: string): Promise<OpenFile> {
		await this.#refuseLinks(key);
		const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
		const file = await this.#fs.open(this.#path(key), flags).catch((error: unknown) => {
			if (isMissing(error)) return undefined;
			throw error;
		});
		if (file !== undefined) {
			if (await isFile(file)) return file;
			await file.close();
		}
		await this.#requireRoot();
		throw new CustodianError('object_missing', key, `There is no ${key} in ${this.#root}.`);
	}

	async stat(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
		requireKey(key);
		signal?.throwIfAborted();
		return await orAborted(
			this.#attempt(`look for ${key}`, () => this.#stat(key)),
			signal
		);
	}

	async #stat(key: string): Promise<ObjectInfo | undefined> {
		await this.#refuseLinks(key);
		try {
			const status = await this.#fs.lstat(this.#path(key));
			return status.isFile() ? { key, sizeBytes: status.size } : undefined;
		} catch (error) {
			if (!isMissing(error)) throw error;
			await this.#requireRoot();
			return undefined;
		}
	}

	async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectInfo, void, undefined> {
		requirePrefix(prefix);
		yield* abortable(this.#list(prefix), signal);
	}

	async *#list(prefix: string): AsyncGenerator<ObjectInfo, void, undefined> {
		try {
			await this.#requireRoot();
			await this.#refuseLinks(`${prefix}x`);
			yield* walk(this.#fs, this.#root, prefix);
		} catch (error) {
			throw repositoryFailure(error, this.#root, `list ${prefix}`);
		}
	}

	async remove(key: string, signal?: AbortSignal): Promise<void> {
		requireKey(key);
		signal?.throwIfAborted();
		await orAborted(
			this.#attempt(`remove ${key}`, () => this.#remove(key)),
			signal
		);
	}

	async #remove(key: string): Promise<void> {
		await this.#refuseLinks(key);
		const path = this.#path(key);
		try {
			await this.#fs.unlink(path);
		} catch (error) {
			if (!isMissing(error)) throw error;
			await this.#requireRoot();
		}
		await this.#settle(dirname(path));
	}

	/**
	 * Brings a removal to the disk before the next one begins. Also where nothing was left to remove: whoever removed it
	 * may have died before this.
	 */
	async #settle(directory: string): Promise<void> {
		const kept = await this.#removeEmpty(directory);
		try {
			await syncDirectory(this.#fs, kept);
		} catch (error) {
			// Another removal took the directory away meanwhile.
			if (!isMissing(error) || kept === this.#root) throw error;
			await this.#settle(dirname(kept));
		}
	}

	/** Removes what holds nothing any more, upwards; returns the first directory that stays. */
	async #removeEmpty(directory: string): Promise<string> {
		if (directory === this.#root) return directory;
		try {
			await this.#fs.rmdir(directory);
		} catch (error) {
			if (!isMissing(error)) return directory;
		}
		return await this.#removeEmpty(dirname(directory));
	}

	async *leftovers(signal?: AbortSignal): AsyncGenerator<Leftover, void, undefined> {
		yield* abortable(this.#leftovers(), signal);
	}

	async *#leftovers(): AsyncGenerator<Leftover, void, undefined> {
		const doing = 'look for leftovers';
		for (const { name } of await this.#attempt(doing, () => this.#readIncoming())) {
			const status = await this.#attempt(doing, () => this.#statusOf(join(this.#incoming, name)));
			if (status === undefined) continue;
			const startedAt = Number(/^(\d+)-/.exec(name)?.[1] ?? status.mtimeMs);
			yield { name, startedAt, sizeBytes: status.size };
		}
	}

	async removeLeftover({ name }: Leftover, signal?: AbortSignal): Promise<void> {
		signal?.throwIfAborted();
		if (name === '' || name === '.' || name === '..' || name.includes('/')) throw noLeftover(name);
		const removed = this.#attempt(`remove the leftover ${name}`, async () => {
			await this.#refuseLinks('.incoming/');
			await this.#fs.unlink(join(this.#incoming, name)).catch(ignoreMissing);
		});
		await orAborted(removed, signal);
	}

	async freeBytes(signal?: AbortSignal): Promise<number | undefined> {
		signal?.throwIfAborted();
		const status = this.#attempt('ask for free space', async () => {
			await this.#requireRoot();
			return await this.#fs.statfs(this.#root);
		});
		const { bavail, bsize } = await orAborted(status, signal);
		return bavail * bsize;
	}

	get #incoming(): string {
		return join(this.#root, '.incoming');
	}

	#path(key: string): string {
		return join(this.#root, key);
	}

	async #readIncoming(): Promise<readonly { readonly name: string }[]> {
		await this.#requireRoot();
		await this.#refuseLinks('.incoming/');
		return (await this.#fs.readdir(this.#incoming).catch(ignoreMissing)) ?? [];
	}

	async #statusOf(path: string): Promise<{ readonly size: number; readonly mtimeMs: number } | undefined> {
		return (await this.#fs.lstat(path).catch(ignoreMissing)) ?? undefined;
	}

	/** A symbolic link on the way to a key could lead out of the repository. */
	async #refuseLinks(key: string): Promise<void> {
		const segments = key.split('/').slice(0, -1);
		for (const index of segments.keys()) {
			const directory = this.#path(segments.slice(0, index + 1).join('/'));
			const status = (await this.#fs.lstat(directory).catch(ignoreMissing)) ?? undefined;
			if (status === undefined) return;
			if (!status.isDirectory()) {
				throw new CustodianError('repository_refused', directory, `${directory} is no directory.`, {
					hint: 'A symbolic link inside of a repository is not followed.',
				});
			}
		}
	}

	async #attempt<T>(attempted: string, work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (error) {
			throw repositoryFailure(error, this.#root, attempted);
		}
	}
}

/** The end of the key, which names the snapshot, tells whoever cleans up whose leftover it is. */
function temporaryName(key: string): string {
	return `${Date.now()}-${randomBytes(8).toString('hex')}-${key.replaceAll('/', '+').slice(-150)}`;
}

async function isFile(file: OpenFile): Promise<boolean> {
	try {
		return (await file.stat()).isFile();
	} catch (error) {
		await file.close();
		throw error;
	}
}

function ignoreMissing(error: unknown): void {
	if (!isMissing(error)) throw error;
}

function exists(key: string): CustodianError {
	return new CustodianError('object_exists', key, `${key} is there already, and no object is ever changed.`);
}

function shortened(key: string, position: number, sizeBytes: number): CustodianError {
	return new CustodianError('object_damaged', key, `${key} ended after ${position} of its ${sizeBytes} bytes.`);
}

function noLeftover(name: string): CustodianError {
	return new CustodianError('object_key_invalid', name, `${JSON.stringify(name)} names no leftover.`);
}
