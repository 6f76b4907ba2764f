import type { Repository } from '../repository/repository.ts';
import { readManifestText } from './catalogue.ts';
import { watched } from './digest.ts';
import { parseManifest } from './manifest.ts';
import { readStored, type ObjectPorts } from './object.ts';
import type { OnProgress } from '../jobs/progress.ts';
import { MANIFEST, PIN, writePin, writeText } from './store.ts';

/**
 * Copies a snapshot as it lies there, sealed and compressed, into another repository; its manifest last. What it reads
 * is held to the manifest, so a damaged snapshot is not passed on. A copy that was broken off is taken up where it was.
 */
export async function copySnapshot(
	prefix: string,
	from: Repository,
	to: Repository,
	startHash: ObjectPorts['startHash'],
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<void> {
	const text = await readManifestText(from, prefix, signal);
	const manifest = parseManifest(text, `${prefix}${MANIFEST}`);
	const totalBytes = manifest.objects.reduce((sum, { stored }) => sum + stored.sizeBytes, 0);
	let bytes = 0;
	for (const object of manifest.objects) {
		const key = `${prefix}${object.name}`;
		const present = await to.stat(key, signal);
		if (present?.sizeBytes === object.stored.sizeBytes) continue;
		if (present) await to.remove(key, signal);
		const source = readStored({ repository: from, startHash }, { prefix, object }, signal);
		const passing = watched(source, (more) => onProgress({ step: 'copy away', bytes: (bytes += more), totalBytes }));
		await to.write(key, passing, signal);
	}
	if (await from.stat(`${prefix}${PIN}`, signal)) {
		if (!(await to.stat(`${prefix}${PIN}`, signal))) await writePin(to, prefix, signal);
	}
	if (!(await to.stat(`${prefix}${MANIFEST}`, signal))) {
		await writeText(to, `${prefix}${MANIFEST}`, text, signal);
	}
}
