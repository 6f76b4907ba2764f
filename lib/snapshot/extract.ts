import { CustodianError } from '../errors.ts';
import type { OnProgress } from '../jobs/progress.ts';
import { watched } from './digest.ts';
import type { Manifest } from './manifest.ts';
import { readPlain, type ObjectPorts } from './object.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** Where a snapshot is written to as the files that it was made of. Nothing has its name until all is there. */
export interface ExtractionTarget {
	writeDatabase(bytes: Bytes): Promise<void>;
	/** Takes an archive of blob files. Rejects with `object_damaged` for anything in it that is none. */
	writeBlobs(archive: Bytes): Promise<void>;
	/** Gives what was written its name, safely on the disk. Rejects with `file_exists` rather than replace anything. */
	publish(): Promise<Extracted>;
	/** Removes what has no name yet. */
	discard(): Promise<void>;
}

export interface Extracted {
	readonly databaseFile: string;
	/** In the order of Harper's `storage.blobPaths`, by the number that records give them. */
	readonly blobDirectories: readonly { readonly index: number; readonly path: string }[];
	readonly blobFiles: number;
}

/** Writes what a snapshot was made of. Both digests of every object are compared on the way. */
export async function extractSnapshot(
	{
		manifest,
		prefix,
		withBlobs,
	}: { readonly manifest: Manifest; readonly prefix: string; readonly withBlobs: boolean },
	{ target, ...ports }: ObjectPorts & { readonly target: ExtractionTarget },
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<Extracted> {
	const objects = manifest.objects.filter(({ name }) => isDatabase(name) || withBlobs);
	const totalBytes = objects.reduce((sum, { plain }) => sum + plain.sizeBytes, 0);
	let bytes = 0;
	const count = (more: number) => onProgress({ step: 'extract', bytes: (bytes += more), totalBytes });
	try {
		if (!objects.some(({ name }) => isDatabase(name))) throw empty(prefix);
		for (const object of objects) {
			const location = { prefix, object, compression: manifest.compression };
			const plain = watched(readPlain(ports, location, signal), count);
			await (isDatabase(object.name) ? target.writeDatabase(plain) : target.writeBlobs(plain));
		}
		signal.throwIfAborted();
		return await target.publish();
	} finally {
		await target.discard();
	}
}

function isDatabase(name: string): boolean {
	return name.startsWith('data.');
}

function empty(prefix: string): CustodianError {
	return new CustodianError('object_damaged', prefix, 'The snapshot holds no database.');
}
