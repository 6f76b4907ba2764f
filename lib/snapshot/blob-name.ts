/** A blob file as an archive names it: the number of its directory, and where it lies below that. */
export interface BlobName {
	readonly storageIndex: number;
	/** Two levels of directories and the file, as `blobPath` makes them. */
	readonly path: string;
}

/**
 * Undefined for anything that we have not put into an archive. Whoever can write to a repository chooses these names, so
 * nothing else may become a path.
 */
export function parseBlobName(name: string): BlobName | undefined {
	const [, index, path] = /^(\d{1,4})\/((?:[\da-f]{1,3}\/){2}[\da-f]{1,10})$/.exec(name) ?? [];
	return index === undefined || path === undefined ? undefined : { storageIndex: Number(index), path };
}

/** The file of a database; undefined for a name that makes none. */
export function databaseFileName(database: string): string | undefined {
	const makesNone = database === '' || database.startsWith('.') || /[/\\\0]/.test(database) || database.length > 200;
	return makesNone ? undefined : `${database}.mdb`;
}
