/** The bytes at the beginning of a blob file of Harper's that say what follows. */
export const BLOB_HEADER_BYTES = 8;

/** What stands where the size will, for as long as Harper still writes the file. */
const UNFINISHED = 0xff_ff_ff_ff_ff_ff;

export type BlobState = 'complete' | 'unfinished' | 'failed' | 'damaged';

/**
 * Whether a blob file is whole, by its first eight bytes and its size. Two bytes of kind (0 plain, 1 deflated, 255 an
 * error that Harper met while writing it, followed by its message), then six bytes of size of the content.
 */
export function blobState(header: Uint8Array, fileBytes: number): BlobState {
	if (header.length < BLOB_HEADER_BYTES) return fileBytes === 0 ? 'unfinished' : 'damaged';
	const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
	const kind = view.getUint16(0);
	const contentBytes = view.getUint16(2) * 2 ** 32 + view.getUint32(4);
	if (kind === 0xff) return 'failed';
	if (contentBytes === UNFINISHED) return 'unfinished';
	if (kind === 1) return 'complete';
	if (kind !== 0) return 'damaged';
	if (fileBytes - BLOB_HEADER_BYTES < contentBytes) return 'unfinished';
	return fileBytes - BLOB_HEADER_BYTES === contentBytes ? 'complete' : 'damaged';
}
