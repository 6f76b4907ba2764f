import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import {
	indexEntry,
	INDEX_ENTRY_BYTES,
	lineOf,
	planOf,
	putIndexEntry,
	type NumberedPlan,
	type PlanHeader,
	type PlanPage,
	type PlanStore,
	type StoredPlan,
	type TableDecisions,
} from '../../revert/plan-file.ts';
import type { Decision, RecordPlan } from '../../revert/record-plan.ts';
import type { PlanTotals } from '../../revert/totals.ts';
import { CustodianError } from '../../errors.ts';
import { pause } from '../timers.ts';
import { linesOf } from './lines.ts';

const PLAN = 'plan.jsonl';
const INDEX = 'plan.index';
/** Written last: where it is, the plan is whole. */
const SUMMARY = 'plan.json';

/** How much is gathered in memory before it is written. */
const CHUNK_BYTES = 256 * 1024;

/** Keeps plans in a folder of ours, each in one of its own, readable for Harper's user alone: they hold what records held. */
export function planFolder(folder: string): PlanStore {
	const folderOf = (revert: string) => join(folder, named(revert));
	return {
		async write(header, plans, totals, signal) {
			const own = folderOf(header.revert);
			await mkdir(own, { recursive: true, mode: 0o700 });
			await rm(join(own, SUMMARY), { force: true });
			const written = await writeFiles(own, header, plans, signal).catch(async (error: unknown) => {
				// Where the disk is full, what nobody can use would keep it so.
				for (const name of [PLAN, INDEX]) await rm(join(own, `${name}.tmp`), { force: true });
				throw error;
			});
			const summary: StoredSummary = { format: 1, header, ...written, totals: totals() };
			await writeWhole(own, SUMMARY, Buffer.from(`${JSON.stringify(summary)}\n`));
			await syncDirectory(folder);
			return storedPlan(own, summary);
		},
		async open(revert) {
			const own = folderOf(revert);
			const text = await readFile(join(own, SUMMARY), 'utf8').catch(orUndefined);
			if (text === undefined) return undefined;
			return storedPlan(own, summaryOf(own, text));
		},
		async list() {
			const names = (await readdir(folder).catch(orUndefined)) ?? [];
			return names.filter((name) => NAME.test(name)).toSorted();
		},
		async remove(revert) {
			const own = folderOf(revert);
			// First what says that there is a plan.
			await rm(join(own, SUMMARY), { force: true });
			await rm(own, { recursive: true, force: true });
		},
	};
}

interface StoredSummary {
	readonly format: 1;
	readonly hash: string;
	readonly header: PlanHeader;
	readonly records: number;
	readonly tables: TableDecisions;
	readonly totals: PlanTotals;
}

function summaryOf(own: string, text: string): StoredSummary {
	try {
		// Written by `write`.
		// oxlint-disable-next-line typescript/no-unsafe-type-assertion
		const summary = JSON.parse(text) as Partial<StoredSummary>;
		// oxlint-disable-next-line typescript/no-unsafe-type-assertion
		if (summary.format === 1) return summary as StoredSummary;
	} catch (error) {
		throw damaged(own, error);
	}
	throw damaged(own);
}

async function writeFiles(own: string, header: PlanHeader, plans: AsyncIterable<RecordPlan>, signal: AbortSignal) {
	const lines = await Appending.to(join(own, `${PLAN}.tmp`));
	const index = await Appending.to(join(own, `${INDEX}.tmp`));
	const hash = createHash('sha256');
	// A table may be called like something that every object inherits.
	const tables = new Map<string, Record<Decision['kind'], number>>();
	let records = 0;
	try {
		const add = async (line: string) => {
			const bytes = Buffer.from(line);
			hash.update(bytes);
			await lines.add(bytes);
		};
		await add(`${JSON.stringify(header)}\n`);
		for await (const plan of plans) {
			signal.throwIfAborted();
			const entry = Buffer.alloc(INDEX_ENTRY_BYTES);
			putIndexEntry(new DataView(entry.buffer, entry.byteOffset), 0, plan.decision.kind, lines.length);
			await index.add(entry);
			await add(lineOf(plan));
			records++;
			const counts = tables.get(plan.table) ?? { write: 0, delete: 0, leave: 0, impossible: 0 };
			counts[plan.decision.kind]++;
			tables.set(plan.table, counts);
		}
		await lines.sync();
		await index.sync();
	} finally {
		await lines.close();
		await index.close();
	}
	await rename(join(own, `${PLAN}.tmp`), join(own, PLAN));
	await rename(join(own, `${INDEX}.tmp`), join(own, INDEX));
	return { records, tables: Object.fromEntries(tables), hash: hash.digest('hex') };
}

function storedPlan(own: string, { header, records, tables, totals, hash }: StoredSummary): StoredPlan {
	return {
		header,
		records,
		tables,
		totals,
		hash,
		async isIntact(signal) {
			const actual = createHash('sha256');
			const file = await openPart(own, PLAN);
			try {
				const chunk = Buffer.alloc(CHUNK_BYTES);
				for (;;) {
					signal.throwIfAborted();
					const { bytesRead } = await file.read(chunk, 0, chunk.length);
					if (bytesRead === 0) return actual.digest('hex') === hash;
					actual.update(chunk.subarray(0, bytesRead));
				}
			} finally {
				await file.close();
			}
		},
		async *from(number) {
			if (number >= records) return;
			const file = await openPart(own, PLAN);
			let next = 0;
			try {
				for await (const plan of numbered(linesOf(file, 0), number)) {
					yield plan;
					next = plan.number + 1;
				}
			} finally {
				await file.close();
			}
			if (next !== records) throw damaged(own);
		},
		page: (from, limit, decision) =>
			readPage(own, records, { from, limit, decision }).catch((error: unknown) => {
				throw error instanceof CustodianError ? error : damaged(own, error);
			}),
	};
}

/** How much is parsed before others have a turn. */
const TURN_BYTES = 64 * 1024;

/** Counts lines, behind the header's: the hash of the plan says nothing of its index. */
async function* numbered(lines: AsyncIterable<Buffer>, from: number): AsyncIterable<NumberedPlan> {
	let number = -1;
	let bytes = 0;
	for await (const line of lines) {
		if (number >= from) yield { number, plan: planOf(line.toString()), sizeBytes: line.length };
		number++;
		bytes += line.length;
		if (bytes < TURN_BYTES) continue;
		bytes = 0;
		await pause();
	}
}

interface Wanted {
	readonly from: number;
	readonly limit: number;
	readonly decision: Decision['kind'] | undefined;
}

const INDEX_PART = 8192;
/** What a page may hold, however few records that are: it is answered as a whole. */
const PAGE_BYTES = 4 * 2 ** 20;

async function readPage(own: string, records: number, { from, limit, decision }: Wanted): Promise<PlanPage> {
	const file = await openPart(own, PLAN);
	const plans: RecordPlan[] = [];
	let bytes = 0;
	try {
		for (let number = from; number < records; number += INDEX_PART) {
			const entries = await readIndex(own, number, INDEX_PART);
			for (const [at, { kind, offset }] of entries.entries()) {
				if (decision !== undefined && kind !== decision) continue;
				if (plans.length === limit || bytes >= PAGE_BYTES) return { plans, next: number + at };
				const line = await lineAt(file, offset, entries[at + 1]?.offset);
				bytes += line.length;
				plans.push(planOf(line));
			}
		}
	} finally {
		await file.close();
	}
	return { plans, next: undefined };
}

/** Where the next line begins is not always known. */
async function lineAt(file: FileHandle, offset: number, end: number | undefined): Promise<string> {
	if (end !== undefined) {
		const line = Buffer.alloc(end - offset);
		const { bytesRead } = await file.read(line, 0, line.length, offset);
		return line.toString('utf8', 0, bytesRead);
	}
	for await (const line of linesOf(file, offset)) return line.toString();
	throw new RangeError('a plan ends before its index does');
}

async function readIndex(own: string, from: number, count: number) {
	const file = await openPart(own, INDEX);
	try {
		const buffer = Buffer.alloc(count * INDEX_ENTRY_BYTES);
		const { bytesRead } = await file.read(buffer, 0, buffer.length, from * INDEX_ENTRY_BYTES);
		const view = new DataView(buffer.buffer, buffer.byteOffset);
		return Array.from({ length: Math.floor(bytesRead / INDEX_ENTRY_BYTES) }, (_, at) =>
			indexEntry(view, at * INDEX_ENTRY_BYTES)
		);
	} finally {
		await file.close();
	}
}

/** A file that grows, by large pieces. */
class Appending {
	readonly #file: FileHandle;
	#parts: Buffer[] = [];
	#gathered = 0;
	length = 0;

	static async to(path: string): Promise<Appending> {
		return new Appending(await open(path, 'w', 0o600));
	}

	private constructor(file: FileHandle) {
		this.#file = file;
	}

	async add(bytes: Buffer): Promise<void> {
		this.#parts.push(bytes);
		this.#gathered += bytes.length;
		this.length += bytes.length;
		if (this.#gathered >= CHUNK_BYTES) await this.#write();
	}

	async sync(): Promise<void> {
		await this.#write();
		await this.#file.sync();
	}

	close(): Promise<void> {
		return this.#file.close();
	}

	async #write(): Promise<void> {
		const parts = this.#parts;
		this.#parts = [];
		this.#gathered = 0;
		if (parts.length > 0) await this.#file.appendFile(Buffer.concat(parts));
	}
}

async function openPart(own: string, name: string): Promise<FileHandle> {
	try {
		return await open(join(own, name), 'r');
	} catch (error) {
		const hint = 'Plan the revert again.';
		throw new CustodianError('plan_missing', own, 'The plan has been removed.', { cause: error, hint });
	}
}

function damaged(own: string, cause?: unknown): CustodianError {
	return new CustodianError('plan_damaged', own, 'The files of the plan are damaged.', {
		cause,
		hint: 'Plan the revert again.',
	});
}

async function writeWhole(folder: string, name: string, bytes: Buffer): Promise<void> {
	const file = await open(join(folder, `${name}.tmp`), 'w', 0o600);
	try {
		await file.writeFile(bytes);
		await file.sync();
	} finally {
		await file.close();
	}
	await rename(join(folder, `${name}.tmp`), join(folder, name));
	await syncDirectory(folder);
}

export async function syncDirectory(folder: string): Promise<void> {
	const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

const NAME = /^[\w-]{1,64}$/;

/** What becomes a path is of our own making, and is looked at once more. */
export function named(revert: string): string {
	if (NAME.test(revert)) return revert;
	throw new CustodianError('revert_missing', revert, 'There is no such revert.');
}

function orUndefined(error: unknown): undefined {
	if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
	throw error;
}
