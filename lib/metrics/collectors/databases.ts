import type { Clock } from '../../time.ts';
import type { Collector } from '../collector.ts';
import { type Family, type FamilyDefinition, samples } from '../family.ts';

/** A slot in LMDB's reader table. */
export interface Reader {
	/** Process and thread that own the slot. */
	readonly id: string;
	/** The transaction whose pages it keeps from being reused; undefined while it reads nothing. */
	readonly transactionId?: number | undefined;
}

/** What LMDB says about the file of one database. Counters begin at zero when the process does. */
export interface DatabaseReading {
	readonly name: string;
	readonly fileBytes?: number | undefined;
	readonly auditBytes?: number | undefined;
	readonly auditEntries?: number | undefined;
	readonly mapBytes?: number | undefined;
	readonly lastPage?: number | undefined;
	readonly lastTransactionId?: number | undefined;
	readonly maxReaders?: number | undefined;
	readonly readers?: readonly Reader[] | undefined;
	readonly transactions?: number | undefined;
	readonly puts?: number | undefined;
	readonly deletes?: number | undefined;
	readonly writes?: number | undefined;
	readonly pageFlushes?: number | undefined;
	readonly pagesWritten?: number | undefined;
	readonly startSeconds?: number | undefined;
	readonly duringSeconds?: number | undefined;
	readonly flushSeconds?: number | undefined;
	readonly syncSeconds?: number | undefined;
}

export interface DatabaseFacts {
	/** Every database that has tables, `system` included. */
	read(): readonly DatabaseReading[];
}

const lmdb = 'LMDB: env stat and info';

const gauge = (name: string, help: string, source = lmdb): FamilyDefinition => ({
	name: `harper_database_${name}`,
	type: 'gauge',
	help,
	labels: ['database'],
	source,
});
const counter = (name: string, help: string): FamilyDefinition => ({
	name: `harper_database_${name}_total`,
	type: 'counter',
	help,
	labels: ['database'],
	source: lmdb,
});

type Fact = (database: DatabaseReading) => number | undefined;

/** The families that show one fact each. */
const plain: readonly (readonly [FamilyDefinition, Fact])[] = [
	[
		gauge('size_bytes', 'Size of the file of the database, free pages included; it never shrinks.', 'stat of the file'),
		(database) => database.fileBytes,
	],
	[gauge('audit_size_bytes', 'Pages that the audit log of the database occupies.'), (database) => database.auditBytes],
	[gauge('audit_entries', 'Entries in the audit log of the database.'), (database) => database.auditEntries],
	[
		gauge('map_size_bytes', 'Size of the memory map of the database; LMDB enlarges it as the file grows.'),
		(database) => database.mapBytes,
	],
	[gauge('last_page', 'Number of the last page of the database file in use.'), (database) => database.lastPage],
	[
		gauge('last_transaction_id', 'Number of the newest committed write transaction of the database.'),
		(database) => database.lastTransactionId,
	],
	[
		gauge('readers', 'Slots of the reader table that hold a read transaction now.', 'LMDB: reader list'),
		(database) => database.readers?.filter((reader) => reader.transactionId !== undefined).length,
	],
	[
		gauge('readers_max', 'Slots in the reader table; when all are taken no further thread can read.'),
		(database) => database.maxReaders,
	],
	[
		gauge(
			'oldest_reader_transactions',
			'Write transactions committed since the oldest reader began; pages freed since then cannot be reused and the file grows.',
			'LMDB: reader list'
		),
		(database) => transactionsBehind(database),
	],
	[counter('transactions', 'LMDB transactions begun, reading and writing.'), (database) => database.transactions],
	[
		counter('puts', 'Entries put into the file, those of indexes and of the audit log included.'),
		(database) => database.puts,
	],
	[
		counter('deletes', 'Entries deleted from the file, those of indexes and of the audit log included.'),
		(database) => database.deletes,
	],
	[counter('writes', 'Write calls made to the file of the database.'), (database) => database.writes],
	[counter('page_flushes', 'Times LMDB flushed changed pages to the file.'), (database) => database.pageFlushes],
	[counter('pages_written', 'Pages written to the file of the database.'), (database) => database.pagesWritten],
];

const phaseSeconds: FamilyDefinition = {
	name: 'harper_database_transaction_seconds_total',
	type: 'counter',
	help: 'Time write transactions spent starting (start), at work (during), writing pages (flush) and making them durable (sync).',
	labels: ['database', 'phase'],
	source: lmdb,
};
const phases: readonly (readonly [string, Fact])[] = [
	['start', (database) => database.startSeconds],
	['during', (database) => database.duringSeconds],
	['flush', (database) => database.flushSeconds],
	['sync', (database) => database.syncSeconds],
];

const oldestReaderSeconds: FamilyDefinition = {
	name: 'harper_database_oldest_reader_held_seconds',
	type: 'gauge',
	help: 'For how long, at least, the oldest reader has kept pages from being reused; 0 while no reader is behind.',
	labels: ['database'],
	source: 'LMDB: reader list',
	approximation: 'LMDB records no time: counted from the first scrape of this worker that saw the reader there.',
};

export function databasesCollector(facts: DatabaseFacts, clock: Pick<Clock, 'monotonic'>): Collector {
	let pins: ReadonlyMap<string, Pin> = new Map();
	return {
		name: 'databases',
		definitions: [...plain.map(([definition]) => definition), phaseSeconds, oldestReaderSeconds],
		collect() {
			const databases = facts.read();
			const now = clock.monotonic();
			pins = observePins(pins, databases, now);
			return [
				...plain.map(([definition, fact]) => perDatabase(definition, databases, fact)),
				samples(
					phaseSeconds,
					databases.flatMap((database) =>
						phases.map(([phase, fact]) => [[database.name, phase], fact(database)] as const)
					)
				),
				perDatabase(oldestReaderSeconds, databases, (database) => heldSeconds(database, pins, now)),
			];
		},
	};
}

function perDatabase(definition: FamilyDefinition, databases: readonly DatabaseReading[], fact: Fact): Family {
	return samples(
		definition,
		databases.map((database) => [[database.name], fact(database)])
	);
}

/** 0 when nobody reads: then nothing is kept from reuse. */
function transactionsBehind(database: DatabaseReading): number | undefined {
	if (database.readers === undefined || database.lastTransactionId === undefined) return undefined;
	const oldest = oldestReader(database);
	return oldest === undefined ? 0 : Math.max(0, database.lastTransactionId - oldest.transactionId);
}

/** A reader that holds pages back, and since when we have seen it do so. */
interface Pin {
	readonly reader: string;
	readonly since: number;
}

function observePins(
	before: ReadonlyMap<string, Pin>,
	databases: readonly DatabaseReading[],
	now: number
): ReadonlyMap<string, Pin> {
	const pins = new Map<string, Pin>();
	for (const database of databases) {
		const oldest = oldestReader(database);
		if (oldest === undefined || !transactionsBehind(database)) continue;
		const reader = `${oldest.id} ${oldest.transactionId}`;
		const known = before.get(database.name);
		pins.set(database.name, known?.reader === reader ? known : { reader, since: now });
	}
	return pins;
}

function heldSeconds(database: DatabaseReading, pins: ReadonlyMap<string, Pin>, now: number): number | undefined {
	if (transactionsBehind(database) === undefined) return undefined;
	const pin = pins.get(database.name);
	return pin === undefined ? 0 : (now - pin.since) / 1000;
}

function oldestReader(database: DatabaseReading): { id: string; transactionId: number } | undefined {
	let oldest: { id: string; transactionId: number } | undefined;
	for (const { id, transactionId } of database.readers ?? []) {
		if (transactionId !== undefined && (oldest === undefined || transactionId < oldest.transactionId)) {
			oldest = { id, transactionId };
		}
	}
	return oldest;
}
