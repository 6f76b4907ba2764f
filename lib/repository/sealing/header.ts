import { CustodianError } from '../../errors.ts';

/** What a sealed object begins with: `HCSE`, version, logarithm of the chunk size, two zeros, and 32 bytes of salt. */
export interface Header {
	readonly bytes: Uint8Array;
	readonly chunkBytes: number;
	readonly salt: Uint8Array;
}

export const HEADER_BYTES = 40;
const SALT_AT = 8;
export const SALT_BYTES = HEADER_BYTES - SALT_AT;
const MAGIC = [0x48, 0x43, 0x53, 0x45];
const VERSION = 1;
/** 64 KiB and 1 MiB. */
const CHUNK_LOGARITHMS = { smallest: 16, largest: 20 };

export function newHeader(salt: Uint8Array, chunkBytes: number): Header {
	const logarithm = Math.log2(chunkBytes);
	if (!isChunkLogarithm(logarithm)) throw new RangeError(`${chunkBytes} is no size of a chunk`);
	return headerOf(Uint8Array.of(...MAGIC, VERSION, logarithm, 0, 0, ...salt));
}

export function parseHeader(bytes: Uint8Array, name: string): Header {
	const sealed = bytes.length === HEADER_BYTES && MAGIC.every((byte, index) => bytes[index] === byte);
	if (!sealed) throw damaged(name);
	if (bytes[4] !== VERSION) throw unknownVersion(name, bytes[4]);
	if (!isChunkLogarithm(bytes[5] ?? 0) || bytes[6] !== 0 || bytes[7] !== 0) throw damaged(name);
	return headerOf(bytes);
}

export function damaged(name: string): CustodianError {
	return new CustodianError('object_damaged', name, `${name} is not as it was sealed.`, {
		hint: 'It was changed, exchanged or cut short after it was written, or its key belongs to another snapshot.',
	});
}

function headerOf(bytes: Uint8Array): Header {
	return { bytes, chunkBytes: 2 ** (bytes[5] ?? 0), salt: bytes.subarray(SALT_AT) };
}

function isChunkLogarithm(value: number): boolean {
	const { smallest, largest } = CHUNK_LOGARITHMS;
	return Number.isInteger(value) && value >= smallest && value <= largest;
}

function unknownVersion(name: string, version: number | undefined): CustodianError {
	return new CustodianError('unknown_format', name, `${name} is sealed in version ${version} of the format.`, {
		hint: 'A newer version of harper-custodian wrote it; use that one.',
	});
}
