import { messageOf } from '../errors.ts';
import type { Pause, Sleep } from '../pause.ts';
import type { Clock } from '../time.ts';
import { decodeEntry, type AuditEntry } from './entry.ts';
import { LiveFeed, type LiveRequest } from './live-feed.ts';
import type { AuditLog, AuditLogs, LogRow } from './log.ts';
import { LogTail, newestUntil } from './tail.ts';
import { Wake } from './wake.ts';
import type { Commits } from './watcher.ts';

export interface LiveLogsPorts {
	readonly logs: AuditLogs;
	readonly commits: Commits;
	readonly clock: Clock;
	readonly pause: Pause;
	readonly sleep: Sleep;
	readonly warn: (message: string) => void;
}

const MOST_FEEDS = 100;
/** Commits are not told for sure. */
const LOOK_EVERY_MS = 1000;
/** Under load there is always a commit: what came meanwhile is read at once. */
const SHORTEST_PAUSE_MS = 50;
/** What a client missed is read in slices of so many rows or milliseconds. */
const SLICE_ROWS = 500;
const SLICE_MS = 4;

/** The logs as clients of this worker follow them. Each is read once, however many follow it. */
export class LiveLogs {
	readonly #ports: LiveLogsPorts;
	readonly #followed = new Map<string, Followed>();
	readonly #feeds = new Set<LiveFeed>();
	#isStopping = false;

	constructor(ports: LiveLogsPorts) {
		this.#ports = ports;
	}

	/** How many clients follow now. */
	get size(): number {
		return this.#feeds.size;
	}

	/** Whether there is no room for one more. */
	get isFull(): boolean {
		return this.#isStopping || this.#feeds.size >= MOST_FEEDS;
	}

	/** Ends all feeds, since this worker ends; the clients go on with another one. */
	stop(): void {
		this.#isStopping = true;
		for (const feed of Array.from(this.#feeds)) feed.end('stopping');
	}

	/** Lets one more client follow; undefined for a database that logs nothing. */
	follow(database: string, request: LiveRequest): LiveFeed | undefined {
		const log = this.#ports.logs.open(database);
		if (log === undefined) return undefined;
		log.refresh();
		const after = request.after ?? newestUntil(log, Infinity) ?? 0;
		let followed: Followed | undefined;
		const feed = new LiveFeed(request, after, this.#ports, () => {
			this.#feeds.delete(feed);
			followed?.leave(feed);
		});
		this.#feeds.add(feed);
		const lost = log.removedUntil();
		if (request.after !== undefined && lost !== undefined && lost > request.after) feed.tellLost(lost);
		const go = () => {
			followed = undefined;
			const join = () => void (followed = this.#join(log, feed, go));
			catchUp(log, feed, this.#ports, join).catch((error: unknown) => {
				this.#ports.warn(`A feed of ${database} ended: ${messageOf(error)}`);
				feed.end('unreadable');
			});
		};
		go();
		return feed;
	}

	#join(log: AuditLog, feed: LiveFeed, onLag: () => void): Followed {
		const { database } = log;
		let followed = this.#followed.get(database);
		if (followed === undefined) {
			const made: Followed = new Followed(log, feed.seen, this.#ports, () => {
				if (this.#followed.get(database) === made) this.#followed.delete(database);
			});
			this.#followed.set(database, made);
			followed = made;
		}
		followed.join(feed, onLag);
		return followed;
	}
}

/** Reads what a client missed. Joins him to the others in the same turn in which the end was reached. */
async function catchUp(
	log: AuditLog,
	feed: LiveFeed,
	{ clock, pause }: LiveLogsPorts,
	join: () => void
): Promise<void> {
	while (!feed.signal.aborted) {
		const from = feed.seen;
		const until = clock.monotonic() + SLICE_MS;
		let rows = 0;
		let isEnd = true;
		log.refresh();
		for (const row of log.rows({ from, to: Infinity, newestFirst: false })) {
			if (row.localTime === from) continue;
			const isFull = offer(row, log, [feed]).length > 0;
			isEnd = !isFull && ++rows < SLICE_ROWS && (rows % 8 !== 0 || clock.monotonic() < until);
			if (!isEnd) break;
		}
		if (isEnd) return feed.signal.aborted ? undefined : join();
		await pause();
		await feed.room();
	}
}

interface Joined {
	/** The keys that it was offered before: above the first, up to the second. */
	readonly above: number;
	readonly upTo: number;
	readonly onLag: () => void;
}

/** One log, and who follows it. */
class Followed {
	readonly #log: AuditLog;
	readonly #ports: LiveLogsPorts;
	readonly #tail: LogTail;
	readonly #feeds = new Map<LiveFeed, Joined>();
	readonly #ending = new AbortController();
	readonly #onEnd: () => void;

	constructor(log: AuditLog, after: number, ports: LiveLogsPorts, onEnd: () => void) {
		this.#log = log;
		this.#ports = ports;
		this.#onEnd = onEnd;
		this.#tail = new LogTail(log, ports, after);
		void this.#run();
	}

	/** `onLag` is called when the client is too slow for the others: then he is no longer among them. */
	join(feed: LiveFeed, onLag: () => void): void {
		this.#feeds.set(feed, { above: this.#tail.cursor, upTo: feed.seen, onLag });
	}

	/** When nobody is left, it ends. */
	leave(feed: LiveFeed): void {
		this.#feeds.delete(feed);
		if (this.#feeds.size > 0) return;
		this.#ending.abort();
		this.#onEnd();
	}

	async #run(): Promise<void> {
		const { commits, sleep, warn } = this.#ports;
		const { signal } = this.#ending;
		const wake = new Wake();
		const unsubscribe = commits.subscribe(this.#log.database, wake.call);
		try {
			while (!signal.aborted) {
				await wake.wait(sleep, LOOK_EVERY_MS, signal);
				await this.#tail.read((row) => this.#offer(row), signal);
				for (const feed of this.#feeds.keys()) feed.sawUntil(this.#tail.cursor);
				await sleep(SHORTEST_PAUSE_MS, signal);
			}
		} catch (error) {
			warn(`The log of ${this.#log.database} cannot be followed: ${messageOf(error)}`);
			this.#onEnd();
			for (const feed of Array.from(this.#feeds.keys())) feed.end('unreadable');
		} finally {
			unsubscribe();
		}
	}

	#offer(row: LogRow): void {
		const { localTime } = row;
		const feeds: LiveFeed[] = [];
		for (const [feed, { above, upTo }] of this.#feeds) if (localTime <= above || localTime > upTo) feeds.push(feed);
		for (const feed of offer(row, this.#log, feeds)) {
			const { onLag } = this.#feeds.get(feed) ?? {};
			this.leave(feed);
			onLag?.();
		}
	}
}

/** Those who had no room for it. */
function offer({ localTime, bytes }: LogRow, log: AuditLog, feeds: readonly LiveFeed[]): readonly LiveFeed[] {
	const row = { localTime, bytes, entry: entryOf(bytes), log };
	return feeds.filter((feed) => !feed.offer(row));
}

/** Undefined for bytes that are no entry. */
function entryOf(bytes: Uint8Array): AuditEntry | undefined {
	try {
		return decodeEntry(bytes);
	} catch (error) {
		if (error instanceof RangeError) return undefined;
		throw error;
	}
}
