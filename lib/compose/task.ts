import { zlibCodec } from '../adapters/codec.ts';
import { sha256 } from '../adapters/sha256.ts';
import { stagedCopy } from '../adapters/staging/staged-copy.ts';
import { sleep } from '../adapters/timers.ts';
import { readManifest } from '../snapshot/catalogue.ts';
import { copySnapshot } from '../snapshot/copy.ts';
import type { Place } from '../snapshot/holdings.ts';
import type { OnProgress } from '../jobs/progress.ts';
import { storeSnapshot } from '../snapshot/store.ts';
import type { CopyTask, StoredFacts, StoreTask, VerifyTask } from '../snapshot/take-job.ts';
import { systemClock } from '../time.ts';
import { newSealer, sealerOf } from './keys.ts';
import { placesOf, scratchOf, type Surroundings } from './surroundings.ts';
import { verifyAt } from './verification.ts';

/** What a child process is for. It comes from the parent, which is this package at the same version. */
export type ChildTask = {
	readonly surroundings: Surroundings;
	/** Which repositories stood where, as the parent knows. */
	readonly repositoryIds: Readonly<Record<string, string>>;
} & (
	| { readonly kind: 'store'; readonly task: StoreTask }
	| { readonly kind: 'verify'; readonly task: VerifyTask }
	| { readonly kind: 'copy'; readonly task: CopyTask }
);

export async function runTask(given: unknown, onProgress: OnProgress, signal: AbortSignal): Promise<unknown> {
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	const { surroundings, repositoryIds, ...wanted } = given as ChildTask;
	const known = { idAt: (location: string) => repositoryIds[location], remember: async () => undefined };
	const places = placesOf(surroundings, known);
	if (wanted.kind === 'store') return store(wanted.task, surroundings, places[0], onProgress, signal);
	if (wanted.kind === 'verify') {
		return verify(wanted.task, surroundings, named(places, wanted.task.place), onProgress, signal);
	}
	const { from, to, prefix } = wanted.task;
	const source = await named(places, from).open(signal);
	const target = await named(places, to).open(signal);
	return copySnapshot(prefix, source, target, sha256, onProgress, signal);
}

/** How long Harper is given at each look to finish the file of a blob. */
const BLOB_WAIT_MS = 200;

async function store(
	{ facts, folder, prefix, pin }: StoreTask,
	surroundings: Surroundings,
	place: Place,
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<StoredFacts> {
	const repository = await place.open(signal);
	const { compression, encryption } = surroundings;
	const { sealer, sealing } = await newSealer(encryption, facts.id);
	const { objects, contents } = await storeSnapshot(
		{ facts, prefix, compression, sealing, pin },
		stagedCopy(folder, () => sleep(BLOB_WAIT_MS, signal)),
		{ repository, codec: zlibCodec, startHash: sha256, sealer, clock: systemClock },
		onProgress,
		signal
	);
	return {
		rows: contents?.tables.reduce((sum, { rows }) => sum + rows, 0) ?? 0,
		sizeBytes: objects.reduce((sum, { plain }) => sum + plain.sizeBytes, 0),
		storedBytes: objects.reduce((sum, { stored }) => sum + stored.sizeBytes, 0),
		missingBlobs: contents?.blobs.missing ?? 0,
	};
}

async function verify(
	{ prefix, depth }: VerifyTask,
	surroundings: Surroundings,
	place: Place,
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<void> {
	const repository = await place.open(signal);
	const manifest = await readManifest(repository, prefix, signal);
	const sealer = depth === 'deep' ? await sealerOf(surroundings.encryption, manifest) : undefined;
	await verifyAt(scratchOf(surroundings), { manifest, prefix, depth }, { repository, sealer }, onProgress, signal);
}

function named(places: readonly Place[], name: string): Place {
	const place = places.find((candidate) => candidate.name === name);
	if (place === undefined) throw new Error(`There is no repository ${name}`);
	return place;
}
