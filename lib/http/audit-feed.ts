import { changeOf } from '../audit/change.ts';
import { readCursor, writeCursor } from '../audit/cursor.ts';
import { parseFilter, type EntryFilter } from '../audit/filter.ts';
import type { LiveRequest, LiveRow } from '../audit/live-feed.ts';
import type { LiveLogs } from '../audit/live-logs.ts';
import type { AuditLog, AuditLogs } from '../audit/log.ts';
import { Matcher } from '../audit/match.ts';
import { recordIdsOf } from '../audit/record-id.ts';
import type { Found } from '../audit/scan.ts';
import type { Scope } from '../audit/scope.ts';
import { toIso, type Clock } from '../time.ts';
import type { Principal } from './access.ts';
import { missing, noSuchId, scopeOf } from './audit.ts';
import { shownEntry } from './audit-shape.ts';
import { failure, type Endpoint, type HttpResponse, type RoutedRequest } from './endpoint.ts';

export interface AuditFeedPorts {
	readonly logs: AuditLogs;
	readonly live: LiveLogs;
	readonly clock: Clock;
}

/** Lets what answers questions about the log be followed as well, with the same filters. */
export function withFeeds(endpoints: readonly Endpoint[], ports: AuditFeedPorts): readonly Endpoint[] {
	return endpoints.map((endpoint) => ({
		...endpoint,
		verbs: { ...endpoint.verbs, CONNECT: (request: RoutedRequest) => follow(ports, request) },
	}));
}

/** Later than any entry. */
const FOREVER = 8.64e15;
/** What only an answer that ends can obey. */
const OF_ANSWERS = ['until', 'order', 'limit', 'format', 'group'];
const RETRY_SECONDS = '30';
const EVENT_STREAM = {
	'Content-Type': 'text/event-stream',
	'Cache-Control': 'no-store',
	// A proxy that gathers bytes would keep the news from the client.
	'X-Accel-Buffering': 'no',
};

function follow({ logs, live, clock }: AuditFeedPorts, request: RoutedRequest): HttpResponse {
	const { principal, parts } = request;
	const { database = '', table, id } = parts;
	const asked = parse(request, clock.now());
	if ('status' in asked) return asked;
	const log = logs.open(database);
	log?.refresh();
	const scope = log && scopeOf(log, principal, table);
	if (!scope || (scope.tables.size === 0 && !scope.withDropped)) return missing();
	const [only] = scope.tables.values();
	if (id !== undefined && recordIdsOf(id, only?.table.primaryKeyType).length === 0) return noSuchId();
	if (live.isFull) {
		const message = 'This worker serves as many feeds as it can.';
		return failure(503, 'too_many_feeds', message, 'Try again later.', { 'Retry-After': RETRY_SECONDS });
	}
	const filter = id === undefined ? asked.filter : { ...asked.filter, ids: [id] };
	const view = new View({ principal, table, filter, clock });
	const feed = live.follow(database, {
		after: asked.after,
		show: (row) => view.show(row),
		showLost,
		cursorOf: (after) => writeCursor({ order: 'oldest', after, from: filter.since ?? 0, to: FOREVER }),
	});
	return feed === undefined ? missing() : { status: 200, headers: EVENT_STREAM, body: '', feed };
}

interface Asked {
	readonly filter: EntryFilter;
	/** The row behind which to begin; undefined to begin now. */
	readonly after: number | undefined;
}

function parse({ query, header }: RoutedRequest, now: number): Asked | HttpResponse {
	const unfit = OF_ANSWERS.find((name) => query.has(name));
	if (unfit !== undefined) return invalid(`${unfit}: a feed goes on, and has none.`);
	const parsed = parseFilter(query, now);
	if ('problem' in parsed) return invalid(parsed.problem);
	const { filter } = parsed;
	// A browser that comes back asks what it asked at first, and says in the header how far it came.
	const written = header('last-event-id') ?? query.get('cursor') ?? undefined;
	const cursor = written === undefined ? undefined : readCursor(written);
	if (written !== undefined && cursor?.order !== 'oldest')
		return invalid('cursor: expected one of a feed, or the `next` of an answer in the order oldest.');
	// Whatever arrived at that very moment belongs to it.
	const since = filter.since === undefined ? undefined : Math.max(0, filter.since - 0.001);
	return { filter, after: cursor?.after ?? since };
}

function invalid(problem: string): HttpResponse {
	return failure(400, 'invalid_parameter', problem);
}

const showLost: LiveRequest['showLost'] = (from, to) => ({
	reason: 'removed_by_retention',
	message: 'Harper has removed the entries of this time: `logging.auditRetention` says how long it keeps them.',
	...(from > 0 ? { from: toIso(from) } : {}),
	to: toIso(to),
});

/** Tables come and go while a feed lasts. */
const LOOK_AGAIN_MS = 1000;

interface Viewer {
	readonly principal: Principal;
	/** Undefined for all tables that he may see. */
	readonly table: string | undefined;
	readonly filter: EntryFilter;
	readonly clock: Clock;
}

/** What one user is shown of the log, by his filter. */
class View {
	readonly #asked: Viewer;
	#lookedAt = -Infinity;
	#known: ReadonlySet<number> = new Set();
	#scope: Scope = { tables: new Map(), withDropped: false };
	#matcher: Matcher | undefined;

	constructor(asked: Viewer) {
		this.#asked = asked;
	}

	show(row: LiveRow): ReturnType<LiveRequest['show']> {
		const { localTime, bytes, entry, log } = row;
		try {
			if (entry === undefined) return damaged(localTime);
			const matcher = this.#matcherFor(entry.tableId, log);
			if (!matcher.wantsEntry(bytes, entry)) return undefined;
			const table = this.#scope.tables.get(entry.tableId);
			const { values, isUnreadable } = valuesOf(row);
			const found: Found = {
				change: changeOf(localTime, bytes, entry, values),
				table,
				isUnreadable,
				lacksPrevious: false,
			};
			if (!matcher.wantsValues(bytes, entry, values, table)) return undefined;
			return { event: 'entry', data: { ...shownEntry(found, log), ...(isUnreadable ? { unreadable: true } : {}) } };
		} catch (error) {
			if (error instanceof RangeError) return damaged(localTime);
			throw error;
		}
	}

	#matcherFor(tableId: number, log: AuditLog): Matcher {
		const { principal, table, filter, clock } = this.#asked;
		const now = clock.monotonic();
		const isFresh = now - this.#lookedAt < LOOK_AGAIN_MS && this.#known.has(tableId);
		if (this.#matcher !== undefined && isFresh) return this.#matcher;
		this.#lookedAt = now;
		// One that is gone is not looked for at each of its entries.
		this.#known = new Set([...log.tables().map((known) => known.tableId), tableId]);
		this.#scope = scopeOf(log, principal, table);
		this.#matcher = new Matcher(log, filter, this.#scope);
		return this.#matcher;
	}
}

function valuesOf({ log, bytes, entry }: LiveRow): Pick<Found['change'], 'values'> & Pick<Found, 'isUnreadable'> {
	try {
		return { values: entry && log.valuesOf(bytes, entry), isUnreadable: false };
	} catch (error) {
		if (error instanceof RangeError) return { values: undefined, isUnreadable: true };
		throw error;
	}
}

function damaged(localTime: number): { readonly event: 'gap'; readonly data: object } {
	const message = 'A row of the log is no entry. Of which table it is is not known.';
	const at = toIso(localTime);
	return { event: 'gap', data: { reason: 'entries_damaged', message, from: at, to: at } };
}
