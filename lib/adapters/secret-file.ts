import { open } from 'node:fs/promises';
import { CustodianError } from '../errors.ts';

const SHORTEST_BYTES = 16;
const LONGEST_BYTES = 4096;

/** What group and others may do with a file. */
const FOREIGN = 0o077;

/**
 * Reads a secret that only its owner may read, without the line break that editors put behind it. Rejects with
 * `secret_unreadable`, `secret_exposed` or `secret_unfit`.
 */
export async function readSecretFile(path: string): Promise<Uint8Array> {
	const file = await open(path, 'r').catch((error: unknown) => {
		throw unreadable(path, error);
	});
	try {
		const status = await file.stat();
		if (!status.isFile()) throw new CustodianError('secret_unreadable', path, `${path} is no file.`);
		if ((status.mode & FOREIGN) !== 0) {
			const hint = `chmod 600 ${path}, and make a new secret if others have read this one.`;
			throw new CustodianError('secret_exposed', path, `Others than its owner may use ${path}.`, { hint });
		}
		if (status.size > LONGEST_BYTES) throw unfit(path);
		const secret = withoutLineBreak(await file.readFile());
		if (secret.length < SHORTEST_BYTES) throw unfit(path);
		return secret;
	} catch (error) {
		throw error instanceof CustodianError ? error : unreadable(path, error);
	} finally {
		await file.close();
	}
}

function withoutLineBreak(bytes: Uint8Array): Uint8Array {
	const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : bytes.length;
	return bytes.subarray(0, end);
}

function unreadable(path: string, cause: unknown): CustodianError {
	const hint = 'Harper runs as a user who has to be its owner.';
	return new CustodianError('secret_unreadable', path, `${path} cannot be read.`, { cause, hint });
}

function unfit(path: string): CustodianError {
	const message = `${path} holds no secret of ${SHORTEST_BYTES} to ${LONGEST_BYTES} bytes.`;
	return new CustodianError('secret_unfit', path, message, { hint: 'openssl rand -hex 32 makes one.' });
}
