import { dirname, join, resolve } from 'node:path';
import { CustodianError } from '../../errors.ts';
import { MARKER_KEY } from '../../repository/marker.ts';
import { isMissing, isThere, makeDirectory, syncDirectory } from './durable.ts';
import { repositoryFailure } from './failure.ts';
import { nodeFileSystem, type FileSystem, type FileStatus } from './file-system.ts';

/** Makes the directory of a new repository, in one that is there. For the first start alone: see `directoryRepository`. */
export async function createDirectory(root: string, fs: FileSystem = nodeFileSystem): Promise<void> {
	const directory = resolve(root);
	try {
		await makeDirectory(fs, directory);
		await syncDirectory(fs, dirname(directory));
	} catch (error) {
		throw repositoryFailure(error, directory, 'make the directory');
	}
}

/**
 * Rejects where there is no directory at `root`, or another one than at the first time: behind a mount that went away
 * stands its empty mount point, and what is written there fills the wrong disk. One that comes back is known by its
 * marker.
 */
export function sameRoot(fs: FileSystem, root: string): () => Promise<void> {
	let known: string | undefined;
	return async () => {
		const found = identityOf(await statusOf(fs, root));
		known ??= found;
		if (known === found) return;
		if (!(await isThere(fs, join(root, MARKER_KEY)))) throw absent(root, `${root} is not the directory it was.`);
		known = found;
	};
}

function identityOf({ dev, ino }: FileStatus): string {
	return `${dev}:${ino}`;
}

async function statusOf(fs: FileSystem, root: string): Promise<FileStatus> {
	let status: FileStatus;
	try {
		status = await fs.stat(root);
	} catch (error) {
		throw isMissing(error) ? absent(root, `There is no directory ${root}.`, error) : error;
	}
	if (status.isDirectory()) return status;
	throw new CustodianError('repository_refused', root, `${root} is no directory.`);
}

function absent(root: string, message: string, cause?: unknown): CustodianError {
	return new CustodianError('repository_unreachable', root, message, {
		cause,
		hint: 'Mount it, or create the directory if it is to be new.',
	});
}
