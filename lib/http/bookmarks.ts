import * as v from 'valibot';
import { momentOf } from '../audit/filter.ts';
import { bookmarkName, MOST_BOOKMARKS, type Bookmark, type BookmarkStore } from '../bookmark/bookmark.ts';
import { toIso } from '../time.ts';
import { permits } from './access.ts';
import { readBody } from './body.ts';
import { failure, json, type Endpoint, type RoutedRequest } from './endpoint.ts';
import { userOf } from './jobs.ts';

export interface BookmarksPorts {
	readonly store: BookmarkStore;
	/** Where the logs of all databases stood at a moment. */
	readonly positionsAt: (at: number) => Bookmark['positions'];
	readonly now: () => number;
}

const NAME = 'a name of at most 64 letters, digits, - and _';
const AT = 'a moment that is past: an instant of ISO 8601, or a span as -1h';
const body = v.strictObject({
	name: v.pipe(v.string(NAME), v.regex(bookmarkName, NAME)),
	at: v.optional(v.pipe(v.string(AT), v.maxLength(100, AT))),
	note: v.optional(
		v.pipe(v.string('a text of at most 1000 characters'), v.maxLength(1000, 'a text of at most 1000 characters'))
	),
});

/** Moments with a name. */
export function bookmarksEndpoints(ports: BookmarksPorts): readonly Endpoint[] {
	const { store } = ports;
	return [
		{
			path: 'custodian/bookmarks',
			access: 'view',
			parameters: [],
			verbs: {
				GET: (request) => {
					const newestFirst = store.list().toSorted((a, b) => b.at - a.at);
					return json(200, { bookmarks: newestFirst.map((bookmark) => shown(bookmark, request)) });
				},
				POST: { access: 'operate', handler: (request) => create(ports, request) },
			},
		},
		{
			path: 'custodian/bookmarks/{name}',
			access: 'view',
			parameters: [],
			verbs: {
				GET: (request) => {
					const bookmark = bookmarkNamed(store, request);
					return bookmark ? json(200, shown(bookmark, request)) : noBookmark();
				},
				DELETE: { access: 'operate', handler: (request) => remove(store, request) },
			},
		},
	];
}

async function create({ store, positionsAt, now }: BookmarksPorts, request: RoutedRequest) {
	const read = await readBody(request, body);
	if ('refusal' in read) return read.refusal;
	const createdAt = now();
	const { name, note } = read.value;
	const moment = momentOf(read.value.at ?? 'now', createdAt);
	const at = typeof moment === 'number' ? Math.floor(moment) : Infinity;
	// Beyond what dates can say there is no moment, and nothing could show it.
	if (at > createdAt || at < 0) return failure(400, 'invalid_body', `at: expected ${AT}.`);
	const mine = store.list().filter(({ automatic }) => !automatic);
	if (mine.length >= MOST_BOOKMARKS) {
		const hint = 'Delete some that are no longer needed.';
		return failure(409, 'too_many_bookmarks', `There are ${mine.length} bookmarks already.`, hint);
	}
	const by = userOf(request);
	const bookmark: Bookmark = { name, at, createdAt, by, note, automatic: false, positions: positionsAt(at) };
	if (!(await store.create(bookmark))) {
		return failure(409, 'name_taken', `There is a bookmark ${name} already.`, 'Choose another name.');
	}
	return json(201, shown(bookmark, request), { Location: `/custodian/bookmarks/${name}` });
}

async function remove(store: BookmarkStore, request: RoutedRequest) {
	const bookmark = bookmarkNamed(store, request);
	if (!bookmark) return noBookmark();
	await store.remove(bookmark.name);
	return json(200, { removed: bookmark.name });
}

/** A text that is no name never reaches the store. */
function bookmarkNamed(store: BookmarkStore, { parts: { name = '' } }: RoutedRequest): Bookmark | undefined {
	return bookmarkName.test(name) ? store.load(name) : undefined;
}

/** Who did what in which table is for those who may act on it: a viewer may not be allowed to see that table. */
function shown({ at, createdAt, burst, ...bookmark }: Bookmark, { principal }: RoutedRequest): object {
	return {
		...bookmark,
		at: toIso(at),
		createdAt: toIso(createdAt),
		burst: permits(principal, 'operate') ? burst : undefined,
	};
}

function noBookmark() {
	return failure(404, 'bookmark_missing', 'There is no such bookmark.', 'GET /custodian/bookmarks lists them.');
}
