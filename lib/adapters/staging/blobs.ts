import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { open, readdir, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BLOB_HEADER_BYTES, blobState, type BlobState } from '../../snapshot/blob-file.ts';
import type { Contents } from '../../snapshot/manifest.ts';
import type { ArchivedFile } from '../tar.ts';

/**
 * Tells the blob files that a copy refers to from those that merely stood beside it, whatever their number: each one is
 * moved from one folder to another when it is first referred to. Counts the references that lead nowhere.
 */
export class ReferredBlobs {
	readonly #linked: string;
	readonly #referred: string;
	readonly #made = new Set<string>();
	#missing = 0;

	constructor(folder: string) {
		this.#linked = join(folder, 'blobs');
		this.#referred = join(folder, 'referred');
	}

	get missing(): number {
		return this.#missing;
	}

	/** Below it lie the files, named as Harper names them behind the number of the directory. */
	get folder(): string {
		return this.#referred;
	}

	/** Synchronous, as the walk that calls it is; it is meant for a process of its own. */
	add(storageIndex: number, fileId: string): void {
		// What a record says becomes a path here.
		if (!Number.isInteger(storageIndex) || !/^[\da-f]{1,16}$/.test(fileId)) {
			this.#missing++;
			return;
		}
		const name = blobPath(storageIndex, fileId);
		const target = join(this.#referred, name);
		this.#make(dirname(target));
		try {
			renameSync(join(this.#linked, name), target);
		} catch (error) {
			if (!isMissing(error)) throw error;
			if (!existsSync(target)) this.#missing++;
		}
	}

	#make(directory: string): void {
		if (this.#made.has(directory)) return;
		mkdirSync(directory, { recursive: true, mode: 0o700 });
		this.#made.add(directory);
	}
}

/** Harper spreads files over two levels of directories by the last digits of their number. */
export function blobPath(storageIndex: number, fileId: string): string {
	const last = fileId.length <= 9 ? fileId.slice(-3) : fileId.slice(0, -9) + fileId.slice(-3);
	return [storageIndex, fileId.slice(-9, -6) || '0', fileId.slice(-6, -3) || '0', last].join('/');
}

/** How often a file that Harper is still writing is looked at again. */
const LOOKS = 50;

/** Looks at each file below a folder, and waits a while for those that Harper is still writing. */
export async function lookAtBlobs(
	folder: string,
	wait: () => Promise<void>
): Promise<Omit<Contents['blobs'], 'missing'>> {
	const counts = { files: 0, sizeBytes: 0, incomplete: 0 };
	for await (const name of filesBelow(folder)) {
		let found = await look(join(folder, name));
		for (let looks = 1; found.state === 'unfinished' && looks < LOOKS; looks++) {
			await wait();
			found = await look(join(folder, name));
		}
		counts.files++;
		counts.sizeBytes += found.sizeBytes;
		if (found.state !== 'complete') counts.incomplete++;
	}
	return counts;
}

/** The files below a folder, to be archived. */
export async function* blobFiles(folder: string): AsyncIterable<ArchivedFile> {
	for await (const name of filesBelow(folder)) {
		const file = await open(join(folder, name), 'r');
		try {
			const { size } = await file.stat();
			yield { name, sizeBytes: size, bytes: contentOf(file, size) };
		} finally {
			await file.close();
		}
	}
}

/** Reads archived blob files to their end, and counts them. */
export async function countBlobs(files: AsyncIterable<ArchivedFile>): Promise<Omit<Contents['blobs'], 'missing'>> {
	const counts = { files: 0, sizeBytes: 0, incomplete: 0 };
	for await (const { sizeBytes, bytes } of files) {
		const header = Buffer.alloc(BLOB_HEADER_BYTES);
		let read = 0;
		for await (const chunk of bytes) {
			if (read < header.length) Buffer.from(chunk).copy(header, read);
			read += chunk.length;
		}
		counts.files++;
		counts.sizeBytes += sizeBytes;
		if (blobState(header.subarray(0, read), sizeBytes) !== 'complete') counts.incomplete++;
	}
	return counts;
}

/** Names relative to the folder, in one order; none where the folder is missing. */
async function* filesBelow(folder: string, prefix = ''): AsyncIterable<string> {
	const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch((error: unknown) => {
		if (isMissing(error)) return [];
		throw error;
	});
	for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
		const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
		if (entry.isDirectory()) yield* filesBelow(folder, name);
		else if (entry.isFile()) yield name;
	}
}

async function look(path: string): Promise<{ readonly state: BlobState; readonly sizeBytes: number }> {
	const file = await open(path, 'r');
	try {
		const header = Buffer.alloc(BLOB_HEADER_BYTES);
		const { bytesRead } = await file.read(header, 0, header.length, 0);
		const { size } = await file.stat();
		return { state: blobState(header.subarray(0, bytesRead), size), sizeBytes: size };
	} finally {
		await file.close();
	}
}

/** As many bytes as were announced: a file that grows meanwhile must not spoil the archive. */
async function* contentOf(file: FileHandle, sizeBytes: number): AsyncIterable<Uint8Array> {
	if (sizeBytes === 0) return;
	yield* file.createReadStream({ start: 0, end: sizeBytes - 1, autoClose: false, highWaterMark: 1 << 20 });
}

function isMissing(error: unknown): boolean {
	return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
