import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DatabaseTables, TableFacts, TableReading } from '../../metrics/collectors/tables.ts';
import type { TableClass } from './host.ts';
import { type Database, listDatabases, pageBytes } from './stores.ts';

/** About a tenth of a millisecond of work between two turns of the event loop. */
const TABLES_PER_TURN = 25;
/** LMDB keeps two pages of its own at the start of a file. */
const META_PAGES = 2;

export function harperTables(): TableFacts {
	return {
		async read() {
			const readings: DatabaseTables[] = [];
			for (const database of listDatabases()) readings.push(await readTables(database));
			return readings;
		},
	};
}

async function readTables({ name, tables, root, auditStore }: Database): Promise<DatabaseTables> {
	const readings: TableReading[] = [];
	for (let first = 0; first < tables.length; first += TABLES_PER_TURN) {
		if (first > 0) await nextTurn();
		// Every turn needs a read transaction of its own, for the statistics that follow.
		root.getStats();
		for (const [tableName, table] of tables.slice(first, first + TABLES_PER_TURN)) {
			readings.push(readTable(tableName, table));
		}
	}
	const stats = root.getStats();
	const shared = [stats.root, stats.free, auditStore?.db.stat(), root.dbisDb?.db.stat()];
	let usedBytes = META_PAGES * stats.pageSize;
	for (const tree of shared) if (tree !== undefined) usedBytes += pageBytes(tree);
	for (const reading of readings) usedBytes += (reading.sizeBytes ?? 0) + (reading.indexBytes ?? 0);
	const lastPage = stats['lastPageNumber'];
	return {
		name,
		tables: readings,
		usedBytes,
		freeBytes: lastPage === undefined ? undefined : Math.max(0, (lastPage + 1) * stats.pageSize - usedBytes),
	};
}

function readTable(name: string, table: TableClass): TableReading {
	const stats = table.primaryStore.db.stat();
	let indexBytes = 0;
	for (const index of Object.values(table.indices)) {
		if (index.db !== undefined) indexBytes += pageBytes(index.db.stat());
	}
	return { name, sizeBytes: pageBytes(stats), indexBytes, entries: stats.entryCount };
}
