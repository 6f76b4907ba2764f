import { parseSpan } from '../span.ts';
import { instantOf } from '../time.ts';
import type { AuditEntry } from './entry.ts';

type Action = AuditEntry['action'];
type Operation = NonNullable<AuditEntry['operation']>;

/** Which entries are wanted. Whatever is not named does not matter; of several values any one does. */
export interface EntryFilter {
	/** Bounds of the arrival here, in milliseconds; both count as within. */
	readonly since: number | undefined;
	readonly until: number | undefined;
	readonly users: ReadonlySet<string>;
	readonly actions: ReadonlySet<Action>;
	readonly operations: ReadonlySet<Operation>;
	/** By name. */
	readonly nodes: ReadonlySet<string>;
	/** As they were written: which ids they are depends on the table. */
	readonly ids: readonly string[];
	/** Attributes that were written. */
	readonly fields: readonly string[];
	/** The version of a transaction. */
	readonly transaction: number | undefined;
}

/** The query parameters that make a filter. */
export const FILTER_PARAMETERS = [
	'since',
	'until',
	'user',
	'type',
	'operation',
	'node',
	'id',
	'field',
	'transaction',
] as const;

export type ParsedFilter = { readonly filter: EntryFilter } | { readonly problem: string };

/** The most values that one parameter may have. */
const MOST = 100;
const LONGEST = 4096;
const ACTIONS = ['put', 'patch', 'delete', 'message', 'invalidate', 'relocate'] as const satisfies readonly Action[];
const OPERATIONS = ['insert', 'update', 'upsert'] as const satisfies readonly Operation[];

export function parseFilter(query: URLSearchParams, now: number): ParsedFilter {
	const all = (name: (typeof FILTER_PARAMETERS)[number]) => query.getAll(name);
	for (const name of FILTER_PARAMETERS) {
		const values = all(name);
		if (values.length > MOST) return { problem: `${name}: expected ${MOST} values at most.` };
		if (values.some((value) => value === '' || value.length > LONGEST))
			return { problem: `${name}: expected a text of 1 to ${LONGEST} characters.` };
	}
	for (const name of ['since', 'until', 'transaction'] as const) {
		if (all(name).length > 1) return { problem: `${name}: expected one value.` };
	}
	const [since, until] = [momentOf(query.get('since'), now), momentOf(query.get('until'), now)];
	if (since === 'unknown' || until === 'unknown') {
		const name = since === 'unknown' ? 'since' : 'until';
		return { problem: `${name}: expected an instant of ISO 8601, milliseconds since 1970, or a span as -1h.` };
	}
	if (since !== undefined && until !== undefined && since > until)
		return { problem: 'since: expected a moment before until.' };
	const actions = knownOf(all('type'), ACTIONS);
	if (actions === undefined) return { problem: `type: expected ${ACTIONS.join(', ')}.` };
	const operations = knownOf(all('operation'), OPERATIONS);
	if (operations === undefined) return { problem: `operation: expected ${OPERATIONS.join(', ')}.` };
	const transaction = query.get('transaction');
	if (transaction !== null && !/^\d{1,16}(?:\.\d{1,16})?$/.test(transaction))
		return { problem: 'transaction: expected the number that an entry shows as its transaction.' };
	return {
		filter: {
			since,
			until,
			users: new Set(all('user')),
			actions,
			operations,
			nodes: new Set(all('node')),
			ids: all('id'),
			fields: all('field'),
			transaction: transaction === null ? undefined : Number(transaction),
		},
	};
}

/** Before this no date can say a moment. */
const EARLIEST = -8.64e15;

/** A moment as an operator writes it; `-1h` is so long ago. */
export function momentOf(text: string | null, now: number): number | undefined | 'unknown' {
	if (text === null) return undefined;
	if (text === 'now') return now;
	if (/^\d{1,16}(?:\.\d{1,16})?$/.test(text)) return Number(text);
	if (text.startsWith('-')) {
		const span = parseSpan(text.slice(1));
		return span === undefined || now - span < EARLIEST ? 'unknown' : now - span;
	}
	// A plus sign in a query is a blank.
	return instantOf(text.replace(' ', '+')) ?? 'unknown';
}

function knownOf<T extends string>(given: readonly string[], known: readonly T[]): ReadonlySet<T> | undefined {
	const found = given.flatMap((text) => known.find((one) => one === text) ?? []);
	return found.length === given.length ? new Set(found) : undefined;
}
