import { statSync } from 'node:fs';
import type { DatabaseFacts, DatabaseReading, Reader } from '../../metrics/collectors/databases.ts';
import { numberIn } from './fields.ts';
import type { RootStore } from './host.ts';
import { type Database, listDatabases, pageBytes } from './stores.ts';

export function harperDatabases(): DatabaseFacts {
	const sizes = new WeakMap<RootStore, Sizes>();
	return { read: () => listDatabases().flatMap((database) => readIfOpen(database, sizes)) };
}

/** What only a write transaction changes. */
interface Sizes extends Pick<DatabaseReading, 'auditBytes' | 'auditEntries' | 'fileBytes'> {
	readonly lastTransactionId: number | undefined;
}

/** A database may be dropped under our hands; the others are not touched by that. */
function readIfOpen(database: Database, sizes: WeakMap<RootStore, Sizes>): DatabaseReading[] {
	try {
		return [readDatabase(database, sizes)];
	} catch (error) {
		if (error instanceof Error && /closed/.test(error.message)) return [];
		throw error;
	}
}

function readDatabase(database: Database, known: WeakMap<RootStore, Sizes>): DatabaseReading {
	const { name, root } = database;
	const stats = root.env.info();
	const lastTransactionId = numberIn(stats, 'lastTxnId');
	let sizes = known.get(root);
	if (sizes === undefined || sizes.lastTransactionId !== lastTransactionId) {
		sizes = { lastTransactionId, ...readSizes(database) };
		known.set(root, sizes);
	}
	return {
		name,
		...sizes,
		mapBytes: numberIn(stats, 'mapSize'),
		lastPage: numberIn(stats, 'lastPageNumber'),
		maxReaders: numberIn(stats, 'maxReaders'),
		readers: parseReaderList(root.readerList()),
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
	};
}

function readSizes({ root, auditStore }: Database): Omit<Sizes, 'lastTransactionId'> {
	if (auditStore) root.getStats();
	const audit = auditStore?.db.stat();
	return { auditBytes: audit && pageBytes(audit), auditEntries: audit?.entryCount, fileBytes: fileBytes(root.path) };
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
