import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress, createBrotliDecompress, createGunzip, createGzip } from 'node:zlib';
import { CustodianError } from '../errors.ts';
import type { Compression } from '../snapshot/manifest.ts';
import type { Codec } from '../snapshot/object.ts';

/** Large enough that the turns of the event loop per chunk cost nothing beside the compressor. */
const CHUNK_BYTES = 256 * 1024;

/** The least effort of each: the databases we compress are large, and their host has other work. */
const COMPRESSORS: Readonly<Record<Exclude<Compression, 'none'>, () => Transform>> = {
	brotli: () => createBrotliCompress({ chunkSize: CHUNK_BYTES, params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
	gzip: () => createGzip({ chunkSize: CHUNK_BYTES, level: constants.Z_BEST_SPEED }),
};

const DECOMPRESSORS: typeof COMPRESSORS = {
	brotli: () => createBrotliDecompress({ chunkSize: CHUNK_BYTES }),
	gzip: () => createGunzip({ chunkSize: CHUNK_BYTES }),
};

/** Compression by Node.js, in threads of its own pool. */
export const zlibCodec: Codec = {
	compress: (compression, bytes) => (compression === 'none' ? bytes : through(bytes, COMPRESSORS[compression]())),
	decompress: (compression, bytes) => (compression === 'none' ? bytes : decompressed(compression, bytes)),
};

async function* through(bytes: AsyncIterable<Uint8Array>, transform: Transform): AsyncIterable<Uint8Array> {
	const fed = pipeline(Readable.from(bytes, { objectMode: true, highWaterMark: 2 }), transform);
	// Its failure destroys the transform, which then throws below.
	fed.catch(() => undefined);
	try {
		for await (const chunk of transform) {
			// Transforms of zlib yield buffers and nothing else.
			// oxlint-disable-next-line typescript/no-unsafe-type-assertion
			yield chunk as Uint8Array;
		}
		await fed;
	} finally {
		transform.destroy();
	}
}

async function* decompressed(
	compression: Exclude<Compression, 'none'>,
	bytes: AsyncIterable<Uint8Array>
): AsyncIterable<Uint8Array> {
	try {
		yield* through(bytes, DECOMPRESSORS[compression]());
	} catch (error) {
		if (error instanceof CustodianError || !isDataError(error)) throw error;
		const hint = 'Use another snapshot, or another copy of this one.';
		throw new CustodianError('object_damaged', compression, 'The compressed bytes are damaged.', {
			cause: error,
			hint,
		});
	}
}

function isDataError(error: unknown): boolean {
	return error instanceof Error && 'code' in error && /^(?:Z_|ERR_|ERR__ERROR)/.test(String(error.code));
}
