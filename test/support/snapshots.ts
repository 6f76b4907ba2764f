import { zlibCodec } from '../../lib/adapters/codec.ts';
import { sha256 } from '../../lib/adapters/sha256.ts';
import { snapshotPrefix } from '../../lib/repository/keys.ts';
import type { ObjectInfo, Repository } from '../../lib/repository/repository.ts';
import type { Contents, Manifest } from '../../lib/snapshot/manifest.ts';
import type { ObjectPorts, Sealer } from '../../lib/snapshot/object.ts';
import { storeSnapshot, type SnapshotFacts, type StagedCopy, type StorePlan } from '../../lib/snapshot/store.ts';
import type { VerifyPorts } from '../../lib/snapshot/verify.ts';
import { bytesOf, chunked } from './bytes.ts';

export const AT = Date.parse('2026-11-23T02:00:00Z');
const DAY = 86_400_000;

/** An id of a snapshot, a day later for each number. */
export function idOf(day: number): string {
	const iso = new Date(AT + day * DAY).toISOString();
	return `${iso.replaceAll(/[-:.]/g, '')}-0000000a`;
}

export const prefixOf = (id: string, database = 'shop', node = 'n1') => snapshotPrefix(node, database, id);

export const contents: Contents = {
	tables: [
		{
			name: 'orders',
			rows: 3,
			tombstones: 1,
			contentHash: 'a'.repeat(64),
			versionsHash: 'b'.repeat(64),
			indexes: [{ attribute: 'customer', entries: 3, state: 'matches' }],
		},
	],
	audit: { entries: 5, firstKey: 1, lastKey: 9 },
	blobs: { files: 1, sizeBytes: 12, incomplete: 0, missing: 2 },
};

export function factsOf(id: string, changes: Partial<SnapshotFacts> = {}): SnapshotFacts {
	const versions = { custodian: '1', harper: '4', node: '20' };
	return { format: 1, id, kind: 'full', node: 'n1', database: 'shop', takenAt: AT, copyMs: 5.4, versions, ...changes };
}

export function manifestOf(id: string, changes: Partial<Manifest> = {}): Manifest {
	const { copyMs: _, ...facts } = factsOf(id);
	return { ...facts, tookMs: { copy: 5, store: 0 }, compression: 'none', objects: [], contents, ...changes };
}

/** A copy of two objects, whose inspection finds what it is told. */
export function staged(data = 'the file of the database', blobs: string | undefined = 'blob archive'): StagedCopy {
	return {
		data: { sizeBytes: data.length, read: () => chunked(data) },
		async inspect(onRows) {
			onRows(2);
			onRows(1);
			return { contents, blobs: blobs === undefined ? undefined : { read: () => chunked(blobs) } };
		},
	};
}

/** Turns every bit over, and minds the name. */
export const sealer: Sealer = {
	seal: (bytes, name) => turned(bytes, name.length),
	unseal: (bytes, name) => turned(bytes, name.length),
};

async function* turned(bytes: AsyncIterable<Uint8Array>, key: number): AsyncIterable<Uint8Array> {
	for await (const chunk of bytes) yield chunk.map((byte) => byte ^ 0xff ^ key);
}

export const clock = { now: () => AT, monotonic: () => 100 };

export function objectPorts(repository: Repository, sealing?: Sealer): ObjectPorts {
	return { repository, codec: zlibCodec, startHash: sha256, sealer: sealing };
}

export function storing(repository: Repository, id: string, changes: Partial<StorePlan> = {}, copy = staged()) {
	const plan: StorePlan = {
		facts: factsOf(id),
		prefix: prefixOf(id),
		compression: 'none',
		sealing: undefined,
		pin: false,
		...changes,
	};
	return (onProgress: Parameters<typeof storeSnapshot>[3] = () => {}, signal = new AbortController().signal) =>
		storeSnapshot(plan, copy, { ...objectPorts(repository), clock }, onProgress, signal);
}

/** Stores a snapshot as it should be. */
export const store = (repository: Repository, id: string, changes: Partial<StorePlan> = {}) =>
	storing(repository, id, changes)();

/** Reads everything and finds what the manifest of `contents` says. */
export function verifyPorts(repository: Repository, found: Contents = contents, sealing?: Sealer): VerifyPorts {
	const { blobs, ...rest } = found;
	const { missing: _, ...counted } = blobs;
	return {
		...objectPorts(repository, sealing),
		async inspect(bytes, onRows) {
			await bytesOf(bytes);
			onRows(3);
			return rest;
		},
		async readBlobs(bytes) {
			await bytesOf(bytes);
			return counted;
		},
	};
}

/** Passes so many calls on that change something; at the next one the process dies, before or after it has worked. */
export function dyingAfter(repository: Repository, calls: number, worked: boolean): Repository {
	let left = calls;
	const change = async <T>(work: () => Promise<T>): Promise<T> => {
		if (left < 0) throw new Died();
		const dies = left-- === 0;
		if (dies && !worked) throw new Died();
		const result = await work();
		if (dies) throw new Died();
		return result;
	};
	return {
		write: (key, bytes, signal) => change(() => repository.write(key, bytes, signal)),
		read: (key, range, signal) => repository.read(key, range, signal),
		stat: (key, signal) => repository.stat(key, signal),
		list: (prefix, signal): AsyncIterable<ObjectInfo> => repository.list(prefix, signal),
		remove: (key, signal) => change(() => repository.remove(key, signal)),
		leftovers: (signal) => repository.leftovers(signal),
		removeLeftover: (leftover, signal) => change(() => repository.removeLeftover(leftover, signal)),
		freeBytes: (signal) => repository.freeBytes(signal),
	};
}

export class Died extends Error {}
