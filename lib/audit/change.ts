import { compareBytes } from '../record/bytes.ts';
import type { Key } from '../record/key.ts';
import { inEffect } from './effect.ts';
import { decodeEntry, recordIdOf, userOf, type AuditEntry } from './entry.ts';
import type { AuditLog } from './log.ts';

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
}

/** Throws a `RangeError` on bytes that are no entry. */
export function readChange(log: AuditLog, localTime: number, bytes: Uint8Array, entry = decodeEntry(bytes)): Change {
	const { action, operation, version, nodeId, tableId, expiresAt, previousLocalTime } = entry;
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
		// Harper writes small numbers where it does not know.
		previousLocalTime: previousLocalTime !== undefined && previousLocalTime > 1 ? previousLocalTime : undefined,
		values: log.valuesOf(bytes, entry),
	};
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
	let at = newest;
	let later: Uint8Array | undefined;
	while (at !== undefined) {
		const bytes = log.row(at);
		// Harper writes junk where it does not know: a chain that does not go back, or comes to another record, is none.
		if (bytes === undefined || (later !== undefined && !isOfSameRecord(bytes, later))) break;
		const change = readChange(log, at, bytes);
		changes.push(change);
		const previous = change.previousLocalTime;
		if (previous !== undefined && previous >= at) break;
		if (previous === undefined) return { changes: inEffect(changes.toReversed()), beginsWithCreation: true };
		later = bytes;
		at = previous;
	}
	return { changes: inEffect(changes.toReversed()), beginsWithCreation: false };
}

function isOfSameRecord(bytes: Uint8Array, others: Uint8Array): boolean {
	const { tableId, recordId } = decodeEntry(bytes);
	const other = decodeEntry(others);
	if (tableId !== other.tableId) return false;
	const { start, end } = other.recordId;
	return compareBytes(bytes, recordId.start, recordId.end, others, start, end) === 0;
}
