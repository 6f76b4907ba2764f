import { CanonicalWriter } from './canonical.ts';
import type { Row } from './shape.ts';

/** SHA-256, in pieces. */
export interface Sha256 {
	update(bytes: Uint8Array): void;
	digestHex(): string;
}

const FLUSH_BYTES = 65_536;

/** Hashes what is written, many rows at a time. */
class WrittenHash {
	protected readonly writer = new CanonicalWriter(2 * FLUSH_BYTES);
	readonly #hash: Sha256;

	constructor(hash: Sha256) {
		this.#hash = hash;
	}

	digestHex(): string {
		this.#flush();
		return this.#hash.digestHex();
	}

	protected flushIfLarge(): void {
		if (this.writer.length >= FLUSH_BYTES) this.#flush();
	}

	#flush(): void {
		this.#hash.update(this.writer.bytes.subarray(0, this.writer.length));
		this.writer.length = 0;
	}
}

/**
 * What a table holds, as one number: SHA-256 over each row's key and record in the order of the keys. The key stands as
 * Harper's bytes, the record in its canonical form, each after its length. Tombstones, versions, expiry, audit times,
 * numbers of structures and compression have no part in it, so that a table that was written anew has the same hash.
 */
export class ContentHash extends WrittenHash {
	add(keyBytes: Uint8Array, keyStart: number, keyEnd: number, row: Row): void {
		this.writer.writeBytes(keyBytes, keyStart, keyEnd);
		this.writer.writeRow(row);
		this.flushIfLarge();
	}
}

/** When the rows of a table were written: SHA-256 over each row's key and version in the order of the keys. */
export class VersionsHash extends WrittenHash {
	add(keyBytes: Uint8Array, keyStart: number, keyEnd: number, version: number): void {
		this.writer.writeBytes(keyBytes, keyStart, keyEnd);
		this.writer.writeFloat64(version);
		this.flushIfLarge();
	}
}
