import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CustodianError } from '../../errors.ts';
import { damaged } from './damage.ts';

/** Some neighbouring bytes of the file. Never written again after they were read, so a cursor may keep them. */
export interface Chunk {
	readonly bytes: Buffer;
	readonly view: DataView;
}

const CHUNK_BYTES = 128 * 1024;
const CHUNKS_KEPT = 64;

/**
 * Pages of a file, read and never mapped: a file that is cut short while it is read gives an error, where a mapping
 * would end the process.
 */
export class Pages {
	readonly pageSize: number;
	readonly sizeBytes: number;
	/** Bytes fetched from the file so far. */
	bytesRead = 0;
	readonly #descriptor: number;
	readonly #pagesPerChunk: number;
	readonly #chunks = new Map<number, Chunk>();
	#latest: Chunk | undefined;
	#latestNumber = -1;

	constructor(file: OpenFile, pageSize: number) {
		this.pageSize = pageSize;
		this.sizeBytes = file.sizeBytes;
		this.#descriptor = file.descriptor;
		this.#pagesPerChunk = CHUNK_BYTES / pageSize;
	}

	/** Where a page begins within the chunk that `chunkOf` gives. */
	offsetOf(page: number): number {
		return (page % this.#pagesPerChunk) * this.pageSize;
	}

	/** The chunk in which a whole page stands. `where` says who asks. */
	chunkOf(page: number, where: string): Chunk {
		const number = Math.floor(page / this.#pagesPerChunk);
		const chunk = number === this.#latestNumber && this.#latest !== undefined ? this.#latest : this.#fetch(number);
		if (this.offsetOf(page) + this.pageSize > chunk.bytes.length) {
			throw damaged(where, `page ${page} lies behind the end of the file`);
		}
		return chunk;
	}

	/** Whether these bytes of a page and its followers stand in one chunk. */
	isWhole(page: number, lengthBytes: number): boolean {
		return this.offsetOf(page) + lengthBytes <= CHUNK_BYTES;
	}

	/** Bytes that begin in a page and may end in another, outside of the cache. */
	readAcross(page: number, offset: number, target: Uint8Array, where: string): void {
		this.bytesRead += target.length;
		if (readFully(this.#descriptor, target, page * this.pageSize + offset) < target.length) {
			throw damaged(where, `page ${page} and its followers lie behind the end of the file`);
		}
	}

	#fetch(number: number): Chunk {
		let chunk = this.#chunks.get(number);
		if (chunk === undefined) {
			chunk = this.#read(number);
			if (this.#chunks.size >= CHUNKS_KEPT) this.#forgetOldest();
		} else {
			this.#chunks.delete(number);
		}
		this.#chunks.set(number, chunk);
		this.#latest = chunk;
		this.#latestNumber = number;
		return chunk;
	}

	#read(number: number): Chunk {
		const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
		const length = readFully(this.#descriptor, buffer, number * CHUNK_BYTES);
		this.bytesRead += length;
		const bytes = length === CHUNK_BYTES ? buffer : buffer.subarray(0, length);
		return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
	}

	#forgetOldest(): void {
		const oldest = this.#chunks.keys().next();
		if (oldest.done !== true) this.#chunks.delete(oldest.value);
	}
}

export interface OpenFile {
	readonly descriptor: number;
	readonly sizeBytes: number;
}

export function openFile(path: string): OpenFile {
	try {
		const descriptor = openSync(path, 'r');
		return { descriptor, sizeBytes: fstatSync(descriptor).size };
	} catch (error) {
		throw new CustodianError('snapshot_unreadable', path, `The database file ${path} cannot be opened.`, {
			cause: error,
		});
	}
}

export function closeFile({ descriptor }: OpenFile): void {
	closeSync(descriptor);
}

/** How many bytes there were, which is fewer than wanted only at the end of the file. */
export function readFully(descriptor: number, target: Uint8Array, position: number): number {
	let length = 0;
	try {
		while (length < target.length) {
			const count = readSync(descriptor, target, length, target.length - length, position + length);
			if (count === 0) break;
			length += count;
		}
	} catch (error) {
		const where = `byte ${position + length}`;
		throw new CustodianError('snapshot_unreadable', where, `The database file cannot be read at ${where}.`, {
			cause: error,
			hint: 'The storage refuses it: look at the disk.',
		});
	}
	return length;
}
