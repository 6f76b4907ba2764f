/** One thing that was decided or that happened, with its reason: what GET /custodian/schedule shows. */
export interface Entry {
	/** When, wall clock. */
	readonly at: number;
	readonly what: What;
	/** The id of the occurrence; of the first of them where there is `through`. */
	readonly occurrence: string;
	/** The id of the last of several occurrences that share this entry. */
	readonly through?: string | undefined;
	/** How many they are, counted up to a hundred. */
	readonly count?: number | undefined;
	readonly why?: Why | undefined;
	/** Which attempt at the occurrence, from 1. */
	readonly attempt?: number | undefined;
	/** The problem of a failure, what a success left, the node that did it. */
	readonly detail?: string | undefined;
}

export const WHATS = ['started', 'succeeded', 'failed', 'interrupted', 'gave_up', 'skipped'] as const;
type What = (typeof WHATS)[number];

/**
 * Of a start: it is `due`, it was missed and is made up for (`catch_up`), or it is tried again (`retry`). Of a success:
 * what it leaves was there already (`found`), or another node did it (`elsewhere`). Of a skip: an earlier one still ran
 * (`overlap`), a later one is due (`superseded`), or the schedule is `disabled`.
 */
export const WHYS = ['due', 'catch_up', 'retry', 'found', 'elsewhere', 'overlap', 'superseded', 'disabled'] as const;
type Why = (typeof WHYS)[number];

const MAX_ENTRIES = 100;
const MAX_DETAIL_LENGTH = 1000;

/** Adds to a record, oldest first; the oldest entries beyond a hundred go. */
export function recorded(record: readonly Entry[], entry: Entry): readonly Entry[] {
	return [...record, { ...entry, detail: entry.detail?.slice(0, MAX_DETAIL_LENGTH) }].slice(-MAX_ENTRIES);
}
