import { CustodianError, messageOf } from '../errors.ts';
import { parseSnapshotKey } from '../repository/keys.ts';
import { readManifest } from '../snapshot/catalogue.ts';
import { readHoldings, type Holding, type Place } from '../snapshot/holdings.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import type { ErrorReport } from './report.ts';

export type Copy = Holding['copies'][number];

/**
 * One snapshot, wherever it lies. Looks at names alone until it knows the folder. Rejects with `snapshot_missing`, or
 * with why a place could not be read in which it may lie.
 */
export async function findSnapshot(places: readonly Place[], id: string, signal: AbortSignal): Promise<Holding> {
	let unread: unknown;
	for (const place of places) {
		const prefix = await folderOf(place, id, signal).catch((error: unknown) => {
			signal.throwIfAborted();
			unread ??= error;
		});
		if (prefix === undefined) continue;
		const { snapshots } = await readHoldings(places, prefix, signal);
		const found = snapshots.find((snapshot) => snapshot.id === id);
		if (found) return found;
	}
	if (unread !== undefined) throw unread;
	const hint = 'See custodian list. Ids are written in full.';
	throw new CustodianError('snapshot_missing', id, `There is no snapshot ${id}.`, { hint });
}

/** The whole manifest of a copy, which has to be that of this snapshot. */
export async function manifestOf({ place, entry }: Copy, signal: AbortSignal): Promise<Manifest> {
	const manifest = await readManifest(await place.open(signal), entry.prefix, signal);
	const { id, node, database } = manifest;
	if (id === entry.id && node === entry.node && database === entry.database) return manifest;
	const message = `The manifest is that of ${id} of ${database} on ${node}.`;
	throw new CustodianError('object_damaged', entry.prefix, message, { hint: 'Somebody has moved it there.' });
}

/** Those first against which nothing speaks. */
export function bestFirst(copies: readonly Copy[]): readonly Copy[] {
	return copies.toSorted((a, b) => Number(a.entry.problem !== undefined) - Number(b.entry.problem !== undefined));
}

/** An error as JSON. */
export function errorReport(error: unknown): ErrorReport {
	if (!(error instanceof CustodianError)) return { code: 'internal', message: messageOf(error) };
	const { code, message, hint } = error;
	return { code, message, ...(hint === undefined ? {} : { hint: HINTS[code] ?? hint }) };
}

/** Where the command line knows a way that the configuration has no words for. */
const HINTS: Readonly<Record<string, string>> = { wrong_key: 'Name the file of that key with --key-file.' };

async function folderOf(place: Place, id: string, signal: AbortSignal): Promise<string | undefined> {
	const repository = await place.open(signal);
	for await (const { key } of repository.list('', signal)) {
		const found = parseSnapshotKey(key);
		if (found?.id === id) return found.prefix;
	}
	return undefined;
}
