import { createWriteStream } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CustodianError } from '../../errors.ts';
import { RESERVE_BYTES } from '../../snapshot/take.ts';

/** Writes so many bytes into a file of a folder that only this user may read, if there is room; resolves with its path. */
export async function spool(
	bytes: AsyncIterable<Uint8Array>,
	sizeBytes: number,
	folder: string,
	name: string
): Promise<string> {
	await mkdir(folder, { recursive: true, mode: 0o700 });
	const { bsize, bavail } = await statfs(folder);
	if (bsize * bavail < sizeBytes + RESERVE_BYTES) throw full(folder);
	const path = join(folder, name);
	try {
		await pipeline(Readable.from(bytes), createWriteStream(path, { mode: 0o600 }));
	} catch (error) {
		throw isFull(error) ? full(folder, error) : error;
	}
	return path;
}

/** `bytes` may fail as well, but never with the error of a system call. */
function isFull(error: unknown): boolean {
	return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

function full(folder: string, cause?: unknown): CustodianError {
	const hint = 'Make room on the disk of the root directory of Harper: a snapshot is unpacked there to be opened.';
	return new CustodianError('no_space', folder, `There is no room in ${folder} to unpack the snapshot.`, {
		cause,
		hint,
	});
}
