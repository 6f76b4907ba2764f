import { decodeEntry } from '../audit/entry.ts';
import type { AuditLog } from '../audit/log.ts';
import type { RecordWrite } from './apply.ts';

/** Whether a record has an entry of this version that came after the one that the plan saw. */
export function hasChange(log: AuditLog, { tableId, id, expected }: RecordWrite, version: number): boolean {
	const seen = expected?.localTime ?? 0;
	let at = log.live(tableId, id)?.localTime;
	while (at !== undefined && at > seen) {
		const bytes = log.row(at);
		if (bytes === undefined) return false;
		const entry = decodeEntry(bytes);
		if (entry.version === version) return true;
		const previous: number | undefined = entry.previousLocalTime;
		// A chain that does not go back is none.
		at = previous !== undefined && previous < at ? previous : undefined;
	}
	return false;
}
