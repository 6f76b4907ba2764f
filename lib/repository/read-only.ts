import { CustodianError } from '../errors.ts';
import { parseSnapshotKey } from './keys.ts';
import { readMarker } from './open.ts';
import type { Repository } from './repository.ts';

/** A repository that refuses every change, for whoever only wants to look. */
export function readOnly(repository: Repository): Repository {
	return {
		write: refuse,
		read: (key, range, signal) => repository.read(key, range, signal),
		stat: (key, signal) => repository.stat(key, signal),
		list: (prefix, signal) => repository.list(prefix, signal),
		remove: refuse,
		leftovers: (signal) => repository.leftovers(signal),
		removeLeftover: refuse,
		freeBytes: (signal) => repository.freeBytes(signal),
	};
}

/**
 * Rejects with `no_repository` where a place is none, and makes none of it. One that has lost its marker is known by
 * its snapshots: on the day they are needed nobody should have to mend it first.
 */
export async function requireRepository(repository: Repository, place: string, signal?: AbortSignal): Promise<void> {
	if (await readMarker(repository, signal)) return;
	for await (const { key } of repository.list('', signal)) {
		if (parseSnapshotKey(key)) return;
	}
	throw new CustodianError('no_repository', place, `${place} is no repository of harper-custodian.`, {
		hint: 'Name the directory, or the prefix of the bucket, that holds its custodian.json.',
	});
}

async function refuse(subject: unknown): Promise<never> {
	throw new CustodianError('repository_refused', String(subject), 'The repository was opened for reading alone.');
}
