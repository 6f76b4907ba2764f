import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What lies in a repository that is a directory, as keys, with what is still being written. */
export function filesIn(directory: string): string[] {
	if (!existsSync(directory)) return [];
	return readdirSync(directory, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
		.toSorted();
}

/** What belongs to no snapshot: objects in a folder without a manifest, and what was never finished. */
export function orphansIn(directory: string): string[] {
	const files = filesIn(directory).filter((file) => file !== 'custodian.json');
	const complete = files.filter((file) => file.endsWith('/manifest.json')).map((file) => file.slice(0, -13));
	return files.filter((file) => !complete.some((folder) => file.startsWith(folder)));
}
