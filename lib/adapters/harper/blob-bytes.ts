import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { blobPathOf, type BlobReference } from '../../record/blob.ts';
import { BLOB_HEADER_BYTES, blobState } from '../../snapshot/blob-file.ts';
import { stringIn } from './fields.ts';
import { configSection, instanceConfig } from './in-process.ts';

/** The content of a blob that a record of the database holds or has held; undefined where it is gone, or not whole. */
export async function blobBytes(database: string, blob: BlobReference): Promise<Uint8Array | undefined> {
	const { bytes, fileId, storageIndex } = blob;
	if (bytes !== undefined) return bytes;
	const directory = blobDirectories()[storageIndex];
	// What a record says becomes a path here.
	if (directory === undefined || fileId === undefined || !/^[\da-f]{1,16}$/.test(fileId)) return undefined;
	const file = await readFile(join(directory, database, blobPathOf(fileId))).catch((error: unknown) => {
		if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
		throw error;
	});
	if (file === undefined || blobState(file.subarray(0, BLOB_HEADER_BYTES), file.length) !== 'complete')
		return undefined;
	const content = file.subarray(BLOB_HEADER_BYTES);
	return file.readUInt16BE(0) === DEFLATED ? promisify(inflate)(content) : content;
}

const DEFLATED = 1;

/** Where Harper keeps blob files, in the order in which records number them. */
export function blobDirectories(): readonly string[] {
	const configured = configSection('storage')['blobPaths'];
	if (Array.isArray(configured)) return configured.filter((path) => typeof path === 'string');
	const root = stringIn(instanceConfig(), 'rootPath');
	return root === undefined ? [] : [join(root, 'blobs')];
}
