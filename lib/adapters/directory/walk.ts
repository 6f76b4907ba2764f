import { join } from 'node:path';
import { isSegment } from '../../repository/object-key.ts';
import type { ObjectInfo } from '../../repository/repository.ts';
import { isMissing } from './durable.ts';
import type { DirectoryEntry, FileSystem } from './file-system.ts';

/** The files under a prefix in ascending order of their keys. Passes over what is no key, and what goes meanwhile. */
export async function* walk(fs: FileSystem, root: string, prefix: string): AsyncGenerator<ObjectInfo, void, undefined> {
	for (const entry of inOrderOfKeys(await entriesOf(fs, join(root, prefix)))) {
		const key = prefix + entry.name;
		if (entry.isDirectory()) {
			yield* walk(fs, root, `${key}/`);
			continue;
		}
		const sizeBytes = await sizeOf(fs, join(root, key));
		if (sizeBytes !== undefined) yield { key, sizeBytes };
	}
}

/** A directory's keys go on with a slash, which stands behind some characters of names and before others. */
function inOrderOfKeys(entries: readonly DirectoryEntry[]): DirectoryEntry[] {
	const ours = entries.filter((entry) => isSegment(entry.name) && (entry.isFile() || entry.isDirectory()));
	const position = (entry: DirectoryEntry) => (entry.isDirectory() ? `${entry.name}/` : entry.name);
	return ours.sort((a, b) => (position(a) < position(b) ? -1 : 1));
}

async function entriesOf(fs: FileSystem, directory: string): Promise<readonly DirectoryEntry[]> {
	try {
		return await fs.readdir(directory);
	} catch (error) {
		if (isMissing(error)) return [];
		throw error;
	}
}

async function sizeOf(fs: FileSystem, path: string): Promise<number | undefined> {
	try {
		return (await fs.lstat(path)).size;
	} catch (error) {
		if (isMissing(error)) return undefined;
		throw error;
	}
}
