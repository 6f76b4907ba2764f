import { CustodianError } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import { measured, type Measured, type StartHash } from './digest.ts';
import type { Compression, Digest, SnapshotObject } from './manifest.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** What bytes go through on their way into the repository and back. Both directions stream in bounded memory. */
export interface Codec {
	compress(compression: Compression, bytes: Bytes): Bytes;
	decompress(compression: Compression, bytes: Bytes): Bytes;
}

/** Encrypts the objects of one snapshot. `name` is bound into each, so that objects cannot be exchanged. */
export interface Sealer {
	seal(bytes: Bytes, name: string): Bytes;
	/** Rejects with `object_damaged` where a bit was changed, or the end is missing. */
	unseal(bytes: Bytes, name: string): Bytes;
}

export interface ObjectPorts {
	readonly repository: Repository;
	readonly codec: Codec;
	readonly startHash: StartHash;
	/** Undefined where the snapshot is not encrypted. */
	readonly sealer: Sealer | undefined;
}

/** Compresses, seals and stores one object below `prefix`. `stem` is `data.mdb` or the like; its endings are added. */
export async function writeObject(
	{ repository, codec, startHash, sealer }: ObjectPorts,
	{ prefix, stem, compression }: { readonly prefix: string; readonly stem: string; readonly compression: Compression },
	bytes: Bytes,
	signal?: AbortSignal
): Promise<SnapshotObject> {
	const name = `${stem}${ENDINGS[compression]}${sealer ? '.sealed' : ''}`;
	const plain = measured(bytes, startHash);
	const compressed = codec.compress(compression, plain.bytes);
	const stored = measured(sealer ? sealer.seal(compressed, name) : compressed, startHash);
	await repository.write(`${prefix}${name}`, stored.bytes, signal);
	return { name, plain: plain.digest(), stored: stored.digest() };
}

/** What Harper's file held: the object, unsealed and decompressed. Rejects at its end if anything differs. */
export async function* readPlain(
	{ repository, codec, startHash, sealer }: ObjectPorts,
	{ prefix, object, compression }: ObjectLocation & { readonly compression: Compression },
	signal?: AbortSignal
): Bytes {
	const stored = readStored({ repository, startHash }, { prefix, object }, signal);
	const plain = measured(
		codec.decompress(compression, sealer ? sealer.unseal(stored, object.name) : stored),
		startHash
	);
	const key = `${prefix}${object.name}`;
	yield* judged(key, plain, object.plain);
}

/** The object as it lies in the repository. Rejects at its end if it is not what the manifest says. */
export async function* readStored(
	{ repository, startHash }: Pick<ObjectPorts, 'repository' | 'startHash'>,
	{ prefix, object }: ObjectLocation,
	signal?: AbortSignal
): Bytes {
	const key = `${prefix}${object.name}`;
	const stored = measured(repository.read(key, undefined, signal), startHash);
	yield* judged(key, stored, object.stored);
}

/**
 * Passes bytes on, the last of them only when all are what they should be: whoever counts bytes must not take damaged
 * ones for whole. A few stored bytes may stand for very many, and no more of them pass than were promised.
 */
async function* judged(key: string, found: Measured, expected: Digest): Bytes {
	let held: Uint8Array | undefined;
	let seen = 0;
	for await (const chunk of found.bytes) {
		seen += chunk.length;
		if (seen > expected.sizeBytes) throw damaged(key, `more than ${expected.sizeBytes} bytes`);
		if (held) yield held;
		// Whoever gives chunks may use one again for the next.
		held = new Uint8Array(chunk);
	}
	compare(key, found.digest(), expected);
	if (held) yield held;
}

export interface ObjectLocation {
	readonly prefix: string;
	readonly object: SnapshotObject;
}

const ENDINGS: Readonly<Record<Compression, string>> = { brotli: '.br', gzip: '.gz', none: '' };

function compare(key: string, found: Digest, expected: Digest): void {
	if (found.sizeBytes === expected.sizeBytes && found.sha256 === expected.sha256) return;
	const what =
		found.sizeBytes === expected.sizeBytes
			? 'other bytes than were written'
			: `${found.sizeBytes} bytes instead of ${expected.sizeBytes}`;
	throw damaged(key, what);
}

function damaged(key: string, what: string): CustodianError {
	const hint = 'The storage changed it or cut it short. Use another snapshot, or another copy of this one.';
	return new CustodianError('object_damaged', key, `The object ${key} has ${what}.`, { hint });
}
