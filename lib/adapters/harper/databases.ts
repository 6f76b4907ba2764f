import { statSync } from 'node:fs';
import type { DatabaseFacts, DatabaseReading, Reader } from '../../metrics/collectors/databases.ts';
import { numberIn } from './fields.ts';
import { type Database, listDatabases, pageBytes } from './stores.ts';

export function harperDatabases(): DatabaseFacts {
	return { read: async () => listDatabases().flatMap(readIfOpen) };
}

/** A database may be dropped under our hands; the others are not touched by that. */
function readIfOpen(database: Database): DatabaseReading[] {
	try {
		return [readDatabase(database)];
	} catch (error) {
		if (error instanceof Error && error.message.includes('closed database')) return [];
		throw error;
	}
}

function readDatabase({ name, root, auditStore }: Database): DatabaseReading {
	const stats = root.getStats();
	const audit = auditStore?.db.stat();
	const readers = parseReaderList(root.readerList());
	return {
		name,
		auditBytes: audit && pageBytes(audit),
		auditEntries: audit?.entryCount,
		mapBytes: numberIn(stats, 'mapSize'),
		lastPage: numberIn(stats, 'lastPageNumber'),
		lastTransactionId: numberIn(stats, 'lastTxnId'),
		maxReaders: numberIn(stats, 'maxReaders'),
		readers,
		transactions: numberIn(stats, 'txns'),
		puts: numberIn(stats, 'puts'),
		deletes: numberIn(stats, 'deletes'),
		writes: numberIn(stats, 'writes'),
		pageFlushes: numberIn(stats, 'pageFlushes'),
		pagesWritten: numberIn(stats, 'pagesWritten'),
		startSeconds: numberIn(stats, 'timeStartTxns'),
		duringSeconds: numberIn(stats, 'timeDuringTxns'),
		flushSeconds: numberIn(stats, 'timePageFlushes'),
		syncSeconds: numberIn(stats, 'timeSync'),
		// Not timeTxnWaiting, which LMDB counts per thread: every worker would show its own.
		fileBytes: fileBytes(root.path),
	};
}

/** Synchronous: the file is open and mapped, so the kernel answers from memory. A dropped database has no size. */
function fileBytes(path: string): number | undefined {
	return statSync(path, { throwIfNoEntry: false })?.size;
}

/** Lines of `pid thread txnid`, the last being `-` in an idle slot; any other line is a heading. */
export function parseReaderList(text: string): readonly Reader[] {
	const readers: Reader[] = [];
	for (const line of text.split('\n')) {
		const [, process, thread, transaction] = /^\s*(\d+)\s+([0-9a-f]+)\s+(\d+|-)\s*$/.exec(line) ?? [];
		if (transaction === undefined) continue;
		readers.push({
			id: `${process}/${thread}`,
			transactionId: transaction === '-' ? undefined : Number(transaction),
		});
	}
	return readers;
}
