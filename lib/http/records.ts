import type { Change } from '../audit/change.ts';
import { readCursor, writeCursor } from '../audit/cursor.ts';
import { pointerOf, type Difference } from '../audit/diff.ts';
import { momentOf } from '../audit/filter.ts';
import {
	flawsAt,
	isWhollyKnown,
	readHistory,
	stateIn,
	versionsBefore,
	type Flaw,
	type History,
	type HistoryPorts,
	type Version,
} from '../audit/history.ts';
import type { AuditLog, AuditLogs, LoggedTable } from '../audit/log.ts';
import { recordIdsOf } from '../audit/record-id.ts';
import type { Attribute, RecordState } from '../audit/replay.ts';
import { toTagged, type Json } from '../record/tagged.ts';
import { failure, json, type Endpoint, type HttpResponse, type RoutedRequest } from './endpoint.ts';
import { limitOf } from './paging.ts';
import { isoOrUndefined } from './render.ts';
import { sightOf, type TableSight } from './sight.ts';

export const RECORD_PARAMETERS = ['at', 'blame', 'limit', 'cursor'] as const;

export interface RecordsPorts extends HistoryPorts {
	readonly logs: AuditLogs;
}

/** One record: its versions, what it was at a moment, and to whom each attribute is owed. */
export function recordsEndpoint(ports: RecordsPorts): Endpoint {
	return {
		path: 'custodian/records/{database}/{table}/{id}',
		access: 'view',
		parameters: RECORD_PARAMETERS,
		verbs: { GET: (request) => answer(ports, request) },
	};
}

/** What an answer is about, and what of it may be shown. */
interface Subject {
	readonly history: History;
	readonly log: AuditLog;
	readonly table: LoggedTable;
	readonly sight: TableSight;
}

async function answer(ports: RecordsPorts, request: RoutedRequest): Promise<HttpResponse> {
	const { query, parts, principal } = request;
	const wanted = parse(query, ports.clock.now());
	if (typeof wanted === 'string') return failure(400, 'invalid_parameter', wanted);
	const { database = '', table: name = '', id = '' } = parts;
	const log = ports.logs.open(database);
	const table = log?.tables().find((one) => one.name === name);
	const sight = table && sightOf(principal).of(database, table);
	if (log === undefined || table === undefined || sight === undefined) return noTable();
	const history = await readHistory(log, table, recordIdsOf(id, table.primaryKeyType), ports);
	if (history === undefined) return noRecord(database, name);
	const subject = { history, log, table, sight };
	return wanted.kind === 'versions' ? versions(subject, wanted, ports) : moment(subject, wanted, ports);
}

type Wanted =
	| { readonly kind: 'versions'; readonly before: number; readonly limit: number }
	| { readonly kind: 'moment'; readonly at: number | undefined; readonly withBlame: boolean };

/** A text is what is wrong. */
function parse(query: URLSearchParams, now: number): Wanted | string {
	const at = momentOf(query.get('at'), now);
	if (at === 'unknown') return 'at: expected an instant of ISO 8601, milliseconds since 1970, or a span as -1h.';
	const blame = query.get('blame');
	if (blame !== null && !['', 'true', 'false'].includes(blame)) return 'blame: expected true or false.';
	const withBlame = blame !== null && blame !== 'false';
	const limit = limitOf(query);
	if (limit === undefined) return 'limit: expected a whole number from 1 to 1000.';
	const written = query.get('cursor');
	const cursor = written === null ? undefined : readCursor(written);
	if (written !== null && cursor?.order !== 'newest') return 'cursor: expected the `next` of an earlier answer.';
	if (at === undefined && !withBlame) return { kind: 'versions', before: cursor?.after ?? Infinity, limit };
	if (query.has('limit') || query.has('cursor')) return 'limit, cursor: these are for the list of versions.';
	return { kind: 'moment', at, withBlame };
}

async function versions(
	subject: Subject,
	wanted: Extract<Wanted, { kind: 'versions' }>,
	ports: RecordsPorts
): Promise<HttpResponse> {
	const { history } = subject;
	const { versions: all, hasMore } = await versionsBefore(history, wanted, ports);
	const shown = fitting(all, subject);
	const found = all.slice(0, shown.length);
	const last = found.at(-1)?.change.localTime;
	const isHidden = found.some(({ differences }) =>
		differences.some(({ path }) => !subject.sight.shows(String(path[0])))
	);
	return json(200, {
		...head(subject),
		versions: shown,
		...((hasMore || shown.length < all.length) && last !== undefined
			? { next: writeCursor({ order: 'newest', after: last, from: 0, to: ports.clock.now() }) }
			: {}),
		...completeness(history.flaws, isHidden),
	});
}

/** About what a page may hold, however few versions that are. */
const PAGE_CHARACTERS = 4_000_000;

/** At least one, so that every page gets on. */
function fitting(all: readonly Version[], subject: Subject): readonly object[] {
	const shown: object[] = [];
	let characters = 0;
	for (const version of all) {
		if (characters >= PAGE_CHARACTERS) break;
		const one = shownVersion(version, subject);
		characters += JSON.stringify(one).length;
		shown.push(one);
	}
	return shown;
}

async function moment(
	subject: Subject,
	{ at, withBlame }: Extract<Wanted, { kind: 'moment' }>,
	ports: RecordsPorts
): Promise<HttpResponse> {
	const { history, sight } = subject;
	const state = await stateIn(history, at ?? Infinity, ports);
	const flaws = flawsAt(history, at ?? Infinity, state);
	const attributes = Array.from(state.attributes).filter(([name]) => sight.shows(name));
	const isHidden = attributes.length < state.attributes.size;
	const isUncertain =
		withBlame && attributes.some(([, attribute]) => isOlder(attribute)) && !history.log.beginsWithCreation;
	const blamed = isUncertain ? [...new Set([...flaws, ...history.flaws])] : flaws;
	return json(200, {
		...head(subject),
		...(at === undefined ? {} : { at: isoOf(at), atMs: at }),
		existence: state.existence,
		...(state.existsSince === undefined ? {} : { existsSince: shownChange(state.existsSince, subject) }),
		...(state.isInvalidated ? { invalidated: true } : {}),
		...(state.expiresAt === undefined ? {} : { expiresAt: isoOf(state.expiresAt) }),
		record: shownRecord(state, attributes),
		unknown: attributes.flatMap(([name, { isKnown }]) => (isKnown ? [] : [name])),
		...(state.isWhole || state.existence === 'absent' ? {} : { mayHaveMore: true }),
		...(withBlame ? { blame: shownBlame(attributes, subject) } : {}),
		...completeness(blamed, isHidden),
	});
}

function head({ history, log, table }: Subject): object {
	return { database: log.database, table: table.name, id: toTagged(history.id) };
}

function completeness(flaws: readonly Flaw[], isHidden: boolean): object {
	const message = 'This user may not read every attribute; the others are left out.';
	const hidden = isHidden ? [{ reason: 'attributes_hidden', message }] : [];
	const gaps = flaws.map(({ to, ...flaw }) => ({ ...flaw, ...(to === undefined ? {} : { to: isoOf(to) }) }));
	return { complete: flaws.length === 0 && !isHidden, gaps: [...gaps, ...hidden] };
}

function shownChange(change: Change, { log }: Subject): object {
	const { localTime, version, action, operation, user, nodeId } = change;
	return {
		at: isoOf(localTime),
		localTime,
		version: isoOf(version),
		transaction: version,
		type: action,
		operation,
		user,
		node: log.nodeName(nodeId),
	};
}

function shownVersion({ change, differences, state }: Version, subject: Subject): object {
	return {
		...shownChange(change, subject),
		...(change.expiresAt === undefined ? {} : { expiresAt: isoOf(change.expiresAt) }),
		...(change.isFitted === true ? { arrivedLate: true } : {}),
		...(change.isUnreadable === true ? { unreadable: true } : {}),
		existence: state.existence,
		changes: differences.filter(({ path }) => subject.sight.shows(String(path[0]))).map(shownDifference),
		whollyKnown: isWhollyKnown(state),
	};
}

function shownDifference({ path, kind, before, after, increment }: Difference): object {
	return {
		path: pointerOf(path),
		change: kind,
		...(before === undefined ? { beforeUnknown: true } : kind === 'added' ? {} : { before: toTagged(before.value) }),
		...(after === undefined ? { afterUnknown: true } : kind === 'removed' ? {} : { after: toTagged(after.value) }),
		...(increment === undefined ? {} : { increment: toTagged(increment) }),
	};
}

type Named = readonly (readonly [string, Attribute])[];

/** Null for a record that is not there; left out where that is not known. */
function shownRecord({ existence }: RecordState, attributes: Named): Json | undefined {
	if (existence !== 'present') return existence === 'absent' ? null : undefined;
	const known = attributes.filter(([, { value, isKnown }]) => isKnown && value !== undefined);
	return Object.fromEntries(known.map(([name, { value }]) => [name, toTagged(value)]));
}

function shownBlame(attributes: Named, subject: Subject): object {
	return Object.fromEntries(
		attributes.map(([name, attribute]) => {
			const { setBy, value, isKnown } = attribute;
			return [
				name,
				{
					...(setBy === undefined ? { before: 'the log begins' } : shownChange(setBy, subject)),
					...(isKnown && value === undefined ? { removed: true } : {}),
					...(setBy !== undefined && isOlder(attribute) ? { mayBeOlder: true } : {}),
				},
			];
		})
	);
}

function isOlder({ setBy, isSetForCertain }: Attribute): boolean {
	return setBy === undefined || !isSetForCertain;
}

/** Beyond what dates can say there is no moment. */
function isoOf(at: number): string | undefined {
	return Math.abs(at) > 8.64e15 ? undefined : isoOrUndefined(at);
}

/** The same for a table that there is not and for one that this user may not see. */
function noTable(): HttpResponse {
	const hint =
		'Of a database no table of which is logged nothing is known; a viewer sees the tables that its role may read.';
	return failure(404, 'table_missing', 'There is no such table.', hint);
}

function noRecord(database: string, table: string): HttpResponse {
	const hint = `If it was evicted, or deleted long ago, GET /custodian/audit/${encodeURIComponent(database)}/${encodeURIComponent(table)}?id=… finds what the log still has of it.`;
	return failure(404, 'record_missing', 'The table knows no such record, not even as a deleted one.', hint);
}
