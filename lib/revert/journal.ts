import type { Counts, Left } from './revert.ts';

/**
 * What becomes of a plan while it is applied, so that whoever goes on with it writes nothing twice. Before a batch is
 * committed, its version is here: what has this version afterwards is done.
 */
export type JournalEntry = BatchBegun | BatchDone;

/** Records of the plan by their numbers, from `first` on; those that are to be left are counted too. */
export interface BatchBegun {
	readonly kind: 'begun';
	readonly first: number;
	readonly count: number;
	readonly version: number;
}

export interface BatchDone {
	readonly kind: 'done';
	readonly first: number;
	readonly count: number;
	readonly version: number;
	/** By table, what was written and what deleted. */
	readonly tables: Readonly<Record<string, { readonly written: number; readonly deleted: number }>>;
	readonly drifted: readonly Left[];
	readonly impossible: readonly Left[];
}

/** A journal that one writer appends to, and that outlives it. */
export interface Journal {
	/** All entries so far, in order. */
	entries(): AsyncIterable<JournalEntry>;
	/** All of them or none. Resolves once a power loss cannot take them any more. */
	append(...entries: readonly JournalEntry[]): Promise<void>;
	close(): Promise<void>;
}

/** Reads a line of a journal, which is an entry as JSON. */
export function journalEntry(line: string): JournalEntry {
	// Written by us, from an entry.
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	return JSON.parse(line) as JournalEntry;
}

/** How many records a receipt names that were left alone; all of them are counted. */
const NAMED = 1000;

/** Adds up what was done. */
export class JournalTally {
	/** The number of the first record that no batch which is done has. */
	next = 0;
	/** The batches that were begun and are not known to be done, in order. */
	open: readonly BatchBegun[] = [];
	lastVersion = 0;
	readonly versions: number[] = [];
	readonly drifted: Left[] = [];
	readonly impossible: Left[] = [];
	readonly #tables = new Map<string, Record<keyof Counts, number>>();

	add(entry: JournalEntry): void {
		this.lastVersion = Math.max(this.lastVersion, entry.version);
		if (entry.kind === 'begun') {
			// Whoever went on has cut anew what was not committed.
			this.open = [...this.open.filter(({ first }) => first < entry.first), entry];
			return;
		}
		const others = this.open.filter(({ version }) => version !== entry.version);
		// It may be there twice, where it was saved and that was not known.
		if (others.length === this.open.length) return;
		this.open = others;
		this.next = Math.max(this.next, entry.first + entry.count);
		for (const [table, { written, deleted }] of Object.entries(entry.tables)) {
			this.#count(table, 'written', written);
			this.#count(table, 'deleted', deleted);
		}
		if (Object.keys(entry.tables).length > 0) this.versions.push(entry.version);
		this.#leave('drifted', entry.drifted);
		this.#leave('impossible', entry.impossible);
	}

	/** By table, and with how many records the plan itself leaves alone. */
	tables(left: Iterable<readonly [table: string, left: number, impossible: number]>): Record<string, Counts> {
		const tables = new Map(Array.from(this.#tables, ([name, counts]) => [name, { ...counts }]));
		for (const [table, leave, impossible] of left) {
			const counts = tables.get(table) ?? emptyCounts();
			tables.set(table, { ...counts, left: leave, impossible: counts.impossible + impossible });
		}
		return Object.fromEntries(tables);
	}

	#leave(what: 'drifted' | 'impossible', records: readonly Left[]): void {
		for (const record of records) {
			this.#count(record.table, what, 1);
			if (this[what].length < NAMED) this[what].push(record);
		}
	}

	#count(table: string, what: keyof Counts, more: number): void {
		const counts = this.#tables.get(table) ?? emptyCounts();
		counts[what] += more;
		this.#tables.set(table, counts);
	}
}

export function sumOf(tables: Readonly<Record<string, Counts>>): Counts {
	const sum = emptyCounts();
	for (const counts of Object.values(tables)) {
		for (const what of ['written', 'deleted', 'left', 'drifted', 'impossible'] as const) sum[what] += counts[what];
	}
	return sum;
}

function emptyCounts(): Record<keyof Counts, number> {
	return { written: 0, deleted: 0, left: 0, drifted: 0, impossible: 0 };
}
