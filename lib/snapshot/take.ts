import { CustodianError } from '../errors.ts';
import type { OnProgress } from '../jobs/progress.ts';

/** What is left free on a disk that the database writes to as well. */
export const RESERVE_BYTES = 256 * 2 ** 20;

/** A database of the running Harper, as far as a copy of it needs to know. */
export interface LiveDatabase {
	readonly name: string;
	/** How large its file is: a compact copy is no larger. */
	readonly fileBytes: number;
}

/** Copies databases of the running Harper to a local disk. */
export interface Copier {
	databases(): readonly LiveDatabase[];
	/** Bytes that may still be written where copies are staged. */
	freeBytes(): Promise<number>;
	/**
	 * Writes a compact copy of a database and links its blob files, into a new folder that only this user may read.
	 * Resolves with the folder and the moment that the copy shows, wall clock.
	 */
	copy(database: string, id: string, signal: AbortSignal): Promise<StagedFolder>;
	/** Removes a folder, whole or not. Resolves also where there is none. */
	discard(folder: string): Promise<void>;
}

export interface StagedFolder {
	readonly folder: string;
	readonly takenAt: number;
	readonly copyMs: number;
}

/** Which databases are meant, `*` being all. Throws `database_missing` for a name that there is not. */
export function chosenDatabases(wanted: readonly string[], present: readonly LiveDatabase[]): readonly LiveDatabase[] {
	for (const name of wanted) {
		if (name !== '*' && !present.some((database) => database.name === name)) {
			const hint = `There are ${present.map((database) => database.name).join(', ')}.`;
			throw new CustodianError('database_missing', name, `There is no database ${JSON.stringify(name)}.`, { hint });
		}
	}
	return wanted.includes('*') ? present : present.filter(({ name }) => wanted.includes(name));
}

/** Copies a database, after looking whether there is room. A copy that fails leaves nothing. */
export async function stage(
	copier: Copier,
	{ name, fileBytes }: LiveDatabase,
	id: string,
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<StagedFolder> {
	signal.throwIfAborted();
	const freeBytes = await copier.freeBytes();
	if (freeBytes < fileBytes + RESERVE_BYTES) {
		const hint = 'Make room on the disk of the root directory of Harper: a copy stands there until it is stored.';
		const message = `A copy of ${name} may need ${megabytes(fileBytes)}, and ${megabytes(RESERVE_BYTES)} must stay free; there are ${megabytes(freeBytes)}.`;
		throw new CustodianError('no_space', name, message, { hint });
	}
	onProgress({ step: 'copy', totalBytes: fileBytes });
	return copier.copy(name, id, signal);
}

export function megabytes(bytes: number): string {
	return `${Math.ceil(bytes / 1e6)} MB`;
}
