import { open, type FileHandle } from 'node:fs/promises';
import { CustodianError } from '../errors.ts';
import { parseKey } from '../repository/sealing/parse-key.ts';

/** More than any form of a key. */
const MAX_BYTES = 1024;

/** The key in a file that nobody but its owner may read. What the file holds is never part of an error. */
export async function readKeyFile(path: string): Promise<Uint8Array> {
	const file = await open(path, 'r').catch((error: unknown) => {
		throw new CustodianError('key_file_invalid', path, `Could not read the key file ${path}.`, {
			cause: error,
			hint: 'Check its path, and that the user that Harper runs as may read it.',
		});
	});
	try {
		return await keyIn(file, path);
	} finally {
		await file.close();
	}
}

async function keyIn(file: FileHandle, path: string): Promise<Uint8Array> {
	const status = await file.stat();
	if (!status.isFile()) throw invalid(path, 'is no file', 'Name the file with the key.');
	if ((status.mode & 0o077) !== 0) {
		throw invalid(path, 'can be reached by its group or by others', `Run: chmod 600 ${path}`);
	}
	const buffer = new Uint8Array(MAX_BYTES);
	const { bytesRead } = await file.read(buffer, 0, MAX_BYTES, 0);
	const key = parseKey(buffer.subarray(0, bytesRead));
	buffer.fill(0);
	if (key !== undefined) return key;
	throw invalid(path, 'holds no key', 'Make one with: openssl rand -hex 32');
}

function invalid(path: string, what: string, hint: string): CustodianError {
	return new CustodianError('key_file_invalid', path, `The key file ${path} ${what}.`, { hint });
}
