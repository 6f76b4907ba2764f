import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { journalEntry, type Journal } from '../../revert/journal.ts';
import { named, syncDirectory } from './folder.ts';
import { linesOf } from './lines.ts';

/** Opens the journal of a revert beside its plan; begins one where there is none. */
export async function openJournal(folder: string, revert: string): Promise<Journal> {
	const own = join(folder, named(revert));
	await mkdir(own, { recursive: true, mode: 0o700 });
	const file = await open(join(own, 'journal.jsonl'), 'a+', 0o600);
	let length = 0;
	for await (const line of linesOf(file, 0)) length += line.length + 1;
	// What was being written when the power failed is no entry; what it announced was not begun.
	await file.truncate(length);
	await syncDirectory(own);
	let isTorn = false;
	return {
		async *entries() {
			for await (const line of linesOf(file, 0)) yield journalEntry(line.toString());
		},
		async append(...entries) {
			const lines = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
			// What an earlier one that failed has left would spoil the first line.
			if (isTorn) await file.truncate(length);
			isTorn = true;
			await file.appendFile(lines);
			await file.datasync();
			isTorn = false;
			length += lines.length;
		},
		close: () => file.close(),
	};
}
