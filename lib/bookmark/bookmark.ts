import * as v from 'valibot';

/** A moment with a name, to be come back to. Instants are wall clock, whole milliseconds. */
export interface Bookmark {
	readonly name: string;
	readonly at: number;
	readonly createdAt: number;
	/** Who made it; absent for one that was made by itself. */
	readonly by?: string | undefined;
	readonly note?: string | undefined;
	/** Whether it was made by itself, before a burst of changes. Those are replaced by newer ones in time. */
	readonly automatic: boolean;
	/**
	 * By database, the key of the last entry of its log that belongs to the moment: exact where several entries share a
	 * millisecond. Absent for a database of whose log nothing that old is left.
	 */
	readonly positions: Readonly<Record<string, number>>;
	readonly burst?: BookmarkedBurst | undefined;
}

/** What an automatic one stands before. */
interface BookmarkedBurst {
	readonly database: string;
	readonly table: string;
	readonly user?: string | undefined;
	readonly change: 'delete' | 'overwrite';
}

/** Where bookmarks are kept. */
export interface BookmarkStore {
	/** All of them, in no order. */
	list(): readonly Bookmark[];
	load(name: string): Bookmark | undefined;
	/** False where the name is taken: then nothing has changed. */
	create(bookmark: Bookmark): Promise<boolean>;
	/** Does nothing where there is none. */
	remove(name: string): Promise<void>;
}

/** What a name may be: it stands in paths. */
export const bookmarkName = /^[A-Za-z\d_-]{1,64}$/;

/** How many a node keeps that somebody asked for. */
export const MOST_BOOKMARKS = 1000;
const MOST_AUTOMATIC = 100;

/** The automatic ones that are too many, oldest first. */
export function surplusOf(bookmarks: readonly Bookmark[]): readonly Bookmark[] {
	const automatic = bookmarks.filter((one) => one.automatic).sort((a, b) => a.createdAt - b.createdAt);
	return automatic.slice(0, Math.max(0, automatic.length - MOST_AUTOMATIC));
}

const moment = v.pipe(v.number(), v.safeInteger());
const stored = v.object({
	version: v.literal(1),
	name: v.string(),
	at: moment,
	createdAt: moment,
	by: v.optional(v.string()),
	note: v.optional(v.string()),
	automatic: v.boolean(),
	positions: v.record(v.string(), v.pipe(v.number(), v.finite())),
	burst: v.optional(
		v.object({
			database: v.string(),
			table: v.string(),
			user: v.optional(v.string()),
			change: v.picklist(['delete', 'overwrite']),
		})
	),
});

export function formatBookmark(bookmark: Bookmark): string {
	return JSON.stringify({ version: 1, ...bookmark });
}

/** Undefined for what cannot be read. */
export function parseBookmark(text: string): Bookmark | undefined {
	try {
		const parsed = v.safeParse(stored, JSON.parse(text));
		if (!parsed.success) return undefined;
		const { version: _, ...bookmark } = parsed.output;
		return bookmark;
	} catch {
		return undefined;
	}
}
