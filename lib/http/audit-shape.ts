import type { Completeness, Gap } from '../audit/completeness.ts';
import type { AuditLog } from '../audit/log.ts';
import type { Found } from '../audit/scan.ts';
import type { ScopedTable } from '../audit/scope.ts';
import type { Group } from '../audit/summary.ts';
import { toTagged, type Json } from '../record/tagged.ts';
import { isoOrUndefined } from './render.ts';

/** An entry as clients see it: instants in ISO 8601 beside the numbers that name rows and transactions. */
export interface ShownEntry {
	readonly at: string | undefined;
	readonly localTime: number;
	readonly transaction: number;
	readonly table: string | undefined;
	readonly id: Json;
	readonly type: string;
	readonly operation: string | undefined;
	readonly user: string | undefined;
	readonly node: string | undefined;
	readonly expiresAt: string | undefined;
	readonly values: Json | undefined;
}

export function shownEntry({ change, table }: Found, log: AuditLog): ShownEntry {
	const { localTime, version, id, action, operation, user, nodeId, expiresAt, values } = change;
	return {
		at: isoOf(localTime),
		localTime,
		transaction: version,
		table: table?.table.name,
		id: toTagged(id),
		type: action,
		operation,
		user,
		node: log.nodeName(nodeId),
		expiresAt: isoOf(expiresAt),
		values: values === undefined || table === undefined ? undefined : shownValues(values, table),
	};
}

/** Values as tagged JSON, as far as they may be seen. */
function shownValues(
	values: Readonly<Record<string, unknown>>,
	{ isWhole, shows }: Pick<ScopedTable, 'isWhole' | 'shows'>
): Json {
	const seen = isWhole ? Object.entries(values) : Object.entries(values).filter(([name]) => shows(name));
	return Object.fromEntries(seen.map(([name, value]) => [name, toTagged(value)]));
}

export function shownCompleteness({ complete, window, gaps }: Completeness, now: number): object {
	return {
		complete,
		window: { from: isoOf(window.from), to: isoOf(Math.min(window.to, now)) },
		gaps: gaps.map(shownGap),
	};
}

export function shownGroup({ first, last, recordsAreLeast, ...group }: Group): object {
	return {
		...group,
		...(recordsAreLeast ? { recordsAreLeast } : {}),
		first: isoOf(first),
		last: isoOf(last),
	};
}

function shownGap({ from, to, ...gap }: Gap): object {
	return { ...gap, from: isoOf(from), to: isoOf(to) };
}

/** Beyond what dates can say there is no moment. */
function isoOf(at: number | undefined): string | undefined {
	return at === undefined || Math.abs(at) > 8.64e15 ? undefined : isoOrUndefined(at);
}
