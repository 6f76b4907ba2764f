import { harperAuditLogs } from '../adapters/harper/audit-log.ts';
import { harperText } from '../adapters/harper/checkpoints.ts';
import { harperCommits } from '../adapters/harper/commits.ts';
import { countRecords } from '../adapters/harper/record-count.ts';
import type { State } from '../adapters/harper/state.ts';
import { pause, sleep } from '../adapters/timers.ts';
import type { Burst } from '../audit/watch.ts';
import { parseWatchState } from '../audit/watch-state.ts';
import { runWatcher } from '../audit/watcher.ts';
import { bookmarkBefore } from '../bookmark/before-burst.ts';
import { messageOf } from '../errors.ts';
import type { WatchedTable } from '../metrics/collectors/watch.ts';
import type { Teller } from '../notify/teller.ts';
import { systemClock } from '../time.ts';
import type { Protection } from './protection.ts';

/** Watches what is changed, bookmarks the moment before each burst, and tells of it, until the signal is aborted. */
export async function watchChanges(protection: Protection, teller: Teller, signal: AbortSignal): Promise<void> {
	const { configuration, state, bookmarks, warn } = protection;
	if (configuration.watch === false) return;
	const saved = watchText(state);
	const logs = harperAuditLogs();
	const beforeBurst = { logs, store: bookmarks, clock: systemClock };
	const telling = new Set<Promise<unknown>>();
	await runWatcher(
		{
			logs,
			commits: harperCommits(),
			clock: systemClock,
			pause,
			sleep,
			countRecords,
			load: () => saved.load(),
			save: (text) => saved.save(text),
			warn,
			async onBurst(burst) {
				const bookmark = await bookmarkBefore(burst, beforeBurst).catch(unmarked(warn));
				// Nobody waits for who is told: it may take a while to reach him.
				const told = teller.tell(eventOf(burst, bookmark), signal).finally(() => telling.delete(told));
				telling.add(told);
			},
		},
		configuration.watch,
		signal
	);
	await Promise.all(telling);
}

/** What the elected worker has counted, as it saved it last. */
export function watchedTables(state: State): () => readonly WatchedTable[] {
	const saved = watchText(state);
	let text: string | undefined;
	let tables: readonly WatchedTable[] = [];
	return () => {
		const latest = saved.load();
		if (latest !== text) tables = (latest === undefined ? undefined : parseWatchState(latest)?.tables) ?? [];
		text = latest;
		return tables;
	};
}

function watchText(state: State) {
	return harperText(state, 'watch');
}

/** What is happening must be told in any case. */
function unmarked(warn: (message: string) => void) {
	return (error: unknown) => {
		warn(`No bookmark could be made before a burst of changes: ${messageOf(error)}`);
		return undefined;
	};
}

function eventOf({ kind, ...burst }: Burst, bookmark: string | undefined) {
	return { ...burst, kind: 'mass_change', change: kind, beganAt: Math.floor(burst.beganAt), bookmark } as const;
}
