import { rm } from 'node:fs/promises';
import { zlibCodec } from '../adapters/codec.ts';
import { inspectFile } from '../adapters/lmdb/inspect-file.ts';
import { sha256 } from '../adapters/sha256.ts';
import { countBlobs } from '../adapters/staging/blobs.ts';
import { spool } from '../adapters/staging/spool.ts';
import { rowsSince } from '../adapters/staging/staged-copy.ts';
import { unpacked } from '../adapters/tar.ts';
import type { OnProgress } from '../jobs/progress.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import type { ObjectPorts } from '../snapshot/object.ts';
import { summarise } from '../snapshot/summarise.ts';
import { verifySnapshot, type Depth } from '../snapshot/verify.ts';

/** Reads a snapshot. Its database stands in the folder `scratch` while it is opened, which is then removed. */
export async function verifyAt(
	scratch: string,
	subject: { readonly manifest: Manifest; readonly prefix: string; readonly depth: Depth },
	from: Pick<ObjectPorts, 'repository' | 'sealer'>,
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<void> {
	try {
		await verifySnapshot(
			subject,
			{
				...from,
				codec: zlibCodec,
				startHash: sha256,
				async inspect(bytes, onRows, stop, sizeBytes) {
					const path = await spool(bytes, sizeBytes, scratch, 'data.mdb');
					return summarise(await inspectFile(path, { onProgress: rowsSince(onRows), signal: stop }));
				},
				readBlobs: (bytes) => countBlobs(unpacked(bytes)),
			},
			onProgress,
			signal
		);
	} finally {
		await rm(scratch, { recursive: true, force: true });
	}
}
