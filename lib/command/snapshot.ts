import type { CatalogueEntry } from '../snapshot/catalogue.ts';
import { bestCopy, type Holding } from '../snapshot/holdings.ts';
import { toIso } from '../time.ts';
import type { ShownSnapshot } from './report.ts';

export function shownSnapshot(holding: Holding): ShownSnapshot {
	const { entry } = bestCopy(holding);
	const { id, node, database, problem, storedBytes } = entry;
	return {
		id,
		node,
		database,
		...whatItIs(entry),
		pinned: holding.copies.some((copy) => copy.entry.pinned),
		...present({ problem }),
		storedBytes,
		...verificationOf(entry),
		repositories: holding.copies.map(({ place, entry: copy }) => ({
			name: place.name,
			...present({ problem: copy.problem }),
		})),
	};
}

function whatItIs({ summary }: CatalogueEntry): Partial<ShownSnapshot> {
	if (summary === undefined) return {};
	const { kind, takenAt, label, schedule, by, totals, objects, sealing } = summary;
	return {
		kind,
		takenAt: toIso(takenAt),
		...present({ label, schedule: schedule?.name, by, ...totals }),
		sizeBytes: objects.reduce((sum, { plain }) => sum + plain.sizeBytes, 0),
		...present({ keyId: sealing?.keyId }),
	};
}

function verificationOf({ verification }: CatalogueEntry): Partial<ShownSnapshot> {
	if (verification === undefined) return {};
	const { at, depth, result } = verification;
	return { verification: { at: toIso(at), depth, result } };
}

function present<T extends object>(fields: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is undefined is left out
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
