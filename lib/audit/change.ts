import { compareBytes } from '../record/bytes.ts';
import type { Key } from '../record/key.ts';
import { inEffect } from './effect.ts';
import { decodeEntry, recordIdOf, userOf, type AuditEntry } from './entry.ts';
import type { AuditLog, LogRow } from './log.ts';

/** One entry of the log about one record, with what it holds. */
export interface Change {
	/** When it arrived here: its key in the log. */
	readonly localTime: number;
	/** When its transaction was. All changes of a transaction share it. */
	readonly version: number;
	readonly action: AuditEntry['action'];
	readonly operation: AuditEntry['operation'];
	readonly nodeId: number;
	readonly tableId: number;
	readonly id: Key;
	/** Who made it; undefined where nobody is named, as in entries of other nodes. */
	readonly user: string | undefined;
	readonly expiresAt: number | undefined;
	/** Where the entry before it, of the same record, stands; undefined for the first one. */
	readonly previousLocalTime: number | undefined;
	/** A whole record or message, the attributes of a patch, or nothing. */
	readonly values: Readonly<Record<string, unknown>> | undefined;
	/** It came late: `values` are what newer patches left of it, and what it does not name stayed as it was. */
	readonly isFitted?: true;
	/** Its values cannot be read: Harper itself stores some that are damaged, see docs/harper.md. */
	readonly isUnreadable?: true;
}

/** Throws a `RangeError` on bytes that are no entry. */
export function readChange(log: AuditLog, localTime: number, bytes: Uint8Array, entry = decodeEntry(bytes)): Change {
	return changeOf(localTime, bytes, entry, log.valuesOf(bytes, entry));
}

/** Throws a `RangeError` where the id or the user is none. */
export function changeOf(localTime: number, bytes: Uint8Array, entry: AuditEntry, values: Change['values']): Change {
	const { action, operation, version, nodeId, tableId, expiresAt } = entry;
	return {
		localTime,
		version,
		action,
		operation,
		nodeId,
		tableId,
		id: recordIdOf(bytes, entry),
		user: userOf(bytes, entry),
		expiresAt,
		previousLocalTime: previousOf(entry),
		values,
	};
}

/** Harper writes small numbers where it does not know. */
export function previousOf({ previousLocalTime }: AuditEntry): number | undefined {
	return previousLocalTime !== undefined && previousLocalTime > 1 ? previousLocalTime : undefined;
}

/** What the log knows of one record. */
export interface RecordLog {
	/** What had an effect, in the order of its effect: see `inEffect`. */
	readonly changes: readonly Change[];
	/** Whether the first of them made the record: nothing was before it, or what was had been deleted and forgotten. */
	readonly beginsWithCreation: boolean;
}

/**
 * Follows the entries of a record from the newest one back. Those that were superseded when they arrived are not among
 * them: they never had an effect.
 */
export function changesFrom(log: AuditLog, newest: number | undefined): RecordLog {
	const changes: Change[] = [];
	const chain = chainFrom(log, newest);
	for (;;) {
		const { done, value } = chain.next();
		if (done === true) return { changes: inEffect(changes.toReversed()), beginsWithCreation: value };
		changes.push(readWhatCanBe(log, value));
	}
}

/** A change, with its values unless they cannot be read. */
export function readWhatCanBe(log: AuditLog, { localTime, bytes }: LogRow): Change {
	const entry = decodeEntry(bytes);
	try {
		return readChange(log, localTime, bytes, entry);
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		return { ...changeOf(localTime, bytes, entry, undefined), isUnreadable: true };
	}
}

/**
 * Whether no way leads back from an entry of a record, so that any change of it may seem to have made it. Of some ids
 * Harper does not look again what there is when it writes.
 */
export function isChainless({ namesPrevious }: Pick<AuditLog, 'namesPrevious'>, id: Key): boolean {
	return !namesPrevious || id === 0 || id === '' || id === false;
}

/** The rows of a record, the newest one first; in the end, whether the last of them made the record. */
export function* chainFrom(log: AuditLog, newest: number | undefined): Generator<LogRow, boolean> {
	let later: Uint8Array | undefined;
	for (let at = newest; at !== undefined;) {
		const bytes = log.row(at);
		// Harper writes junk where it does not know: a chain that does not go back, or comes to another record, is none.
		if (bytes === undefined || (later !== undefined && !isOfSameRecord(bytes, later))) return false;
		const previous = previousOf(decodeEntry(bytes));
		yield { localTime: at, bytes };
		if (previous === undefined) return !isChainless(log, recordIdOf(bytes, decodeEntry(bytes)));
		if (previous >= at) return false;
		later = bytes;
		at = previous;
	}
	return false;
}

/** Bytes that are no entry are of no record. */
export function isOfSameRecord(bytes: Uint8Array, others: Uint8Array): boolean {
	const [entry, other] = [entryOrNone(bytes), entryOrNone(others)];
	if (entry === undefined || other === undefined || entry.tableId !== other.tableId) return false;
	const { recordId } = entry;
	const { start, end } = other.recordId;
	return compareBytes(bytes, recordId.start, recordId.end, others, start, end) === 0;
}

function entryOrNone(bytes: Uint8Array): AuditEntry | undefined {
	try {
		return decodeEntry(bytes);
	} catch (error) {
		if (error instanceof RangeError) return undefined;
		throw error;
	}
}
