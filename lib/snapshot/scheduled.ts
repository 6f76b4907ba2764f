import { nodePrefix } from '../repository/keys.ts';
import { readCatalogue, type CatalogueEntry } from './catalogue.ts';
import type { Place } from './holdings.ts';

/**
 * The databases of this node that have a good snapshot of an occurrence, as the first place tells: what a schedule was
 * to do is then done, whoever remembers doing it. One that nobody has read since it was stored is not done: its process
 * may have died before that. A retry of the occurrence takes another one.
 */
export async function databasesDone(place: Place, node: string, occurrence: string): Promise<ReadonlySet<string>> {
	const entries = await readCatalogue(await place.open(), place.cache, nodePrefix(node));
	const done = entries.filter(
		(entry) => entry.problem === undefined && entry.summary?.schedule?.occurrence === occurrence && isRead(entry)
	);
	return new Set(done.map(({ database }) => database));
}

/** Of an external snapshot there is nothing here that could be read. */
function isRead({ summary, verifiedAt }: CatalogueEntry): boolean {
	return summary?.kind !== 'full' || verifiedAt !== undefined;
}
