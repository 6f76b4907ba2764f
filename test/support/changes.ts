import type { Change, RecordLog } from '../../lib/audit/change.ts';
import { inEffect } from '../../lib/audit/effect.ts';
import type { LiveRecord } from '../../lib/audit/log.ts';

/** A change of one record, at a moment that is its version unless said otherwise. */
export function changeOf(parts: Partial<Change> & Pick<Change, 'version' | 'action'>): Change {
	return {
		localTime: parts.version,
		operation: undefined,
		nodeId: 0,
		tableId: 1,
		id: 'a',
		user: 'somebody',
		expiresAt: undefined,
		previousLocalTime: undefined,
		values: undefined,
		...parts,
	};
}

/** What the log has of a record, from its making; in the order of arrival. */
export function wholeLog(...changes: readonly Change[]): RecordLog {
	return { changes: inEffect(changes), beginsWithCreation: true };
}

/** What the log has of a record, where what was before has been removed. */
export function purgedLog(...changes: readonly Change[]): RecordLog {
	return { changes: inEffect(changes), beginsWithCreation: false };
}

export function liveOf(values: LiveRecord['values'], parts: Partial<LiveRecord> = {}): LiveRecord {
	return { version: 1, localTime: 1, values, isInvalidated: false, expiresAt: undefined, ...parts };
}
