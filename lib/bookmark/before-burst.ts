import type { AuditLogs } from '../audit/log.ts';
import type { Burst } from '../audit/watch.ts';
import { toIso, type Clock } from '../time.ts';
import { surplusOf, type Bookmark, type BookmarkStore } from './bookmark.ts';
import { positionsBefore } from './positions.ts';

export interface BeforeBurstPorts {
	readonly logs: AuditLogs;
	readonly store: BookmarkStore;
	readonly clock: Pick<Clock, 'now'>;
}

/** Bookmarks the moment before a burst, makes room for it, and resolves with its name. */
export async function bookmarkBefore(burst: Burst, { logs, store, clock }: BeforeBurstPorts): Promise<string> {
	const { beganAt, database, table, user, kind } = burst;
	// The last whole millisecond before it.
	const at = Math.ceil(beganAt) - 1;
	const bookmark: Omit<Bookmark, 'name'> = {
		at,
		createdAt: clock.now(),
		automatic: true,
		positions: positionsBefore(logs, beganAt),
		burst: { database, table, user, change: kind },
	};
	const name = `before-mass-${kind}-${toIso(at).replaceAll(/[-:.]/g, '')}`;
	let unique = name;
	// Two users may begin in the same millisecond.
	for (let count = 2; !(await store.create({ ...bookmark, name: unique })); count++) unique = `${name}-${count}`;
	for (const { name: old } of surplusOf(store.list())) await store.remove(old);
	return unique;
}
