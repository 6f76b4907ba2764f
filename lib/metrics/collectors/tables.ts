import type { Collector } from '../collector.ts';
import { type FamilyDefinition, samples } from '../family.ts';

export interface TableReading {
	readonly name: string;
	/** Pages of the records alone. */
	readonly sizeBytes?: number | undefined;
	readonly indexBytes?: number | undefined;
	/** Keys in the record store, tombstones included. */
	readonly entries?: number | undefined;
}

export interface DatabaseTables {
	readonly name: string;
	readonly tables: readonly TableReading[];
	/** Pages in use by records, indexes, audit log and LMDB's own trees. */
	readonly usedBytes?: number | undefined;
	/** Pages of the file that hold nothing now and are reused before the file grows. */
	readonly freeBytes?: number | undefined;
}

export interface TableFacts {
	/** Every database that has tables, `system` included. May take a while over many tables, but yields between them. */
	read(): Promise<readonly DatabaseTables[]>;
}

const source = 'LMDB: stat of each store';

const tableSize: FamilyDefinition = {
	name: 'harper_table_size_bytes',
	type: 'gauge',
	help: 'Pages that the records of the table occupy; indexes, audit log and blob files are not in it.',
	labels: ['database', 'table'],
	source,
};
const indexSize: FamilyDefinition = {
	name: 'harper_table_index_size_bytes',
	type: 'gauge',
	help: 'Pages that the indexes of the table occupy, all of them together.',
	labels: ['database', 'table'],
	source,
};
const entries: FamilyDefinition = {
	name: 'harper_table_entries',
	type: 'gauge',
	help: 'Entries in the table, tombstones of deleted records included, so it can be well above the number of records.',
	labels: ['database', 'table'],
	source,
};
const used: FamilyDefinition = {
	name: 'harper_database_used_bytes',
	type: 'gauge',
	help: 'Bytes of the database file that hold records, indexes or audit log now.',
	labels: ['database'],
	source,
	approximation: 'Sum over the stores that this worker has opened; an index that it never opened is missing.',
};
const free: FamilyDefinition = {
	name: 'harper_database_free_bytes',
	type: 'gauge',
	help: 'Bytes of the database file that writes can reuse before it grows, once no reader needs them.',
	labels: ['database'],
	source,
	approximation: 'Pages of the file less the used ones, so what is missing there is counted here.',
};

export function tablesCollector(facts: TableFacts): Collector {
	return {
		name: 'tables',
		definitions: [tableSize, indexSize, entries, used, free],
		minIntervalMs: 60_000,
		async collect() {
			const databases = await facts.read();
			const perTable = (definition: FamilyDefinition, value: (table: TableReading) => number | undefined) =>
				samples(
					definition,
					databases.flatMap((database) =>
						database.tables.map((table) => [[database.name, table.name], value(table)] as const)
					)
				);
			return [
				perTable(tableSize, (table) => table.sizeBytes),
				perTable(indexSize, (table) => table.indexBytes),
				perTable(entries, (table) => table.entries),
				samples(
					used,
					databases.map((database) => [[database.name], database.usedBytes])
				),
				samples(
					free,
					databases.map((database) => [[database.name], database.freeBytes])
				),
			];
		},
	};
}
