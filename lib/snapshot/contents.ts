/** What a database file holds: what a manifest promises, and what a verification finds. */
export interface SnapshotContents {
	/** Sorted by name. */
	readonly tables: readonly TableContents[];
	/** `undefined`: the database keeps no log. */
	readonly audit: AuditContents | undefined;
	/** Blobs that records and audit entries refer to; one that several refer to counts for each. */
	readonly blobs: BlobCounts;
	/** Trees that belong to no table, which dropped attributes leave behind. */
	readonly others: readonly { readonly name: string; readonly entries: number }[];
	/** How many rows, tombstones, index entries, audit entries and others were read. */
	readonly entries: number;
}

export interface TableContents {
	readonly name: string;
	readonly tableId: number | undefined;
	readonly primaryKey: string;
	readonly rows: number;
	readonly tombstones: number;
	/** SHA-256 of the keys and records; see `lib/record/content-hash.ts`. */
	readonly contentHash: string;
	/** SHA-256 of the keys and versions. */
	readonly versionsHash: string;
	/** The newest version of a row or a tombstone. */
	readonly newestVersion: number | undefined;
	readonly indexes: readonly IndexContents[];
	readonly blobs: BlobCounts;
	/** As Harper keeps them: of the table, and of each attribute. */
	readonly definition: Readonly<Record<string, unknown>>;
	readonly attributes: readonly { readonly name: string; readonly definition: Readonly<Record<string, unknown>> }[];
}

export interface IndexContents {
	readonly attribute: string;
	readonly entries: number;
	/**
	 * `matches`: exactly the entries that the rows call for. `differs`: Harper finds too little or too much by it, while
	 * the rows are whole. Of the others only the entries can be read: Harper has not finished building it, or computes
	 * its values, or it is of a kind of its own.
	 */
	readonly state: 'matches' | 'differs' | 'building' | 'computed' | 'custom';
	/** How many entries the rows call for, where that can be said. */
	readonly expected: number | undefined;
}

export interface AuditContents {
	readonly entries: number;
	/** Local times. A replay begins behind the last one. */
	readonly firstKey: number | undefined;
	readonly lastKey: number | undefined;
	readonly newestVersion: number | undefined;
	/** The local time up to which Harper has removed entries. */
	readonly lastRemoved: number | undefined;
	/** Entries of tables that are no more, of which only the outside can be read. */
	readonly orphans: number;
	readonly blobs: BlobCounts;
}

export interface BlobCounts {
	/** In files beside the database. */
	readonly files: number;
	/** Within records. */
	readonly inline: number;
}
