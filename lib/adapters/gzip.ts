import { promisify } from 'node:util';
import { constants, gzip as zlibGzip } from 'node:zlib';

const compress = promisify(zlibGzip);

/** Compresses off the event loop, at the level that costs least for text that repeats as much as an exposition. */
export function gzip(bytes: Uint8Array): Promise<Uint8Array> {
	return compress(bytes, { level: constants.Z_BEST_SPEED });
}
