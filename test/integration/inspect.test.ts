import { copyFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabaseFile } from '../../lib/adapters/lmdb/harper-file.ts';
import { inspectFile } from '../../lib/adapters/lmdb/inspect-file.ts';
import { checkBackupFile, mendBackupFile } from '../../lib/adapters/lmdb/mend.ts';
import { CustodianError } from '../../lib/errors.ts';
import { blobPathOf } from '../../lib/record/blob.ts';
import { canonicalBytes } from '../../lib/record/canonical.ts';
import { readKey } from '../../lib/record/key.ts';
import { objectOf } from '../../lib/record/shape.ts';
import type { SnapshotContents } from '../../lib/snapshot/contents.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { readNatively } from '../support/native-lmdb.ts';
import { checkout, runDirectory } from '../support/run.ts';
import { markUnsynced } from '../support/unsynced.ts';

const components = [{ name: 'every-kind', source: join(checkout, 'test/support/fixtures/every-kind') }];

describe('a database file of Harper', () => {
	let harper: Harper;
	let directory: string;
	/** By name: `kinds`, `small`, `system`, compact; `plain`, a copy page by page; `few`, of few rows. */
	const files: Record<string, string> = {};
	let seen: Record<string, number>;

	beforeAll(async () => {
		directory = mkdtempSync(join(runDirectory(), 'inspect-'));
		{
			await using few = await startHarper({ components });
			await ask(few, '/KindsFill', { rows: 120 });
			files['few'] = await backup(few, 'kinds', 'few');
		}
		harper = await startHarper({ components });
		await ask(harper, '/KindsFill', { rows: 3000 });
		seen = (await (await harper.fetch('/KindsFill')).json()) as Record<string, number>;
		for (const database of ['kinds', 'small', 'system']) files[database] = await backup(harper, database, database);
		files['plain'] = await backup(harper, 'kinds', 'plain', false);
	}, 240_000);
	afterAll(() => harper[Symbol.asyncDispose]());

	test('holds what was written, and what Harper sees', async () => {
		const [kinds, small] = [await inspectFile(files['kinds']!), await inspectFile(files['small']!)];
		const rows = Object.fromEntries([
			...kinds.tables.map((table) => [`kinds.${table.name}`, table.rows]),
			...small.tables.map((table) => [`small.${table.name}`, table.rows]),
		]);
		expect(rows).toEqual(seen);
		expect(rows).toMatchObject({ 'kinds.Thing': 2980, 'kinds.Numbered': 300, 'kinds.Silent': 50, 'small.Small': 5 });
		const thing = kinds.tables.find(({ name }) => name === 'Thing');
		expect(thing).toMatchObject({ tombstones: 20, primaryKey: 'id', blobs: { files: 15, inline: 15 } });
		expect(kinds.audit?.blobs).toEqual({ files: 15, inline: 15 });
		expect(kinds.audit?.orphans).toBe(0);
	});

	test.each(['kinds', 'small', 'system', 'plain'])(
		'%s reads as the native module reads it, value by value',
		async (name) => {
			const [contents, native] = [await inspectFile(files[name]!), readNatively(files[name]!)];
			expect(contents.tables.map((table) => table.name)).toEqual([...native.tables.keys()].sort());
			for (const table of contents.tables) {
				const truth = native.tables.get(table.name)!;
				expect([table.name, table.rows + table.tombstones]).toEqual([table.name, truth.rows.length]);
				const indexes = Object.fromEntries(table.indexes.map(({ attribute, entries }) => [attribute, entries]));
				expect([table.name, indexes]).toMatchObject([table.name, Object.fromEntries(truth.indexes)]);
			}
			expect(contents.audit).toMatchObject({
				entries: native.auditKeys.length,
				...(native.auditKeys.length === 0 ? {} : { firstKey: native.auditKeys[0], lastKey: native.auditKeys.at(-1) }),
			});
			const file = await openDatabaseFile(files[name]!);
			for (const table of file.tables) {
				const truth = native.tables.get(table.name)!;
				const cursor = table.rows();
				for (const { key, value, version } of truth.rows) {
					expect(cursor.next()).toBe(true);
					const id = readKey(cursor.keyBytes, cursor.keyStart, cursor.keyEnd);
					expect([table.name, id, cursor.version]).toEqual([table.name, key, version]);
					const record = cursor.row === undefined ? null : objectOf(cursor.row);
					expect([id, hex(record)]).toEqual([id, hex(value === null ? null : { ...(value as object) })]);
				}
				expect(cursor.next()).toBe(false);
			}
			file.close();
		}
	);

	test('has indexes that match its rows, but where Harper itself loses a value', async () => {
		const { tables } = await inspectFile(files['kinds']!);
		const states = tables.flatMap(({ name, indexes }) =>
			indexes.map(({ attribute, state }) => [`${name}.${attribute}`, state])
		);
		const others = states.filter(([, state]) => state !== 'matches');
		expect(Object.fromEntries(others)).toEqual({
			'Quirk.big': 'differs',
			'Short.loud': 'computed',
			'Vector.place': 'custom',
		});
	});

	test('gives the same contents when it was copied page by page, free pages and all', async () => {
		const { size } = await stat(files['plain']!);
		expect(size).toBeGreaterThan((await stat(files['kinds']!)).size);
		expect(await inspectFile(files['plain']!)).toEqual(await inspectFile(files['kinds']!));
	});

	test('names every blob that lies beside it', async () => {
		const blobs: { path: string; table: string; size: unknown }[] = [];
		await inspectFile(files['kinds']!, {
			onBlob: ({ fileId = '', properties }, table) =>
				blobs.push({ path: join(harper.root, 'blobs/kinds', blobPathOf(fileId)), table, size: properties['size'] }),
		});
		expect(blobs).toHaveLength(30);
		expect(new Set(blobs.map(({ path }) => path)).size).toBe(15);
		for (const { path, table, size } of blobs) {
			expect([table, size, (await stat(path)).size]).toEqual(['Thing', 20_000, 20_008]);
		}
	});

	test('says how far it is, and stops when it is told to', async () => {
		const progress: number[] = [];
		const aborting = new AbortController();
		const reading = inspectFile(files['kinds']!, {
			signal: aborting.signal,
			onProgress({ bytes, ofBytes }) {
				progress.push(bytes / ofBytes);
				if (progress.length === 3) aborting.abort(new Error('enough'));
			},
		});
		await expect(reading).rejects.toThrow('enough');
		expect(progress).toHaveLength(3);
		expect(progress.every((part, i) => part > 0 && part <= 1 && part >= (progress[i - 1] ?? 0))).toBe(true);
	});

	test('that was copied page by page survives a reboot, mended where it would not', async () => {
		const { size } = await stat(files['plain']!);
		const unsafe = join(directory, 'unsafe.mdb');
		await copyFile(files['plain']!, unsafe);
		await markUnsynced(unsafe);
		expect(await checkBackupFile(unsafe)).toMatchObject({ survives: false });
		const before = await readFile(unsafe);
		const mended = join(directory, 'mended.mdb');
		expect(await mendBackupFile(unsafe, mended)).toMatchObject({ survives: true });
		expect((await readFile(unsafe)).equals(before)).toBe(true);
		expect(await stat(mended)).toMatchObject({ size });
		expect(await inspectFile(mended)).toEqual(await inspectFile(files['kinds']!));
		expect(readNatively(mended, false).tables.get('Thing')?.rows).toHaveLength(3000);
		await expect(mendBackupFile(unsafe, mended)).rejects.toMatchObject({ code: 'file_exists' });
		expect(await checkBackupFile(files['kinds']!)).toMatchObject({ survives: true });
	});

	test('is refused or read wherever it was damaged, in little time and little memory', async () => {
		const sound = await readFile(files['few']!);
		const whole = await inspectFile(files['few']!);
		const path = join(directory, 'damaged.mdb');
		const random = randomness(7);
		const outcomes = { refused: 0, same: 0, other: 0 };
		await writeFile(path, sound);
		const rssBefore = process.memoryUsage.rss();
		let longestMs = 0;
		for (let round = 0; round < 1500; round++) {
			const damaged = Buffer.from(sound);
			const flips = 1 + random(3);
			// Half of them into the structure of a page: its header, its pointers, the headers of its nodes.
			for (let i = 0; i < flips; i++) {
				const page = random(sound.length / 4096) * 4096;
				damaged[round % 2 === 0 ? page + random(120) : random(sound.length)] = random(256);
			}
			await writeFile(path, damaged);
			if (round % 5 === 0) await truncate(path, random(sound.length));
			const startedAt = performance.now();
			outcomes[await outcomeOf(path, whole)]++;
			longestMs = Math.max(longestMs, performance.now() - startedAt);
		}
		const grownMb = (process.memoryUsage.rss() - rssBefore) / 1e6;
		console.log('damage:', outcomes, `longest ${Math.round(longestMs)} ms, grown by ${Math.round(grownMb)} MB`);
		expect(outcomes.refused).toBeGreaterThan(300);
		expect(longestMs).toBeLessThan(5000);
		expect(grownMb).toBeLessThan(300);
	}, 300_000);
});

/** Where a value was changed within its bounds, the file is sound, and its hash another one. */
async function outcomeOf(path: string, whole: SnapshotContents): Promise<'refused' | 'same' | 'other'> {
	try {
		const contents = await inspectFile(path);
		return JSON.stringify(contents) === JSON.stringify(whole) ? 'same' : 'other';
	} catch (error) {
		if (error instanceof CustodianError) return 'refused';
		throw error;
	}
}

async function backup(harper: Harper, database: string, name: string, compact = true): Promise<string> {
	const path = join(mkdtempSync(join(runDirectory(), 'backup-')), `${name}.mdb`);
	await ask(harper, '/KindsBackup', { database, path, compact });
	return path;
}

async function ask(harper: Harper, path: string, body: unknown): Promise<void> {
	const response = await harper.fetch(path, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		signal: AbortSignal.timeout(120_000),
		body: JSON.stringify(body),
	});
	if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
}

function hex(value: unknown): string {
	return Buffer.from(canonicalBytes(value)).toString('hex');
}

/** The same numbers each time: a failure can be looked at again. */
function randomness(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return Math.floor((state / 2 ** 32) * below);
	};
}
