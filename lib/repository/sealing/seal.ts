import { inBlocks } from '../blocks.ts';
import type { ByteRange } from '../repository.ts';
import { NONCE_BYTES, TAG_BYTES, type Cipher } from './cipher.ts';
import { damaged, HEADER_BYTES, newHeader, parseHeader, SALT_BYTES, type Header } from './header.ts';

/** What a sealed object is, and of which snapshot: bound into it, so that it passes for nothing else. */
export interface SealingContext {
	readonly snapshotId: string;
	readonly role: string;
}

const CHUNK_BYTES = 256 * 1024;

/** Encrypts a stream chunk by chunk, in the format of `docs/repository-format.md`. */
export async function* seal(
	cipher: Cipher,
	bytes: AsyncIterable<Uint8Array>,
	dataKey: Uint8Array,
	context: SealingContext,
	chunkBytes: number = CHUNK_BYTES
): AsyncGenerator<Uint8Array, void, undefined> {
	const header = newHeader(cipher.random(SALT_BYTES), chunkBytes);
	const chunks = sealedChunks(cipher, header, dataKey, context);
	yield header.bytes;
	let written = 0;
	for await (const { block, last } of withLast(inBlocks(bytes, chunkBytes))) {
		yield chunks.encrypt(block, written++, last);
	}
	if (written === 0) yield chunks.encrypt(new Uint8Array(0), 0, true);
}

/** Gives back what was sealed. Each chunk is authentic before any of it is passed on; the first that is not rejects. */
export async function* unseal(
	cipher: Cipher,
	sealed: AsyncIterable<Uint8Array>,
	dataKey: Uint8Array,
	context: SealingContext
): AsyncGenerator<Uint8Array, void, undefined> {
	const source = sealed[Symbol.asyncIterator]();
	try {
		const { head, rest } = await taken(source, HEADER_BYTES);
		const header = parseHeader(head, context.role);
		const chunks = sealedChunks(cipher, header, dataKey, context);
		let read = 0;
		for await (const { block, last } of withLast(inBlocks(following(rest, source), header.chunkBytes + TAG_BYTES))) {
			yield chunks.decrypt(block, read++, last);
		}
		if (read === 0) throw damaged(context.role);
	} finally {
		await source.return?.();
	}
}

/** Where a sealed object lies: how many bytes it has there, and how to read some of them. */
export interface SealedObject {
	readonly sizeBytes: number;
	read(range: ByteRange): AsyncIterable<Uint8Array>;
}

/** Gives back a range of what was sealed, and reads no more than the chunks that hold it. */
export async function* unsealRange(
	cipher: Cipher,
	sealed: SealedObject,
	dataKey: Uint8Array,
	context: SealingContext,
	{ start, end = Infinity }: ByteRange
): AsyncGenerator<Uint8Array, void, undefined> {
	const { head } = await taken(sealed.read({ start: 0, end: HEADER_BYTES })[Symbol.asyncIterator](), HEADER_BYTES);
	const header = parseHeader(head, context.role);
	const chunks = sealedChunks(cipher, header, dataKey, context);
	const stored = header.chunkBytes + TAG_BYTES;
	const final = Math.ceil((sealed.sizeBytes - HEADER_BYTES) / stored) - 1;
	let index = Math.floor(start / header.chunkBytes);
	if (final < 0) throw damaged(context.role);
	if (index > final || end <= start) return;
	const from = HEADER_BYTES + index * stored;
	const to = Math.min(sealed.sizeBytes, HEADER_BYTES + Math.ceil(end / header.chunkBytes) * stored);
	let missing = to - from;
	for await (const block of inBlocks(sealed.read({ start: from, end: to }), stored)) {
		const plain = chunks.decrypt(block, index, index === final);
		const first = index * header.chunkBytes;
		yield plain.subarray(Math.max(0, start - first), Math.max(0, end - first));
		index++;
		missing -= block.length;
	}
	if (missing !== 0) throw damaged(context.role);
}

/** Each object has a key of its own, so a chunk's number is nonce enough; the last byte tells the final chunk. */
function sealedChunks(cipher: Cipher, header: Header, dataKey: Uint8Array, { snapshotId, role }: SealingContext) {
	const key = cipher.derive(dataKey, header.salt, utf8(KEY_LABEL));
	const associated = joined(header.bytes, utf8(JSON.stringify([snapshotId, role])));
	return {
		encrypt: (block: Uint8Array, index: number, last: boolean): Uint8Array =>
			cipher.encrypt(key, nonceOf(index, last), block, associated),
		decrypt: (block: Uint8Array, index: number, last: boolean): Uint8Array => {
			const plain = cipher.decrypt(key, nonceOf(index, last), block, associated);
			if (plain === undefined) throw damaged(role);
			return plain;
		},
	};
}

const KEY_LABEL = 'harper-custodian object v1';

function nonceOf(index: number, last: boolean): Uint8Array {
	// A counter that began anew would repeat a nonce: at the smallest chunk that is behind 256 TiB.
	if (index >= 2 ** 32) throw new RangeError('an object has too many chunks');
	const nonce = new Uint8Array(NONCE_BYTES);
	new DataView(nonce.buffer).setUint32(7, index);
	nonce[11] = last ? 1 : 0;
	return nonce;
}

async function* withLast(
	blocks: AsyncIterable<Uint8Array>
): AsyncGenerator<{ readonly block: Uint8Array; readonly last: boolean }, void, undefined> {
	let held: Uint8Array | undefined;
	for await (const block of blocks) {
		if (held !== undefined) yield { block: held, last: false };
		held = block;
	}
	if (held !== undefined) yield { block: held, last: true };
}

/** The first bytes of a source, and what came along with them. */
async function taken(
	source: AsyncIterator<Uint8Array>,
	length: number
): Promise<{ readonly head: Uint8Array; readonly rest: Uint8Array }> {
	let found: Uint8Array = new Uint8Array(0);
	while (found.length < length) {
		const next = await source.next();
		if (next.done === true) break;
		found = joined(found, next.value);
	}
	return { head: found.subarray(0, length), rest: found.subarray(length) };
}

async function* following(
	first: Uint8Array,
	source: AsyncIterator<Uint8Array>
): AsyncGenerator<Uint8Array, void, undefined> {
	yield first;
	for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
	const both = new Uint8Array(first.length + second.length);
	both.set(first);
	both.set(second, first.length);
	return both;
}

function utf8(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}
