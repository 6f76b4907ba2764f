import { toIso } from '../time.ts';
import type { Found } from './scan.ts';

export const groupings = ['user', 'table', 'type', 'hour'] as const;
export type Grouping = (typeof groupings)[number];

export interface Group {
	/** Undefined where nobody is named, or the table is gone. */
	readonly key: string | undefined;
	readonly entries: number;
	readonly byType: Readonly<Record<string, number>>;
	/** How many records they are about; at least so many where there were too many to tell. */
	readonly records: number;
	readonly recordsAreLeast: boolean;
	readonly first: number;
	readonly last: number;
}

/** Records are told apart up to so many, over all groups: some 50 MB. */
const MOST_RECORDS = 500_000;
const MOST_GROUPS = 10_000;
const HOUR_MS = 3_600_000;

/** Counts entries by one property of theirs, in bounded memory. */
export class Summary {
	readonly #grouping: Grouping;
	readonly #groups = new Map<string | undefined, Counted>();
	#records = 0;
	/** Entries of groups for which there was no room. */
	ungrouped = 0;

	constructor(grouping: Grouping) {
		this.#grouping = grouping;
	}

	add(found: Found): void {
		const key = KEYS[this.#grouping](found);
		let group = this.#groups.get(key);
		if (group === undefined) {
			if (this.#groups.size >= MOST_GROUPS) {
				this.ungrouped++;
				return;
			}
			group = new Counted();
			this.#groups.set(key, group);
		}
		this.#records += group.add(found, this.#records < MOST_RECORDS);
	}

	/** The largest first; hours in their order. */
	groups(): readonly Group[] {
		const groups = Array.from(this.#groups, ([key, counted]) => counted.tell(key));
		return this.#grouping === 'hour'
			? groups.sort((a, b) => a.first - b.first)
			: groups.sort((a, b) => b.entries - a.entries);
	}
}

const KEYS: Readonly<Record<Grouping, (found: Found) => string | undefined>> = {
	user: ({ change }) => change.user,
	table: ({ table }) => table?.table.name,
	type: ({ change }) => change.action,
	hour: ({ change }) => toIso(Math.floor(change.localTime / HOUR_MS) * HOUR_MS),
};

class Counted {
	#entries = 0;
	readonly #byType = new Map<string, number>();
	readonly #records = new Set<string>();
	#recordsAreLeast = false;
	#first = Infinity;
	#last = -Infinity;

	/** Returns how many records it tells apart that it did not before. */
	add({ change: { action, localTime, tableId, id } }: Found, hasRoom: boolean): number {
		this.#entries++;
		this.#byType.set(action, (this.#byType.get(action) ?? 0) + 1);
		this.#first = Math.min(this.#first, localTime);
		this.#last = Math.max(this.#last, localTime);
		const record = `${tableId}/${typeof id}/${Array.isArray(id) ? id.map(String).join('/') : String(id)}`;
		if (this.#records.has(record)) return 0;
		if (!hasRoom) {
			this.#recordsAreLeast = true;
			return 0;
		}
		this.#records.add(record);
		return 1;
	}

	tell(key: string | undefined): Group {
		return {
			key,
			entries: this.#entries,
			byType: Object.fromEntries(this.#byType),
			records: this.#records.size,
			recordsAreLeast: this.#recordsAreLeast,
			first: this.#first,
			last: this.#last,
		};
	}
}
