import { constants, type Dirent } from 'node:fs';
import { copyFile, link, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** How many files are linked at a time: enough to keep the disk busy, too few to starve the pool of its threads. */
const AT_ONCE = 8;

/**
 * Gives every file below `source` a second name below `target`, so that it stays when the first one goes. Where
 * `target` lies on another file system the files are copied. What is there already, or vanishes meanwhile, is passed
 * over. Links of other kinds are not followed.
 */
export async function linkTree(source: string, target: string, signal: AbortSignal): Promise<void> {
	signal.throwIfAborted();
	const entries = await readdir(source, { withFileTypes: true }).catch(noneIfMissing);
	if (entries.length > 0) await mkdir(target, { recursive: true, mode: 0o700 });
	const files = entries.filter((entry) => entry.isFile());
	for (let first = 0; first < files.length; first += AT_ONCE) {
		signal.throwIfAborted();
		const some = files.slice(first, first + AT_ONCE);
		await Promise.all(some.map(({ name }) => keep(join(source, name), join(target, name))));
	}
	for (const { name } of entries.filter((entry) => entry.isDirectory())) {
		await linkTree(join(source, name), join(target, name), signal);
	}
}

async function keep(source: string, target: string): Promise<void> {
	try {
		await link(source, target);
	} catch (error) {
		const code = codeOf(error);
		if (code === 'EXDEV' || code === 'EPERM' || code === 'EMLINK') await copy(source, target);
		else if (code !== 'EEXIST' && code !== 'ENOENT') throw error;
	}
}

async function copy(source: string, target: string): Promise<void> {
	try {
		await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
	} catch (error) {
		const code = codeOf(error);
		if (code !== 'EEXIST' && code !== 'ENOENT') throw error;
	}
}

function noneIfMissing(error: unknown): Dirent[] {
	if (codeOf(error) === 'ENOENT') return [];
	throw error;
}

function codeOf(error: unknown): string | undefined {
	return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
