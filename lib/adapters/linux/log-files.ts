import { statSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogFile, LogFiles } from '../../metrics/collectors/log-lines.ts';

/**
 * Follows `hdb.log` of a directory over renames: a file is known by device and inode. `rotatedDirectory` is where
 * Harper puts the renamed files (`logging.rotation.path`).
 */
export function logFiles(directory: string, rotatedDirectory: string = directory): LogFiles {
	const currentPath = join(directory, 'hdb.log');
	/** Where each file was last seen; a rename is noticed when the file there has another id. */
	const paths = new Map<string, string>();

	const rotated = async (id: string): Promise<LogFile | undefined> => {
		const known = paths.get(id);
		if (known !== undefined && known !== currentPath) {
			const file = fileAt(known);
			if (file?.id === id) return file;
		}
		paths.delete(id);
		for (const name of await readdir(rotatedDirectory).catch(() => [])) {
			if (!name.endsWith('.log')) continue;
			const path = join(rotatedDirectory, name);
			const file = fileAt(path);
			if (file?.id !== id) continue;
			paths.set(id, path);
			return file;
		}
		return undefined;
	};

	return {
		async current() {
			const file = fileAt(currentPath);
			if (file !== undefined) paths.set(file.id, currentPath);
			return file;
		},
		rotated,
		async read(id, offset, length) {
			const path = paths.get(id);
			if (path === undefined) return new Uint8Array();
			const handle = await openIfThere(path);
			if (handle === undefined) return new Uint8Array();
			try {
				// Renamed since we looked: the next reading finds it under its new name.
				if (idOf(await handle.stat()) !== id) return new Uint8Array();
				const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, offset);
				return buffer.subarray(0, bytesRead);
			} finally {
				await handle.close();
			}
		},
	};
}

/** Synchronous: the kernel answers from memory, and a detour over the thread pool costs fifteen times as much. */
function fileAt(path: string): LogFile | undefined {
	const file = statSync(path, { throwIfNoEntry: false });
	return file && { id: idOf(file), sizeBytes: file.size };
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
	return open(path, 'r').catch((error: unknown) => undefinedIfMissing(error));
}

function undefinedIfMissing(error: unknown): undefined {
	if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
	throw error;
}

function idOf({ dev, ino }: { dev: number; ino: number }): string {
	return `${dev}:${ino}`;
}
