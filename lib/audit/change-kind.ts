import { decodeEntry, type AuditEntry } from './entry.ts';
import type { AuditLog } from './log.ts';

/** What a change did to the record that was there: nothing was, it was changed, or it was removed. */
export type ChangeKind = 'create' | 'overwrite' | 'delete';

/**
 * Undefined for an entry that changed no record: a message, or a write that came too late to count. Reads at most one
 * more row, so the bytes of the row that the entry was read from are no longer good.
 */
export function changeKindOf(log: AuditLog, localTime: number, entry: AuditEntry): ChangeKind | undefined {
	const { action, operation, previousLocalTime: previous } = entry;
	if (action === 'patch') return 'overwrite';
	if (action !== 'put' && action !== 'delete') return undefined;
	if (previous === undefined) return action === 'delete' ? 'delete' : operation === 'update' ? 'overwrite' : 'create';
	// Of what was superseded when it arrived Harper writes a number that leads nowhere.
	if (previous <= 1 || previous >= localTime) return undefined;
	if (action === 'delete') return 'delete';
	const bytes = log.row(previous);
	return bytes !== undefined && decodeEntry(bytes).action === 'delete' ? 'create' : 'overwrite';
}
