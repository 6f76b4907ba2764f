import type { AuditLogs } from '../audit/log.ts';
import { newestBefore, newestUntil } from '../audit/tail.ts';
import type { Bookmark } from './bookmark.ts';

type Positions = Bookmark['positions'];

/** Where the logs of all databases stood at a moment. */
export function positionsAt(logs: AuditLogs, at: number): Positions {
	return positions(logs, (log) => newestUntil(log, at));
}

/** Where they stood before an entry of one of them. */
export function positionsBefore(logs: AuditLogs, key: number): Positions {
	return positions(logs, (log) => newestBefore(log, key));
}

function positions(
	logs: AuditLogs,
	positionIn: (log: NonNullable<ReturnType<AuditLogs['open']>>) => number | undefined
) {
	const found: [string, number][] = [];
	for (const database of logs.databases()) {
		const log = logs.open(database);
		log?.refresh();
		const position = log && positionIn(log);
		if (position !== undefined) found.push([database, position]);
	}
	return Object.fromEntries(found);
}
