import { isSame } from '../record/equal.ts';
import type { Key } from '../record/key.ts';
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
	/** In the order of their transactions, which is the order in which they count. */
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
	let step = chain.next();
	for (; step.done !== true; step = chain.next()) changes.push(step.value);
	return { changes: inEffect(changes), beginsWithCreation: step.value };
}

/**
 * The same entry by entry, the newest first, for who does not read them all at once. Ends with whether the last one made
 * the record.
 */
export function* chainFrom(log: AuditLog, newest: number | undefined): Generator<Change, boolean, undefined> {
	const seen = new Set<number>();
	let first: Change | undefined;
	for (let at = newest; at !== undefined;) {
		const bytes = seen.has(at) ? undefined : log.row(at);
		const change = bytes && readChange(log, at, bytes);
		// What is no entry of this record is no predecessor: Harper writes junk where it does not know.
		if (change === undefined || !isOfOneRecord(change, first)) return false;
		first ??= change;
		seen.add(at);
		at = change.previousLocalTime;
		yield change;
	}
	return first !== undefined;
}

/** A key may be greater than that of the entry after it, since a clock may have been set back. */
function isOfOneRecord(one: Change, other: Change = one): boolean {
	return one.tableId === other.tableId && isSame(one.id, other.id);
}

/** The version decides; of one transaction, what was written later. */
export function inEffect(changes: Change[]): readonly Change[] {
	return changes.sort((a, b) => a.version - b.version || a.localTime - b.localTime);
}
