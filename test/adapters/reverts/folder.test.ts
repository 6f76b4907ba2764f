import { appendFile, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { planFolder } from '../../../lib/adapters/reverts/folder.ts';
import { openJournal } from '../../../lib/adapters/reverts/journal-file.ts';
import { BlobReference } from '../../../lib/record/blob.ts';
import type { JournalEntry } from '../../../lib/revert/journal.ts';
import type { Decision, RecordPlan } from '../../../lib/revert/record-plan.ts';
import { RevertTotals } from '../../../lib/revert/totals.ts';
import { headerOf } from '../../support/memory-reverts.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const never = new AbortController().signal;
const totals = () => new RevertTotals().read();

function planOf(id: number, kind: Decision['kind']): RecordPlan {
	const decisions: Readonly<Record<Decision['kind'], Decision>> = {
		write: {
			kind: 'write',
			values: { id, big: 5n, at: new Date(5), bytes: new Uint8Array([1]), nothing: undefined, text: 'a\nb' },
			expiresAt: 7,
			reason: 'w',
		},
		delete: { kind: 'delete', reason: 'd' },
		leave: { kind: 'leave', reason: 'l' },
		impossible: { kind: 'impossible', code: 'history_purged', reason: 'i' },
	};
	const blob = new BlobReference({ size: 3 }, { fileId: 'a1', storageIndex: 0 });
	return {
		table: 't',
		tableId: 1,
		id: id % 2 === 0 ? id : [`${id}`, BigInt(id)],
		liveVersion: id === 0 ? undefined : id,
		liveLocalTime: undefined,
		selected: { changes: 1, firstVersion: 1, lastVersion: 2 },
		decision: decisions[kind],
		attributes: [{ name: 'a', base: undefined, bad: null, live: blob, outcome: 'restore' }],
		conflicts: [],
	};
}

async function* each(plans: readonly RecordPlan[]): AsyncIterable<RecordPlan> {
	yield* plans;
}

test('a plan is read as it was written, from any record on, and page by page of any decision', async () => {
	const folder = planFolder(await temporaryDirectory());
	const kind = fc.constantFrom<Decision['kind']>('write', 'delete', 'leave', 'impossible');
	let turn = 0;
	await fc.assert(
		fc.asyncProperty(
			fc.array(kind, { maxLength: 60 }),
			fc.nat(60),
			fc.integer({ min: 1, max: 7 }),
			fc.option(kind, { nil: undefined }),
			async (kinds, from, limit, decision) => {
				const plans = kinds.map((one, id) => planOf(id, one));
				const revert = `r${turn++}`;
				const written = await folder.write(headerOf(revert), each(plans), totals, never);
				const stored = await folder.open(revert);
				expect(stored).toMatchObject({ hash: written.hash, records: plans.length, header: headerOf(revert) });
				expect(await stored?.isIntact(never)).toBe(true);
				const read: RecordPlan[] = [];
				for await (const { number, plan } of stored?.from(from) ?? []) {
					expect(number).toBe(from + read.length);
					read.push(plan);
				}
				expect(read).toEqual(plans.slice(from));
				const paged: RecordPlan[] = [];
				for (let at: number | undefined = 0; at !== undefined;) {
					const page: Awaited<ReturnType<NonNullable<typeof stored>['page']>> | undefined = await stored?.page(
						at,
						limit,
						decision
					);
					expect(page?.plans.length).toBeLessThanOrEqual(limit);
					paged.push(...(page?.plans ?? []));
					at = page?.next;
				}
				expect(paged).toEqual(plans.filter((_, at) => decision === undefined || kinds[at] === decision));
			}
		),
		{ numRuns: 60 }
	);
});

test('a page of large records is short, and has one at least', async () => {
	const folder = planFolder(await temporaryDirectory());
	const large = (id: number): RecordPlan => ({ ...planOf(id, 'write'), table: 'x'.repeat(3_000_000) });
	const stored = await folder.write(
		headerOf('r'),
		each(Array.from({ length: 5 }, (_, id) => large(id))),
		totals,
		never
	);
	const sizes: number[] = [];
	for (let at: number | undefined = 0; at !== undefined;) {
		const page = await stored.page(at, 1000, undefined);
		sizes.push(page.plans.length);
		at = page.next;
	}
	expect(sizes).toEqual([2, 2, 1]);
});

test('what is decided is counted by table, whatever that is called', async () => {
	const folder = planFolder(await temporaryDirectory());
	const plans = [{ ...planOf(0, 'write'), table: 'constructor' }, planOf(1, 'leave')];
	const { tables } = await folder.write(headerOf('r'), each(plans), totals, never);
	expect(Object.entries(tables).map(([name, { write, leave }]) => [name, write, leave])).toEqual([
		['constructor', 1, 0],
		['t', 0, 1],
	]);
});

test('equal plans have one hash, and a changed byte is seen', async () => {
	const directory = await temporaryDirectory();
	const folder = planFolder(directory);
	const plans = [planOf(0, 'write'), planOf(1, 'delete')];
	const first = await folder.write(headerOf('r'), each(plans), totals, never);
	const second = await folder.write(headerOf('r'), each(plans), totals, never);
	expect(second.hash).toBe(first.hash);
	const file = join(directory, 'r', 'plan.jsonl');
	const bytes = await readFile(file);
	bytes[bytes.length - 9]! ^= 1;
	await writeFile(file, bytes);
	expect(await (await folder.open('r'))?.isIntact(never)).toBe(false);
});

test('a plan is read without its index, and one that is cut is no shorter plan', async () => {
	const directory = await temporaryDirectory();
	const folder = planFolder(directory);
	const plans = [planOf(0, 'write'), planOf(1, 'delete'), planOf(2, 'leave')];
	const written = await folder.write(headerOf('r'), each(plans), totals, never);
	await writeFile(join(directory, 'r', 'plan.index'), Buffer.alloc(24, 0xff));
	const numbers = async (from: number) => {
		const found: number[] = [];
		for await (const { number } of written.from(from)) found.push(number);
		return found;
	};
	expect(await numbers(1)).toEqual([1, 2]);
	await expect(written.page(0, 5, undefined)).rejects.toMatchObject({ code: 'plan_damaged' });
	const lines = (await readFile(join(directory, 'r', 'plan.jsonl'), 'utf8')).split('\n');
	await writeFile(join(directory, 'r', 'plan.jsonl'), lines.slice(0, 2).join('\n') + '\n');
	await expect(numbers(0)).rejects.toMatchObject({ code: 'plan_damaged' });
	for (const summary of ['{', '{}', '']) {
		await writeFile(join(directory, 'r', 'plan.json'), summary);
		await expect(folder.open('r')).rejects.toMatchObject({ code: 'plan_damaged' });
	}
});

test('a plan that broke off is none, also where there was one before, and takes no room', async () => {
	const directory = await temporaryDirectory();
	const folder = planFolder(directory);
	await folder.write(headerOf('r'), each([planOf(0, 'write')]), totals, never);
	async function* broken(): AsyncIterable<RecordPlan> {
		yield planOf(0, 'write');
		throw new Error('the log is gone');
	}
	await expect(folder.write(headerOf('r'), broken(), totals, never)).rejects.toThrow('the log is gone');
	expect(await folder.open('r')).toBeUndefined();
	expect((await readdir(join(directory, 'r'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('only the user of Harper may read a plan, and what is removed is gone', async () => {
	const directory = await temporaryDirectory();
	const folder = planFolder(directory);
	await folder.write(headerOf('r'), each([planOf(0, 'write')]), totals, never);
	expect((await stat(join(directory, 'r'))).mode & 0o777).toBe(0o700);
	for (const name of await readdir(join(directory, 'r'))) {
		expect((await stat(join(directory, 'r', name))).mode & 0o777, name).toBe(0o600);
	}
	expect(await folder.list()).toEqual(['r']);
	await folder.remove('r');
	expect(await folder.list()).toEqual([]);
	expect(await folder.open('r')).toBeUndefined();
});

test('no id leads out of the folder', async () => {
	const folder = planFolder(await temporaryDirectory());
	for (const id of ['..', '../x', 'a/b', '', '.']) await expect(folder.open(id)).rejects.toThrow('no such revert');
});

test('a journal goes on behind its last whole line', async () => {
	const directory = await temporaryDirectory();
	await mkdir(join(directory, 'r'));
	const begun: JournalEntry = { kind: 'begun', first: 0, count: 5, version: 7.5 };
	const first = await openJournal(directory, 'r');
	await first.append(begun);
	await first.close();
	await appendFile(join(directory, 'r', 'journal.jsonl'), '{"kind":"done","fi');
	const second = await openJournal(directory, 'r');
	const next: JournalEntry = { ...begun, first: 5 };
	await second.append(next);
	const entries: JournalEntry[] = [];
	for await (const entry of second.entries()) entries.push(entry);
	await second.close();
	expect(entries).toEqual([begun, next]);
});

test('a journal to which something could not be appended stays readable', async () => {
	const directory = await temporaryDirectory();
	const begun: JournalEntry = { kind: 'begun', first: 0, count: 5, version: 7.5 };
	const journal = await openJournal(directory, 'r');
	await journal.append(begun);
	const probe = await open(join(directory, 'r', 'journal.jsonl'));
	const append = vi.spyOn(Object.getPrototypeOf(probe), 'appendFile').mockImplementationOnce(async () => {
		await appendFile(join(directory, 'r', 'journal.jsonl'), '{"kind":"done","fi');
		throw new Error('the disk is full');
	});
	await probe.close();
	await expect(journal.append({ ...begun, first: 5 })).rejects.toThrow('the disk is full');
	append.mockRestore();
	const next: JournalEntry = { ...begun, first: 9 };
	await journal.append(next);
	const entries: JournalEntry[] = [];
	for await (const entry of journal.entries()) entries.push(entry);
	await journal.close();
	expect(entries).toEqual([begun, next]);
});
