import { messageOf } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import { readCatalogue, type CatalogueEntry, type SummaryCache } from './catalogue.ts';

/** One of the repositories of the configuration. The first is the one that snapshots are stored in at first. */
export interface Place {
	/** `main`, or the name of a copy. */
	readonly name: string;
	/** Rejects while it cannot be reached. */
	open(signal?: AbortSignal): Promise<Repository>;
	readonly cache: SummaryCache;
}

/** A snapshot, and where it lies. */
export interface Holding {
	readonly id: string;
	/** In the order of the configuration; never empty. */
	readonly copies: readonly { readonly place: Place; readonly entry: CatalogueEntry }[];
}

export interface Holdings {
	/** The newest first. */
	readonly snapshots: readonly Holding[];
	/** The places that could not be read: what lies only there is missing above. */
	readonly unread: readonly { readonly place: string; readonly reason: string }[];
}

/** What all places hold, or what they hold below a prefix. */
export async function readHoldings(places: readonly Place[], prefix = '', signal?: AbortSignal): Promise<Holdings> {
	const byId = new Map<string, Holding & { copies: Holding['copies'][number][] }>();
	const unread: Holdings['unread'][number][] = [];
	const read = await Promise.allSettled(
		places.map(async (place) => readCatalogue(await place.open(signal), place.cache, prefix, signal))
	);
	for (const [index, place] of places.entries()) {
		const result = read[index];
		if (result?.status === 'rejected') unread.push({ place: place.name, reason: messageOf(result.reason) });
		for (const entry of result?.status === 'fulfilled' ? result.value : []) {
			const holding = byId.get(entry.id) ?? { id: entry.id, copies: [] };
			holding.copies.push({ place, entry });
			byId.set(entry.id, holding);
		}
	}
	return { snapshots: [...byId.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1)), unread };
}

/** The copy to read from: the first that nothing speaks against, else the first. */
export function bestCopy({ copies }: Holding): Holding['copies'][number] {
	const best = copies.find(({ entry }) => entry.problem === undefined) ?? copies[0];
	if (best === undefined) throw new Error('A snapshot that lies nowhere');
	return best;
}
