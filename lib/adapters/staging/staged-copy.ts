import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import type { StagedCopy } from '../../snapshot/store.ts';
import { summarise } from '../../snapshot/summarise.ts';
import { inspectFile } from '../lmdb/inspect-file.ts';
import { packed } from '../tar.ts';
import { blobFiles, lookAtBlobs, ReferredBlobs } from './blobs.ts';

const READ_BYTES = 1 << 20;

/** A copy that stands in a folder: `data.mdb`, and below `blobs` the files that stood beside the database. */
export function stagedCopy(folder: string, wait: () => Promise<void>): StagedCopy {
	const path = join(folder, 'data.mdb');
	return {
		data: { sizeBytes: statSync(path).size, read: () => createReadStream(path, { highWaterMark: READ_BYTES }) },
		async inspect(onRows, signal) {
			const referred = new ReferredBlobs(folder);
			const inspected = await inspectFile(path, {
				onProgress: rowsSince(onRows),
				onBlob: ({ storageIndex, fileId }) => fileId !== undefined && referred.add(storageIndex, fileId),
				signal,
			});
			const counts = await lookAtBlobs(referred.folder, wait);
			return {
				contents: { ...summarise(inspected), blobs: { ...counts, missing: referred.missing } },
				blobs: counts.files > 0 ? { read: () => packed(blobFiles(referred.folder)) } : undefined,
			};
		},
	};
}

/** Turns how many rows were read so far into how many more. */
export function rowsSince(onRows: (rows: number) => void): (progress: { readonly entries: number }) => void {
	let told = 0;
	return ({ entries }) => {
		onRows(entries - told);
		told = entries;
	};
}
