import { expect, test } from 'vitest';
import type { SnapshotContents } from '../../lib/snapshot/contents.ts';
import { manifestText, parseManifest } from '../../lib/snapshot/manifest.ts';
import { summarise } from '../../lib/snapshot/summarise.ts';
import { contents, idOf, manifestOf } from '../support/snapshots.ts';

const blobs = { files: 1, inline: 2 };
const inspected: SnapshotContents = {
	tables: contents.tables.map((table) => ({
		...table,
		tableId: 1,
		primaryKey: 'id',
		newestVersion: 5,
		indexes: table.indexes.map((index) => ({ ...index, expected: 3 })),
		blobs,
		definition: { audit: true },
		attributes: [],
	})),
	audit: { entries: 5, firstKey: 1, lastKey: 9, newestVersion: 9, lastRemoved: 0, orphans: 0, blobs },
	blobs,
	others: [],
	entries: 12,
};

test('what a manifest keeps of an inspection is what its format knows, and nothing more', () => {
	const { blobs: _, ...expected } = contents;
	expect(summarise(inspected)).toEqual(expected);
	const manifest = manifestOf(idOf(0), { contents: { ...summarise(inspected), blobs: contents.blobs } });
	expect(parseManifest(manifestText(manifest), 'x')).toEqual(manifest);
});

test('a log without entries, and no log, are told apart', () => {
	const audit = { ...inspected.audit!, entries: 0, firstKey: undefined, lastKey: undefined };
	expect(summarise({ ...inspected, audit }).audit).toEqual({ entries: 0, firstKey: null, lastKey: null });
	expect(summarise({ ...inspected, audit: undefined }).audit).toBeNull();
});
