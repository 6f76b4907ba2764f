import type { SnapshotContents } from './contents.ts';
import type { Contents } from './manifest.ts';

/** What of an inspection a manifest keeps, and a verification compares. The blob files themselves are counted elsewhere. */
export function summarise({ tables, audit }: SnapshotContents): Omit<Contents, 'blobs'> {
	return {
		tables: tables.map(({ name, rows, tombstones, contentHash, versionsHash, indexes }) => ({
			name,
			rows,
			tombstones,
			contentHash,
			versionsHash,
			indexes: indexes.map(({ attribute, entries, state }) => ({ attribute, entries, state })),
		})),
		audit: audit ? { entries: audit.entries, firstKey: audit.firstKey ?? null, lastKey: audit.lastKey ?? null } : null,
	};
}
