import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './failure.ts';
import type { FileSystem, OpenFile } from './file-system.ts';

export async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
	for (let written = 0; written < bytes.length;) {
		const { bytesWritten } = await file.write(bytes, written, bytes.length - written);
		written += bytesWritten;
	}
}

/** Makes what is missing of `directory`, up to `root`, which has to be there. */
export async function makeDirectories(fs: FileSystem, root: string, directory: string): Promise<void> {
	if (directory === root) return;
	await makeDirectories(fs, root, dirname(directory));
	await makeDirectory(fs, directory);
}

/** Makes one directory that only its owner may enter; content where it is there. */
export async function makeDirectory(fs: FileSystem, directory: string): Promise<void> {
	await fs.mkdir(directory, 0o700).catch((error: unknown) => {
		if (errnoOf(error) !== 'EEXIST') throw error;
	});
}

/**
 * Writes the names in `directory` and in all above it, up to `root`, to the disk. Those that were there already are
 * not spared: whoever made them may have died before this.
 */
export async function syncDirectories(fs: FileSystem, root: string, directory: string): Promise<void> {
	await syncDirectory(fs, directory);
	if (directory !== root) await syncDirectories(fs, root, dirname(directory));
}

export async function syncDirectory(fs: FileSystem, directory: string): Promise<void> {
	const handle = await fs.open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
	try {
		await handle.sync().catch((error: unknown) => {
			// Some network file systems know no such thing, and keep names safe by themselves.
			if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(errnoOf(error) ?? '')) throw error;
		});
	} finally {
		await handle.close();
	}
}

/** Gives a file its name, unless that is taken: then it rejects with EEXIST. */
export async function publish(fs: FileSystem, source: string, target: string): Promise<void> {
	try {
		await fs.link(source, target);
	} catch (error) {
		if (!WITHOUT_LINKS.includes(errnoOf(error) ?? '')) throw error;
		if (await isThere(fs, target)) throw Object.assign(new Error(`${target} is there`), EXISTS);
		await fs.rename(source, target);
	}
}

/** What file systems that know no hard links answer. There two writers of one key at the same moment are not told apart. */
const WITHOUT_LINKS = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'];
const EXISTS = { code: 'EEXIST', syscall: 'link' };

export async function isThere(fs: FileSystem, path: string): Promise<boolean> {
	try {
		await fs.lstat(path);
		return true;
	} catch (error) {
		if (isMissing(error)) return false;
		throw error;
	}
}

/** Nothing has this name: neither it nor, perhaps, a directory on the way. */
export function isMissing(thrown: unknown): boolean {
	return errnoOf(thrown) === 'ENOENT';
}
