import { readCursor, type Cursor, type Order } from '../audit/cursor.ts';
import { FILTER_PARAMETERS, parseFilter, type EntryFilter } from '../audit/filter.ts';
import { groupings, type Grouping } from '../audit/summary.ts';
import { failure, type HttpResponse, type RoutedRequest } from './endpoint.ts';
import { limitOf } from './paging.ts';

const formats = ['json', 'ndjson', 'csv'] as const;
type Format = (typeof formats)[number];

/** What is asked of the audit log, understood. */
export interface AuditRequest {
	readonly filter: EntryFilter;
	readonly order: Order;
	readonly cursor: Cursor | undefined;
	/** The arrival of entries; both bounds count. */
	readonly from: number;
	readonly to: number;
	readonly format: Format;
	/** Of a stream it is as much as there is, unless it says otherwise. */
	readonly limit: number;
	readonly group: Grouping | undefined;
}

export const AUDIT_PARAMETERS = [...FILTER_PARAMETERS, 'order', 'limit', 'cursor', 'format', 'group'];

/** Later than any entry. */
const FOREVER = 8.64e15;

/** Parses the query, or says what is wrong with it. */
export function parseAuditRequest({ query, header }: RoutedRequest, now: number): AuditRequest | HttpResponse {
	const parsed = parseFilter(query, now);
	if ('problem' in parsed) return invalid(parsed.problem);
	const { filter } = parsed;
	const cursorText = query.get('cursor');
	const cursor = cursorText === null ? undefined : readCursor(cursorText);
	if (cursorText !== null && cursor === undefined) return invalid('cursor: expected the `next` of an earlier answer.');
	const order = query.get('order') ?? cursor?.order ?? 'newest';
	if (order !== 'newest' && order !== 'oldest') return invalid('order: expected newest or oldest.');
	if (cursor !== undefined && cursor.order !== order) return invalid('cursor: it was given for another order.');
	const format = formatOf(query.get('format'), header('accept'));
	if (format === undefined) return invalid(`format: expected ${formats.join(', ')}.`);
	const limit = format === 'json' ? limitOf(query) : streamLimitOf(query);
	if (limit === undefined) return invalid('limit: expected a whole number, for JSON from 1 to 1000.');
	const written = query.get('group');
	const group = groupings.find((known) => known === written);
	if (written !== null && group === undefined) return invalid(`group: expected ${groupings.join(', ')}.`);
	if (group !== undefined && (cursor !== undefined || query.has('limit') || format !== 'json'))
		return invalid('group: expected no cursor and no limit beside it, and JSON.');
	const { from, to } = cursor ?? { from: filter.since ?? 0, to: filter.until ?? FOREVER };
	return { filter, order, cursor, from, to, format, limit, group };
}

/** A parameter decides; else the first of our types that the client names. */
function formatOf(written: string | null, accept: string | undefined): Format | undefined {
	if (written !== null) return formats.find((known) => known === written);
	for (const range of (accept ?? '').slice(0, 1000).split(',')) {
		const type = range.split(';')[0]!.trim().toLowerCase();
		if (type === 'application/x-ndjson' || type === 'application/jsonl') return 'ndjson';
		if (type === 'text/csv') return 'csv';
		if (type === 'application/json') return 'json';
	}
	return 'json';
}

function streamLimitOf(query: URLSearchParams): number | undefined {
	const written = query.get('limit');
	if (written === null) return Infinity;
	return /^[1-9]\d{0,11}$/.test(written) ? Number(written) : undefined;
}

function invalid(problem: string): HttpResponse {
	return failure(400, 'invalid_parameter', problem);
}
