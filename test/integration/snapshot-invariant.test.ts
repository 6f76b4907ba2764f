import { randomBytes } from 'node:crypto';
import {
	closeSync,
	copyFileSync,
	mkdtempSync,
	openSync,
	readFileSync,
	rmSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkBackupFile } from '../../lib/adapters/lmdb/mend.ts';
import { inspectFile } from '../../lib/adapters/lmdb/inspect-file.ts';
import { parseManifest, type Manifest } from '../../lib/snapshot/manifest.ts';
import { builtComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { ask, takeSnapshots } from '../support/jobs.ts';
import { fillLedger, ledger, type LedgerCounts } from '../support/ledger.ts';
import { readNatively, type NativeTable } from '../support/native-lmdb.ts';
import { long, runDirectory } from '../support/run.ts';
import { eventually } from '../support/wait.ts';

const SNAPSHOTS = long ? 50 : 4;
const BOOTED = long ? 5 : 1;
const WORKERS = 2;

interface Progress {
	readonly threadId: number;
	readonly turn: number;
}

interface Restored {
	readonly path: string;
	readonly manifest: Manifest;
}

let harper: Harper;
let directory: string;

beforeAll(async () => {
	directory = mkdtempSync(join(runDirectory(), 'invariant-'));
	harper = await startHarper({
		components: [{ name: 'harper-custodian', source: builtComponent() }, ledger],
		config: { custodian: { snapshots: [], verifyWithin: false } },
		workers: WORKERS,
	});
	await fillLedger(harper, 2000);
});
afterAll(() => harper[Symbol.asyncDispose]());

test(
	`${SNAPSHOTS} snapshots under writes from two workers hold whole transactions, and open on another machine`,
	async () => {
		const restored: Restored[] = [];
		let before = await writers(() => true);
		for (let n = 0; n < SNAPSHOTS; n++) {
			const [taken] = await takeSnapshots(harper, { databases: ['ledger'] });
			restored.push(fromRepository(taken!.id));
			const former = before;
			before = await writers(({ threadId, turn }) => turn > (former.get(threadId) ?? 0));
		}
		let turnsBefore = new Map<string, number>();
		for (const { path, manifest } of restored) {
			openedElsewhere(path);
			expect(await checkBackupFile(path)).toMatchObject({ survives: true });
			const { tables, audit } = readContents(manifest);
			const found = await inspectFile(path);
			expect(found.tables).toMatchObject(tables);
			expect(found.audit).toMatchObject(audit!);
			const native = readNatively(path, false).tables;
			const [left, right] = [turnsOf(native.get('Left')!), turnsOf(native.get('Right')!)];
			expect(left).toEqual(right);
			expect([...left.keys()].length).toBe(tables[0]?.rows);
			// What every transaction of a worker writes anew shows that it went on from one snapshot to the next.
			const turns = new Map([...left].filter(([id]) => id.endsWith('-kept-0')));
			expect(turns.size).toBe(WORKERS);
			for (const [id, turn] of turns) expect(turn).toBeGreaterThan(turnsBefore.get(id) ?? 0);
			for (const [id, turn] of turns) {
				const same = Array.from({ length: 5 }, (_, index) => left.get(id.replace(/0$/, String(index))));
				expect(same).toEqual(Array.from({ length: 5 }, () => turn));
			}
			turnsBefore = turns;
		}
		await boot(restored.filter((_, index) => index % Math.ceil(SNAPSHOTS / BOOTED) === 0));
	},
	long ? 1_800_000 : 240_000
);

/** Has every worker write, and resolves with how far they are once each of them is as far as it should be. */
async function writers(enough: (progress: Progress) => boolean): Promise<Map<number, number>> {
	const turns = new Map<number, number>();
	await eventually(
		async () => {
			const { body } = await ask<Progress>(harper, '/LedgerWriter', { method: 'POST', body: { writing: true } });
			if (body.turn > 0 && enough(body)) turns.set(body.threadId, body.turn);
			return turns.size === WORKERS;
		},
		{ describe: 'both workers write', intervalMs: 5 }
	);
	return turns;
}

/** Unpacks a snapshot with nothing but what Node has. */
function fromRepository(id: string): Restored {
	const folder = join(harper.root, 'custodian/repository', harper.address, 'ledger/snapshots', id);
	const path = join(directory, `${id}.mdb`);
	writeFileSync(path, brotliDecompressSync(readFileSync(join(folder, 'data.mdb.br'))));
	return { path, manifest: parseManifest(readFileSync(join(folder, 'manifest.json'), 'utf8'), id) };
}

function readContents({ contents }: Manifest): NonNullable<Manifest['contents']> {
	if (contents === undefined) throw new Error('The manifest says nothing of the contents');
	return contents;
}

/** Both meta pages name the boot during which they were written; LMDB then believes them. */
function openedElsewhere(path: string): void {
	const file = openSync(path, 'r+');
	for (const page of [0, 4096]) writeSync(file, randomBytes(8), 0, 8, page + 24 + 136);
	closeSync(file);
}

function turnsOf({ rows }: NativeTable): Map<string, number> {
	const alive = rows.filter(({ value }) => value !== null);
	return new Map(alive.map(({ key, value }) => [String(key), Number(Reflect.get(Object(value), 'turn'))]));
}

/** Has a fresh Harper serve each file in place of its own, and compares what it counts with the manifest. */
async function boot(chosen: readonly Restored[]): Promise<void> {
	expect(chosen.length).toBeGreaterThan(0);
	await using fresh = await startHarper({ components: [ledger] });
	const place = join(fresh.root, 'database/ledger.mdb');
	for (const { path, manifest } of chosen) {
		await fresh.stop();
		for (const file of [place, `${place}-lock`]) rmSync(file, { force: true });
		copyFileSync(path, place);
		await fresh.start();
		const { body } = await ask<LedgerCounts>(fresh, '/LedgerCounts');
		const { tables, audit } = readContents(manifest);
		const expected = tables.map(({ name, rows, indexes }) => ({ name, rows, indexed: indexes[0]?.entries }));
		expect(body).toEqual({ tables: expected, auditEntries: audit?.entries });
	}
}
