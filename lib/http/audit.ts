import { Witness } from '../audit/completeness.ts';
import { writeCursor } from '../audit/cursor.ts';
import type { AuditLog, AuditLogs, LoggedTable } from '../audit/log.ts';
import { recordIdsOf } from '../audit/record-id.ts';
import { follow, scan, type ScanPorts, type ScanQuery, type Slice } from '../audit/scan.ts';
import type { Scope, ScopedTable } from '../audit/scope.ts';
import { Summary, type Grouping } from '../audit/summary.ts';
import type { Pause } from '../pause.ts';
import type { Clock } from '../time.ts';
import { permits, type Principal } from './access.ts';
import { AUDIT_PARAMETERS, parseAuditRequest, type AuditRequest } from './audit-request.ts';
import { shownCompleteness, shownEntry, shownGroup, type ShownEntry } from './audit-shape.ts';
import { csv, ndjson, streamed } from './audit-stream.ts';
import { failure, json, type Endpoint, type HttpResponse, type RoutedRequest } from './endpoint.ts';
import { sightOf } from './sight.ts';

export interface AuditPorts {
	readonly logs: AuditLogs;
	readonly pause: Pause;
	readonly clock: Clock;
}

/** What was changed, by whom and when: of a database, of a table, and of a record. */
export function auditEndpoints(ports: AuditPorts): readonly Endpoint[] {
	const path = 'custodian/audit/{database}';
	const ofRecord = AUDIT_PARAMETERS.filter((name) => name !== 'id');
	const verbs = { GET: (request: RoutedRequest) => answer(ports, request) };
	return [
		{ path, access: 'view', parameters: AUDIT_PARAMETERS, verbs },
		{ path: `${path}/{table}`, access: 'view', parameters: AUDIT_PARAMETERS, verbs },
		{ path: `${path}/{table}/{id}`, access: 'view', parameters: ofRecord, verbs },
	];
}

/** How long a page may look for its entries, and a summary count. A stream ends with the log. */
const PAGE_MS = 2000;
const SUMMARY_MS = 20_000;
/** About what a page may hold, however few entries that are. */
const PAGE_CHARACTERS = 8_000_000;

async function answer(ports: AuditPorts, request: RoutedRequest): Promise<HttpResponse> {
	const { database = '', table, id } = request.parts;
	const asked = parseAuditRequest(request, ports.clock.now());
	if ('status' in asked) return asked;
	const log = ports.logs.open(database);
	log?.refresh();
	const scope = log && scopeOf(log, request.principal, table);
	if (!log || !scope || (scope.tables.size === 0 && !scope.withDropped)) return missing();
	const search = searchOf(log, scope, asked, id);
	if (search === undefined) return noSuchId();
	if (asked.group !== undefined) return json(200, await summarised(ports, search, asked.group));
	if (asked.format === 'json') return page(ports, search);
	return stream(ports, search);
}

/** What is looked for, and from where. */
interface Search {
	readonly log: AuditLog;
	readonly scope: Scope;
	readonly asked: AuditRequest;
	/** The newest entry of the one record that is asked for; undefined where the log has to be scanned. */
	readonly newest: number | undefined;
}

/** The tables that a user may see of one database, or the one of them that is named. */
export function scopeOf(log: AuditLog, principal: Principal, name: string | undefined): Scope {
	const sight = sightOf(principal);
	const tables = new Map<number, ScopedTable>();
	for (const table of log.tables()) {
		const seen = name === undefined || name === table.name ? sight.of(log.database, table) : undefined;
		if (seen === undefined) continue;
		tables.set(table.tableId, { table, isWhole: seen.isWhole, shows: (attribute) => seen.shows(attribute) });
	}
	// What tables of Harper's own held that are gone may be secret.
	const withDropped = name === undefined && log.database !== 'system' && permits(principal, 'operate');
	return { tables, withDropped };
}

/** Undefined where the text can be no id of the table. */
function searchOf(log: AuditLog, scope: Scope, asked: AuditRequest, id: string | undefined): Search | undefined {
	if (id === undefined) return { log, scope, asked, newest: undefined };
	const [scoped] = scope.tables.values();
	if (scoped === undefined) return undefined;
	const newest = newestOf(log, scoped.table, id);
	if (newest === 'none') return undefined;
	return { log, scope, asked: { ...asked, filter: { ...asked.filter, ids: [id] } }, newest };
}

function newestOf(log: AuditLog, { tableId, primaryKeyType }: LoggedTable, text: string): number | undefined | 'none' {
	const ids = recordIdsOf(text, primaryKeyType);
	if (ids.length === 0) return 'none';
	for (const id of ids) {
		const localTime = log.live(tableId, id)?.localTime;
		if (localTime !== undefined && log.row(localTime) !== undefined) return localTime;
	}
	return undefined;
}

async function page(ports: AuditPorts, search: Search): Promise<HttpResponse> {
	const { log, asked } = search;
	const deadline = ports.clock.monotonic() + PAGE_MS;
	const witness = new Witness();
	const entries: ShownEntry[] = [];
	let [characters, at, isEnd] = [0, asked.cursor?.after, false];
	for await (const slice of slicesOf(search, ports, witness)) {
		at = slice.at ?? at;
		isEnd = slice.isEnd;
		const taken = fitting(slice, log, PAGE_CHARACTERS - characters);
		characters += taken.characters;
		entries.push(...taken.entries);
		witness.see({ ...slice, found: slice.found.slice(0, taken.entries.length) });
		if (taken.entries.length < slice.found.length) {
			at = taken.entries.at(-1)!.localTime;
			isEnd = false;
			break;
		}
		if (ports.clock.monotonic() > deadline && !slice.isEnd && entries.length < asked.limit) {
			witness.leaveOut(leftOf(asked, at));
			break;
		}
	}
	const next = isEnd || at === undefined ? undefined : writeCursor({ ...asked, after: at });
	return json(200, { entries, ...told(ports, search, witness), next });
}

/** At least one, so that every page gets on. */
function fitting({ found }: Slice, log: AuditLog, room: number): { entries: ShownEntry[]; characters: number } {
	const entries: ShownEntry[] = [];
	let characters = 0;
	for (const one of found) {
		if (characters >= room && entries.length > 0) break;
		const entry = shownEntry(one, log);
		characters += JSON.stringify(entry).length;
		entries.push(entry);
	}
	return { entries, characters };
}

function stream(ports: AuditPorts, search: Search): HttpResponse {
	const { log, asked } = search;
	const witness = new Witness();
	let [entries, at, isEnd] = [0, asked.cursor?.after, false];
	const format = asked.format === 'csv' ? csv : ndjson;
	const body = streamed(slicesOf(search, ports, witness), format, {
		show(slice) {
			witness.see(slice);
			entries += slice.found.length;
			at = slice.at ?? at;
			isEnd = slice.isEnd;
			return slice.found.map((one) => shownEntry(one, log));
		},
		end() {
			const next = isEnd || at === undefined ? undefined : writeCursor({ ...asked, after: at });
			return { entries, ...told(ports, search, witness), next };
		},
	});
	return { status: 200, headers: { 'Content-Type': format.contentType, 'Cache-Control': 'no-store' }, body };
}

async function summarised(ports: AuditPorts, search: Search, grouping: Grouping): Promise<object> {
	const deadline = ports.clock.monotonic() + SUMMARY_MS;
	const witness = new Witness();
	const summary = new Summary(grouping);
	let entries = 0;
	const whole = { ...search, asked: { ...search.asked, limit: Infinity } };
	for await (const slice of slicesOf(whole, ports, witness, false)) {
		witness.see(slice);
		for (const found of slice.found) summary.add(found);
		entries += slice.found.length;
		if (ports.clock.monotonic() > deadline && !slice.isEnd) {
			witness.leaveOut(leftOf(search.asked, slice.at));
			break;
		}
	}
	const { ungrouped } = summary;
	const groups = summary.groups().map(shownGroup);
	return { groups, entries, ...(ungrouped > 0 ? { ungrouped } : {}), ...told(ports, search, witness) };
}

/** One record is followed back from its newest entry; whatever has no such way is looked for in all of the span. */
async function* slicesOf(
	{ log, scope, asked, newest }: Search,
	ports: ScanPorts,
	witness: Witness,
	withValues = true
): AsyncGenerator<Slice> {
	const { filter, order, from, to, limit, cursor } = asked;
	const query: ScanQuery = { log, scope, filter, order, from, to, limit, after: cursor?.after, withValues };
	if (newest === undefined) {
		yield* scan(query, ports);
		return;
	}
	if (!(yield* follow(query, newest, ports))) witness.cutOff();
}

function leftOf({ order, from, to }: AuditRequest, at: number | undefined): { from: number; to: number } {
	return order === 'newest' ? { from, to: at ?? to } : { from: at ?? from, to };
}

function told(ports: AuditPorts, { log, scope, asked }: Search, witness: Witness): object {
	const { from, to } = asked;
	return shownCompleteness(witness.tell(log, scope, { from, to }), ports.clock.now());
}

/** The same for a database that is not there, for one that logs nothing, and for what the user may not see. */
export function missing(): HttpResponse {
	const hint = 'It may be misspelt or log nothing, or this user may not read it.';
	return failure(404, 'audit_missing', 'There is no such log.', hint);
}

export function noSuchId(): HttpResponse {
	const hint = 'Where the primary key is a number, the id is one. A list is written as JSON, percent-encoded.';
	return failure(400, 'invalid_id', 'No record of this table can have this id.', hint);
}
