/** One object of a repository. */
export interface ObjectInfo {
	readonly key: string;
	readonly sizeBytes: number;
}

/** A span of bytes: from `start` up to, and without, `end`; to the end of the object where there is no `end`. */
export interface ByteRange {
	readonly start: number;
	readonly end?: number | undefined;
}

/** What a crash or a cancelled write left behind: no object, but space that is taken. */
export interface Leftover {
	readonly name: string;
	/** Wall clock, milliseconds. */
	readonly startedAt: number;
	readonly sizeBytes: number | undefined;
}

/**
 * Where snapshots and segments live: immutable objects under keys. What a key is, `object-key.ts` says. Nobody writes
 * both `a` and `a/b`: a directory could not hold them.
 *
 * Every implementation promises, and the contract suite holds it to that:
 * - An object is there as a whole or not at all, whatever dies when; once `write` has resolved it survives a power loss.
 * - An object never changes. A second `write` of a key that is there rejects with `object_exists`.
 * - `read` gives the bytes that were written or rejects: `object_missing`, or the code of what went wrong.
 * - `list` yields the objects under a prefix that ends with a slash (or is empty) in ascending order of their keys,
 *   nothing that is still being written, and all that was there when it began unless it was removed meanwhile.
 * - A range that reaches beyond the end of the object gives what there is.
 * - `remove` resolves also where there is nothing.
 * - `leftovers` may name what another process is still writing: how old it is tells them apart.
 * - An aborted signal rejects with the signal's reason, soon, and leaves at most a leftover.
 * - Errors are `CustodianError`s, except what `bytes` throws, which passes through `write` as it is.
 *   `repository_unreachable` alone may pass when tried again.
 */
export interface Repository {
	/**
	 * Takes the bytes as they come, in bounded memory, and is done with a chunk when it asks for the next. Resolves with
	 * how many bytes there were.
	 */
	write(key: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number>;
	read(key: string, range?: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>;
	stat(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined>;
	list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo>;
	remove(key: string, signal?: AbortSignal): Promise<void>;
	leftovers(signal?: AbortSignal): AsyncIterable<Leftover>;
	removeLeftover(leftover: Leftover, signal?: AbortSignal): Promise<void>;
	/** Bytes that may still be written; undefined where nobody knows. */
	freeBytes(signal?: AbortSignal): Promise<number | undefined>;
}
