import type { AuditLog } from '../../audit/log.ts';
import { CustodianError, messageOf } from '../../errors.ts';
import { BlobReference } from '../../record/blob.ts';
import { isPlain } from '../../record/equal.ts';
import type { RecordWrite, RecordWriter, WriteOutcome } from '../../revert/apply.ts';
import { hasChange } from '../../revert/has-change.ts';
import { dateOf, toIso, type Clock } from '../../time.ts';
import { pause } from '../timers.ts';
import { blobBytes } from './blob-bytes.ts';
import {
	harperHost,
	type Attribute,
	type PendingWrite,
	type StoredEntry,
	type TableClass,
	type WriteContext,
	type WriteTransaction,
} from './host.ts';
import { listDatabases } from './stores.ts';

/** With so many retries Harper commits at once while nobody else can write: see docs/harper.md. */
const EXCLUSIVELY = 7;

/** How many records are prepared before others have a turn. */
const TURN_RECORDS = 16;

/**
 * Writes records of a database through its tables, as an application does, so that indexes, the audit log and
 * replication follow. Each write looks once more at what it replaces when nobody else can write any more.
 */
export function harperRecordWriter(log: AuditLog, clock: Clock): RecordWriter {
	const { database } = log;
	return {
		async write(writes, { version, user }) {
			const tables = tablesOf(database);
			const values = await Promise.all(writes.map((write) => valuesFor(database, write)));
			const report = new Report(clock);
			const context: WriteContext = { user: { username: user }, timestamp: version, source: {} };
			await harperHost().transaction(context, async (transaction) => {
				for (const [index, write] of writes.entries()) {
					const table = tables.get(write.tableId);
					const own = values[index];
					if (table === undefined) report.impossible(index, TABLE_GONE);
					else if (own === undefined) report.impossible(index, BLOB_GONE);
					else {
						await request(table, write, own, { ...context, transaction });
						guard(pendingOf(transaction, write), write, (commit) => report.committing(index, commit));
					}
					if (index % TURN_RECORDS === TURN_RECORDS - 1) await pause();
				}
				if (transaction.writes.length > 0) await transaction.commit({ doneWriting: true, retries: EXCLUSIVELY });
			});
			return { outcomes: report.outcomes, heldMs: report.heldMs };
		},
		hasChange(write, version) {
			log.refresh();
			return hasChange(log, write, version);
		},
	};
}

/** Has Harper prepare a write; nothing is written yet. */
async function request(
	table: TableClass,
	write: RecordWrite,
	values: Record<string, unknown> | null,
	context: WriteContext
): Promise<void> {
	const { id, expiresAt } = write;
	const own = expiresAt === undefined ? context : { ...context, expiresAt };
	const resource = await table.getResource(id, own, { ensureLoaded: false });
	// oxlint-disable no-underscore-dangle -- Harper calls them so
	if (values === null) resource._writeDelete(id);
	else resource._writeUpdate(id, withTimes(table, write, values, context.timestamp), true);
	// oxlint-enable no-underscore-dangle
}

/** Lets a write happen only if what it replaces is what it expects. */
function guard(pending: PendingWrite, { expected }: RecordWrite, report: (commit: () => WriteOutcome) => void): void {
	const commit = pending.commit.bind(pending);
	pending.commit = (version, entry, retries) =>
		report(() => {
			if (!isSame(expected, entry)) return { kind: 'drifted' };
			try {
				commit(version, entry, retries);
				return { kind: 'written' };
			} catch (error) {
				return { kind: 'impossible', why: `Harper does not write it: ${messageOf(error)}.` };
			}
		});
}

/** What becomes of each write of a transaction, and how long making them takes. */
class Report {
	readonly outcomes: WriteOutcome[] = [];
	readonly #clock: Clock;
	#begunAt: number | undefined;
	#endedAt = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	get heldMs(): number {
		return this.#begunAt === undefined ? 0 : this.#endedAt - this.#begunAt;
	}

	impossible(index: number, why: string): void {
		this.outcomes[index] = { kind: 'impossible', why };
	}

	/** The last time counts, should Harper try again. */
	committing(index: number, commit: () => WriteOutcome): void {
		this.#begunAt ??= this.#clock.monotonic();
		this.outcomes[index] = commit();
		this.#endedAt = this.#clock.monotonic();
	}
}

const TABLE_GONE = 'Its table has been dropped.';
const BLOB_GONE = 'The file of a blob that it held is gone.';

function tablesOf(database: string): ReadonlyMap<number, TableClass> {
	const found = listDatabases().find(({ name }) => name === database);
	return new Map(found?.tables.map(([, table]) => [table.tableId, table]));
}

function isSame(expected: RecordWrite['expected'], entry: StoredEntry | undefined | null): boolean {
	if (expected === undefined || entry?.version === undefined) return expected === undefined && !entry;
	// A late patch changes a record, and not its version.
	return entry.version === expected.version && (entry.localTime ?? undefined) === expected.localTime;
}

/** The write that was just asked for. That Harper keeps them so is what this stands on. */
function pendingOf({ writes }: WriteTransaction, { table }: RecordWrite): PendingWrite {
	const last = writes.at(-1);
	if (last && typeof last.commit === 'function') return last;
	const hint = 'This version of Harper is not known to harper-custodian. Nothing was written.';
	throw new CustodianError('unsupported', table, 'Harper does not say what it is going to write.', { hint });
}

/** `null` for a record that is to be deleted, undefined for one that held a blob which is gone. */
async function valuesFor(
	database: string,
	{ values }: RecordWrite
): Promise<Record<string, unknown> | null | undefined> {
	if (values === null) return null;
	try {
		// A historic blob that is put back as it is goes with its old entry; a copy of its own stays.
		const copied = await withFreshBlobs(database, values);
		return { ...copied };
	} catch (error) {
		if (error instanceof BlobGone) return undefined;
		throw error;
	}
}

class BlobGone extends Error {}

async function withFreshBlobs(database: string, values: Readonly<Record<string, unknown>>) {
	const copy: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(values)) {
		copy[name] = holdsBlob(value) ? await withFreshBlob(database, value) : value;
	}
	return copy;
}

async function withFreshBlob(database: string, value: unknown): Promise<unknown> {
	if (value instanceof BlobReference) {
		const bytes = await blobBytes(database, value);
		if (bytes === undefined) throw new BlobGone();
		const { type } = value.properties;
		return harperHost().createBlob(Buffer.from(bytes), {
			...(typeof type === 'string' ? { type } : {}),
			saveBeforeCommit: true,
		});
	}
	if (Array.isArray(value)) return Promise.all(value.map((member) => withFreshBlob(database, member)));
	return isPlain(value) ? withFreshBlobs(database, value) : value;
}

function holdsBlob(value: unknown): boolean {
	if (value instanceof BlobReference) return true;
	if (Array.isArray(value)) return value.some(holdsBlob);
	return isPlain(value) && Object.values(value).some(holdsBlob);
}

/** The times that Harper would have set: when it was written is now, when it was made stays. */
function withTimes(
	{ primaryKey, updatedTimeProperty: updated, createdTimeProperty: created }: TableClass,
	{ id }: RecordWrite,
	values: Record<string, unknown>,
	version: number
): object {
	values[primaryKey] ??= id;
	if (updated) values[updated.name] = timeFor(updated, version);
	if (created) values[created.name] ??= timeFor(created, version);
	return values;
}

function timeFor({ type }: Attribute, version: number): unknown {
	if (type === 'Date') return dateOf(version);
	return type === 'String' ? toIso(version) : version;
}
