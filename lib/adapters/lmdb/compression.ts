import { damaged } from './damage.ts';
import { defaultDictionary } from './dictionary.ts';
import { decodeLz4, longestLz4 } from './lz4.ts';

/** How a store compresses its values: those from a size on, behind so many bytes that stay as they are. */
export interface Compression {
	readonly startingOffset: number;
	/** What every value is compressed against. */
	readonly dictionary: Uint8Array;
}

/** A value that begins with less than this is not compressed. */
const FIRST_MARK = 250;
const SHORT_LENGTH = 254;
const LONG_LENGTH = 255;

/** Undoes lmdb-js's compression of the values of one store. What it shows is good until the next call. */
export class Decompressor {
	bytes: Buffer = Buffer.alloc(0);
	start = 0;
	end = 0;
	readonly #compression: Compression;
	#room: Buffer = Buffer.allocUnsafe(65_536);

	constructor(compression: Compression) {
		this.#compression = compression;
	}

	/** Shows the value that stands here, decompressed if it is compressed. */
	show(bytes: Buffer, start: number, end: number, where: () => string): void {
		const { startingOffset } = this.#compression;
		const markAt = start + startingOffset;
		if (markAt >= end || bytes[markAt]! < FIRST_MARK) {
			this.bytes = bytes;
			this.start = start;
			this.end = end;
			return;
		}
		const mark = bytes[markAt]!;
		const headerBytes = mark === SHORT_LENGTH ? 4 : 8;
		const blockAt = markAt + headerBytes;
		if ((mark !== SHORT_LENGTH && mark !== LONG_LENGTH) || blockAt > end) {
			throw damaged(where(), 'a compressed value has no length');
		}
		const size = mark === SHORT_LENGTH ? bytes.readUIntBE(markAt + 1, 3) : bytes.readUInt32BE(markAt + 4);
		if (size > longestLz4(end - blockAt)) throw damaged(where(), 'a compressed value has an impossible length');
		const target = this.#roomFor(startingOffset + size);
		target.set(bytes.subarray(start, markAt));
		if (!decodeLz4(bytes, blockAt, end, target, startingOffset, this.#compression.dictionary)) {
			throw damaged(where(), 'a compressed value cannot be decompressed');
		}
		this.bytes = target;
		this.start = 0;
		this.end = target.length;
	}

	#roomFor(size: number): Buffer {
		if (size > this.#room.length) {
			// A giant is not kept for the small ones after it.
			if (size > 1 << 20) return Buffer.allocUnsafeSlow(size);
			this.#room = Buffer.allocUnsafe(size * 2);
		}
		return this.#room.subarray(0, size);
	}
}

/** Parses what Harper keeps of a table's compression; `undefined` where there is none. */
export function compressionOf(stored: unknown, where: string): Compression | undefined {
	if (typeof stored !== 'object' || stored === null) return undefined;
	const { startingOffset = 0, dictionary }: { startingOffset?: unknown; dictionary?: unknown } = stored;
	if (typeof startingOffset !== 'number' || !Number.isInteger(startingOffset) || startingOffset < 0) {
		throw damaged(where, 'its compression begins at an impossible place');
	}
	if (dictionary !== undefined && !(dictionary instanceof Uint8Array)) {
		throw damaged(where, 'its compression has a dictionary that is none');
	}
	return { startingOffset, dictionary: wordAligned(dictionary ?? defaultDictionary()) };
}

/** lmdb-js uses whole words of it. */
function wordAligned(dictionary: Uint8Array): Uint8Array {
	return dictionary.subarray(0, dictionary.length & ~7);
}
