import type { Repository } from '../repository/repository.ts';
import type { Clock } from '../time.ts';
import { watched } from './digest.ts';
import { manifestText, type Compression, type Contents, type Manifest } from './manifest.ts';
import { writeObject, type ObjectPorts } from './object.ts';
import type { OnProgress } from '../jobs/progress.ts';

/** A consistent copy of one database, made and waiting on a local disk. */
export interface StagedCopy {
	readonly data: { readonly sizeBytes: number; read(): AsyncIterable<Uint8Array> };
	/** Opens the copy, walks and decodes all of it. Rejects with `snapshot_damaged` where it is not whole. */
	inspect(onRows: (rows: number) => void, signal: AbortSignal): Promise<Inspection>;
}

interface Inspection {
	readonly contents: Contents;
	/** An archive of the blob files that the copy refers to; undefined where there are none. */
	readonly blobs: { read(): AsyncIterable<Uint8Array> } | undefined;
}

/** What is known of a snapshot before it is stored: its manifest, without what storing finds out. */
export type SnapshotFacts = Omit<Manifest, 'objects' | 'contents' | 'tookMs' | 'sealing' | 'compression'> & {
	readonly kind: 'full';
	/** How long the copy took. */
	readonly copyMs: number;
};

export interface StorePlan {
	readonly facts: SnapshotFacts;
	/** The folder of the snapshot, ending with a slash. */
	readonly prefix: string;
	readonly compression: Compression;
	readonly sealing: Manifest['sealing'];
	readonly pin: boolean;
}

/**
 * Stores a staged copy: reads all of it twice at once, here to find out whether it is whole and what is in it, there
 * to compress, seal and write it. The manifest is written last, so a snapshot is there as a whole or not at all.
 */
export async function storeSnapshot(
	{ facts, prefix, compression, sealing, pin }: StorePlan,
	staged: StagedCopy,
	ports: ObjectPorts & { readonly clock: Clock },
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<Manifest> {
	const { repository, clock } = ports;
	const startedAt = clock.monotonic();
	const done = { bytes: 0, rows: 0 };
	const report = () => onProgress({ step: 'store', ...done, totalBytes: staged.data.sizeBytes });
	const count = (key: keyof typeof done) => (more: number) => {
		done[key] += more;
		report();
	};
	const [inspection, data] = await allOrNone(signal, (both) => [
		staged.inspect(count('rows'), both),
		writeObject(ports, { prefix, compression, stem: 'data.mdb' }, watched(staged.data.read(), count('bytes')), both),
	]);
	const objects = [data];
	if (inspection.blobs) {
		const bytes = watched(inspection.blobs.read(), count('bytes'));
		objects.push(await writeObject(ports, { prefix, compression, stem: 'blobs.tar' }, bytes, signal));
	}
	const { copyMs, ...known } = facts;
	const manifest: Manifest = {
		...known,
		tookMs: { copy: Math.round(copyMs), store: Math.round(clock.monotonic() - startedAt) },
		compression,
		...(sealing === undefined ? {} : { sealing }),
		objects,
		contents: inspection.contents,
	};
	if (pin) await writePin(repository, prefix, signal);
	await writeText(repository, `${prefix}${MANIFEST}`, manifestText(manifest), signal);
	return manifest;
}

export const MANIFEST = 'manifest.json';
export const PIN = 'pin.json';

/** Keeps a snapshot from every retention policy, for as long as the object is there. */
export async function writePin(repository: Repository, prefix: string, signal?: AbortSignal): Promise<void> {
	await writeText(repository, `${prefix}${PIN}`, '{}\n', signal);
}

export async function writeText(
	repository: Repository,
	key: string,
	text: string,
	signal?: AbortSignal
): Promise<number> {
	async function* bytes() {
		yield new TextEncoder().encode(text);
	}
	return repository.write(key, bytes(), signal);
}

/** Runs two things at once. When one fails the other is told to stop, and waited for, before the failure is passed on. */
async function allOrNone<A, B>(
	signal: AbortSignal,
	start: (signal: AbortSignal) => readonly [Promise<A>, Promise<B>]
): Promise<readonly [A, B]> {
	const stop = new AbortController();
	const both = start(AbortSignal.any([signal, stop.signal]));
	for (const one of both) one.catch((error: unknown) => stop.abort(error));
	await Promise.allSettled(both);
	signal.throwIfAborted();
	// The first failure is the cause of the other's.
	if (stop.signal.aborted) throw stop.signal.reason;
	return Promise.all(both);
}
