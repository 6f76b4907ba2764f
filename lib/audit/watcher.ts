import { messageOf } from '../errors.ts';
import type { Sleep } from '../pause.ts';
import { changeKindOf } from './change-kind.ts';
import { decodeEntry, userOf } from './entry.ts';
import type { AuditLog, AuditLogs, LogRow } from './log.ts';
import { LogTail, type TailPorts } from './tail.ts';
import { Watch, type Burst, type WatchLimits } from './watch.ts';
import { Wake } from './wake.ts';
import { formatWatchState, nothingCounted, parseWatchState, type TableCounts, type WatchState } from './watch-state.ts';

export interface WatcherPorts extends TailPorts {
	readonly logs: AuditLogs;
	/** Calls back after commits to a database, perhaps more often. */
	readonly commits: Commits;
	readonly sleep: Sleep;
	/** About how many records a table has now; undefined where that cannot be told. Answers soon, whatever its size. */
	readonly countRecords: (database: string, table: string) => Promise<number | undefined>;
	/** What was saved last. */
	readonly load: () => string | undefined;
	readonly save: (text: string) => Promise<void>;
	/** Is told of each burst, and waited for. */
	readonly onBurst: (burst: Burst) => Promise<void>;
	readonly warn: (message: string) => void;
}

export interface Commits {
	/** Returns what ends it. */
	subscribe(database: string, onCommit: () => void): () => void;
}

/** Commits are not told for sure, and new databases not at all. */
const LOOK_EVERY_MS = 1000;
/** Under load there is always a commit: what came meanwhile is read at once. */
const SHORTEST_PAUSE_MS = 100;
/** What happened longer ago than this is nothing to raise an alarm for. */
const CONTINUES_WITHIN_MS = 600_000;
const COUNT_AGAIN_AFTER_MS = 5000;
const SAVE_CHANGES_EVERY_MS = 1000;
/** Also when nothing happens, so that whoever goes on knows from where. */
const SAVE_EVERY_MS = 60_000;
/** Nobody's data, and written to by ourselves. */
const OURS = 'custodian';

/** Watches all logs until the signal is aborted. For the elected worker alone. */
export async function runWatcher(ports: WatcherPorts, limits: WatchLimits, signal: AbortSignal): Promise<void> {
	const { clock, sleep, warn } = ports;
	const watcher = new Watcher(ports, limits);
	const changed = new ChangedDatabases(ports);
	let lookedAt = -Infinity;
	while (!signal.aborted) {
		try {
			if (clock.monotonic() - lookedAt >= LOOK_EVERY_MS) {
				lookedAt = clock.monotonic();
				for (const gone of changed.look()) watcher.forget(gone);
			}
			for (const database of changed.take()) await watcher.read(database, signal);
			await watcher.save();
		} catch (error) {
			warn(`Changes are not watched just now: ${messageOf(error)}`);
			await sleep(LOOK_EVERY_MS, signal);
		}
		await sleep(SHORTEST_PAUSE_MS, signal);
		await changed.wait(signal);
	}
	changed.close();
	await watcher.save(true).catch((error: unknown) => warn(`What was watched is not saved: ${messageOf(error)}`));
}

/** Which databases may have changed, and the waiting for one. */
class ChangedDatabases {
	readonly #ports: WatcherPorts;
	readonly #wake = new Wake();
	readonly #changed = new Set<string>();
	readonly #subscriptions = new Map<string, () => void>();

	constructor(ports: WatcherPorts) {
		this.#ports = ports;
	}

	/** Takes every database for changed, and says which are gone. */
	look(): readonly string[] {
		const { logs, commits } = this.#ports;
		const present = logs.databases().filter((name) => name !== OURS);
		for (const name of present) {
			this.#changed.add(name);
			if (this.#subscriptions.has(name)) continue;
			const onCommit = () => {
				this.#changed.add(name);
				this.#wake.call();
			};
			this.#subscriptions.set(name, commits.subscribe(name, onCommit));
		}
		const gone = Array.from(this.#subscriptions.keys()).filter((name) => !present.includes(name));
		for (const name of gone) this.#unsubscribe(name);
		return gone;
	}

	/** What broke off leaves those that come after it for the next time. */
	*take(): Iterable<string> {
		for (const name of Array.from(this.#changed)) {
			this.#changed.delete(name);
			yield name;
		}
	}

	wait(signal: AbortSignal): Promise<void> {
		return this.#wake.wait(this.#ports.sleep, LOOK_EVERY_MS, signal);
	}

	close(): void {
		for (const name of Array.from(this.#subscriptions.keys())) this.#unsubscribe(name);
	}

	#unsubscribe(name: string): void {
		this.#subscriptions.get(name)?.();
		this.#subscriptions.delete(name);
		this.#changed.delete(name);
	}
}

interface Followed {
	readonly log: AuditLog;
	readonly tail: LogTail;
	/** Undefined for a table that is gone. */
	readonly names: Map<number, string | undefined>;
}

class Watcher {
	readonly #ports: WatcherPorts;
	readonly #watch: Watch;
	/** Of the databases that were ever followed, as it was saved or when reading broke off. */
	readonly #cursors: Map<string, number>;
	readonly #followed = new Map<string, Followed>();
	readonly #counts = new Map<string, TableCounts>();
	readonly #records = new Map<string, { readonly at: number; readonly count: number | undefined }>();
	readonly #bursts: Burst[] = [];
	#isChanged = true;
	/** Whether there is news that nobody shall wait for. */
	#isUrgent = true;
	#savedAt = -Infinity;

	constructor(ports: WatcherPorts, limits: WatchLimits) {
		this.#ports = ports;
		this.#watch = new Watch(limits);
		const saved = savedState(ports);
		const age = saved === undefined ? Infinity : ports.clock.now() - saved.savedAt;
		for (const counts of saved?.tables ?? []) this.#counts.set(keyOf(counts.database, counts.table), counts);
		this.#cursors = new Map(age <= CONTINUES_WITHIN_MS ? Object.entries(saved?.cursors ?? {}) : []);
		if (age <= CONTINUES_WITHIN_MS) this.#watch.restore(saved?.alarms ?? []);
	}

	/** Reads what came since, and tells of the bursts in it. */
	async read(database: string, signal: AbortSignal): Promise<void> {
		const followed = this.#followed.get(database) ?? this.#follow(database);
		if (followed === undefined) return;
		followed.names.clear();
		try {
			await followed.tail.read(
				(row) => this.#count(followed, row),
				signal,
				() => this.#judge()
			);
		} catch (error) {
			// Its store may be closed; if the database is there, it is opened anew and read on from where it was.
			this.#followed.delete(database);
			this.#cursors.set(database, followed.tail.cursor);
			throw error;
		}
	}

	/** One that is made under the same name is watched from its beginning. */
	forget(database: string): void {
		this.#followed.delete(database);
		this.#cursors.delete(database);
	}

	/** Saves cursors and counts together, when it is time to. */
	async save(isLast = false): Promise<void> {
		const now = this.#ports.clock.monotonic();
		const isDue = now - this.#savedAt >= (this.#isChanged ? SAVE_CHANGES_EVERY_MS : SAVE_EVERY_MS);
		if (!isDue && !this.#isUrgent && !(isLast && this.#isChanged)) return;
		this.#savedAt = now;
		this.#isChanged = false;
		this.#isUrgent = false;
		const state: WatchState = {
			savedAt: this.#ports.clock.now(),
			cursors: Object.fromEntries([...this.#cursors, ...this.#cursorsNow()]),
			tables: Array.from(this.#counts.values()),
			alarms: this.#watch.alarms(),
		};
		try {
			await this.#ports.save(formatWatchState(state));
		} catch (error) {
			this.#isChanged = true;
			throw error;
		}
	}

	#cursorsNow(): readonly (readonly [string, number])[] {
		return Array.from(this.#followed, ([name, { tail }]) => [name, tail.cursor]);
	}

	#follow(database: string): Followed | undefined {
		const log = this.#ports.logs.open(database);
		if (log === undefined) return undefined;
		const tail = new LogTail(log, this.#ports, this.#cursors.get(database));
		const followed = { log, tail, names: new Map<number, string | undefined>() };
		this.#followed.set(database, followed);
		// So that a first burst is an increase.
		for (const { name, isAudited } of log.tables()) if (isAudited) this.#countsOf(database, name);
		this.#isChanged = true;
		return followed;
	}

	#count(followed: Followed, { localTime, bytes }: LogRow): void {
		const { log } = followed;
		this.#isChanged = true;
		const read = readEntry(bytes);
		const table = read && tableNamed(followed, read.entry.tableId);
		if (read === undefined || table === undefined) return;
		const { entry, user } = read;
		const kind = changeKindOf(log, localTime, entry);
		if (kind === undefined) return;
		const { database } = log;
		this.#countsOf(database, table).changes[kind]++;
		if (kind === 'create') return;
		const previousAt = entry.previousLocalTime;
		const burst = this.#watch.add({ database, table, user, kind, at: localTime, previousAt });
		if (burst) this.#bursts.push(burst);
	}

	/** After every slice, so that what lasted for a moment of a long backlog is seen as well. */
	async #judge(): Promise<void> {
		for (const suspect of this.#watch.takeSuspects()) {
			const records = await this.#recordsOf(suspect.database, suspect.table);
			const burst = records === undefined ? undefined : this.#watch.judge(suspect, records);
			if (burst) this.#bursts.push(burst);
		}
		for (const burst of this.#bursts.splice(0)) {
			const counted = this.#countsOf(burst.database, burst.table).bursts[burst.kind];
			counted.count++;
			counted.lastAt = this.#ports.clock.now();
			this.#isUrgent = true;
			await this.#ports.onBurst(burst);
		}
	}

	async #recordsOf(database: string, table: string): Promise<number | undefined> {
		const key = keyOf(database, table);
		const known = this.#records.get(key);
		const now = this.#ports.clock.monotonic();
		if (known !== undefined && now - known.at < COUNT_AGAIN_AFTER_MS) return known.count;
		const count = await this.#ports.countRecords(database, table);
		this.#records.set(key, { at: now, count });
		return count;
	}

	#countsOf(database: string, table: string): TableCounts {
		const key = keyOf(database, table);
		const counts = this.#counts.get(key) ?? nothingCounted(database, table);
		this.#counts.set(key, counts);
		return counts;
	}
}

function savedState({ load, warn }: WatcherPorts): WatchState | undefined {
	const text = load();
	const state = text === undefined ? undefined : parseWatchState(text);
	if (text !== undefined && state === undefined) warn('What was watched before cannot be read; counting begins anew.');
	return state;
}

/** Undefined for bytes that are no entry. */
function readEntry(bytes: Uint8Array) {
	try {
		const entry = decodeEntry(bytes);
		return { entry, user: userOf(bytes, entry) };
	} catch (error) {
		if (error instanceof RangeError) return undefined;
		throw error;
	}
}

/** Undefined for a table that is gone. */
function tableNamed({ log, names }: Followed, tableId: number): string | undefined {
	if (!names.has(tableId)) {
		names.set(tableId, undefined);
		for (const { tableId: id, name } of log.tables()) names.set(id, name);
	}
	return names.get(tableId);
}

function keyOf(database: string, table: string): string {
	return JSON.stringify([database, table]);
}
