import { messageOf } from '../../errors.ts';
import type { Pause } from '../../pause.ts';
import type { Clock } from '../../time.ts';
import { single, type Family, type FamilyDefinition } from '../family.ts';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from './checkpoint.ts';
import { parseRow } from './entry.ts';
import { Fold, type FoldConfiguration } from './fold.ts';
import { RecentKeys } from '../../recent-keys.ts';
import { RAW_LOG } from './rule.ts';
import { inTurn } from '../in-turn.ts';

/** Harper's raw analytics log: rows under ascending keys, float milliseconds. */
export interface RawLog {
	/** At most `limit` keys above `after`, ascending. Sees everything committed before the call. */
	keys(after: number, limit: number): readonly number[];
	/** The row under a key; undefined if it was purged meanwhile. */
	row(key: number): unknown;
}

/** Where the checkpoint is kept: one value, replaced whole or not at all, readable by every worker. */
export interface CheckpointStore {
	/** The cursor of the stored checkpoint, read without the rest. */
	cursor(): number | undefined;
	load(): string | undefined;
	/** `savedAt` is wall clock, milliseconds. */
	save(cursor: number, savedAt: number, text: string): Promise<void>;
}

export interface FollowerPorts {
	readonly log: RawLog;
	readonly checkpoints: CheckpointStore;
	readonly clock: Clock;
	readonly pause: Pause;
	readonly process: {
		/** Differs between any two processes on this machine. */
		readonly id: string;
		/** Wall clock, milliseconds. */
		readonly startedAt: number;
	};
	readonly warn: (message: string) => void;
}

/** Harper keeps a raw row this long. */
const LOG_KEEPS_MS = 3_600_000;
/** A worker whose cursor is this far behind takes the elected worker's checkpoint rather than fold the same rows again. */
const ADOPT_AFTER_MS = 120_000;
/** How long folded keys are remembered at least: longer than Harper takes to purge the rows, whatever the clock did. */
const KEYS_KEPT_MS = 2 * LOG_KEEPS_MS;
/** How far the clock of the writing thread may have drifted from ours. */
const CLOCK_MARGIN_MS = 60_000;
const BATCH = 100;

const gapsFamily: FamilyDefinition = {
	name: 'harper_custodian_analytics_gaps_total',
	type: 'counter',
	help: 'Times that nobody read the raw analytics log for longer than Harper keeps it, so that counters may lack what happened meanwhile.',
	labels: [],
	source: `${RAW_LOG} and its checkpoint`,
};

export const followerDefinitions = [gapsFamily];

/**
 * Follows the raw analytics log with a cursor and keeps the fold of everything up to it.
 *
 * Every worker follows for itself and gets the same totals; the elected one saves them together with the cursor. A
 * new worker or process loads that and goes on, so nothing is lost or counted twice, however the last one ended.
 */
export class Follower {
	readonly #configuration: FoldConfiguration;
	readonly #ports: FollowerPorts;
	#fold: Fold;
	#recent = new RecentKeys();
	/** How many keys may be remembered before it is worth a look which of them the log no longer holds. */
	#roomForKeys = 0;
	#cursor = 0;
	#gaps = 0;
	/** When the log was last read, by this worker or by the one whose checkpoint it took. */
	#readAt = 0;
	/** Whether the fold holds a checkpoint, or this worker began one. */
	#begun = false;
	/** Whether this worker has looked at the log. */
	#started = false;

	constructor(configuration: FoldConfiguration, ports: FollowerPorts) {
		this.#configuration = configuration;
		this.#ports = ports;
		this.#fold = new Fold(configuration);
	}

	/** Folds what is new. Before the elected worker has saved for the first time there is nothing to go on from. */
	advance(): Promise<void> {
		return this.#exclusively(async () => {
			if (this.#isBehind()) await this.#adoptIfSaved();
			if (this.#begun) await this.#advance();
		});
	}

	/**
	 * For the elected worker: folds what is new and saves it, unless another worker has saved more. It is also the one
	 * that begins where there is no checkpoint, so that all begin with the same row.
	 */
	save(): Promise<void> {
		return this.#exclusively(async () => {
			const { checkpoints, clock, pause, process } = this.#ports;
			const readable = !this.#isBehind() || (await this.#adoptIfSaved());
			this.#begun = true;
			await this.#advance();
			if (readable && (checkpoints.cursor() ?? 0) > this.#cursor) return;
			const checkpoint = {
				cursor: this.#cursor,
				readAt: this.#readAt,
				process: process.id,
				gaps: this.#gaps,
				recentKeys: this.#recent.values(),
				fold: this.#fold.store(),
			};
			const text = await encodeCheckpoint(checkpoint, pause);
			await checkpoints.save(this.#cursor, clock.now(), text);
		});
	}

	/** The totals up to the last `advance`. */
	families(livingThreads: ReadonlySet<number>): readonly Family[] {
		return [...this.#fold.families(livingThreads), single(gapsFamily, this.#gaps)];
	}

	/** One at a time: saving pauses, and the fold must stand still meanwhile. */
	readonly #exclusively = inTurn();

	async #advance(): Promise<void> {
		const { clock, log, pause } = this.#ports;
		let after = this.#from();
		if (!this.#started) this.#gaps += this.#missed(after) ? 1 : 0;
		this.#started = true;
		const readAt = clock.now();
		for (;;) {
			const keys = log.keys(after, BATCH);
			for (const key of keys) if (!this.#recent.has(key)) this.#add(key);
			after = keys.at(-1) ?? after;
			if (keys.length < BATCH) break;
			await pause();
		}
		this.#readAt = readAt;
		if (this.#recent.size > this.#roomForKeys) this.#forgetKeys();
	}

	/** What the log still holds may be met again, and must be known then. */
	#forgetKeys(): void {
		const [oldest = 0] = this.#ports.log.keys(0, 1);
		this.#recent.forgetBelow(Math.max(oldest, Math.min(this.#cursor, this.#readAt) - KEYS_KEPT_MS));
		this.#roomForKeys = this.#recent.size + BATCH;
	}

	/** Whether rows may have come and gone since the checkpoint: long ago, and the log no longer reaches back to it. */
	#missed(after: number): boolean {
		if (this.#cursor === 0 || this.#ports.clock.now() - this.#readAt <= LOG_KEEPS_MS) return false;
		const [oldest] = this.#ports.log.keys(after, 1);
		return oldest === undefined || oldest > this.#cursor;
	}

	/**
	 * Where to read from. Normally the cursor. But keys are wall clock as the writing process knew it at its start: after
	 * a restart under a clock that stepped back, new rows stand below the cursor. So the first reading looks at all that
	 * the log keeps, and later ones, while the cursor is ahead of the clock, at all since the last reading; rows that
	 * were folded before are known by their keys.
	 */
	#from(): number {
		const now = this.#ports.clock.now();
		if (!this.#started) return Math.min(this.#cursor === 0 ? now : this.#cursor, now) - LOG_KEEPS_MS;
		const clocks = Math.min(this.#readAt, now);
		return this.#cursor <= clocks ? this.#cursor : clocks - CLOCK_MARGIN_MS;
	}

	#add(key: number): void {
		const row = this.#ports.log.row(key);
		if (row === undefined) return;
		this.#fold.add(parseRow(row), key >= this.#ports.process.startedAt);
		this.#recent.add(key);
		this.#cursor = Math.max(this.#cursor, key);
	}

	#isBehind(): boolean {
		return !this.#begun || this.#ports.clock.now() - this.#cursor > ADOPT_AFTER_MS;
	}

	/** Takes the saved checkpoint where it is further. False where there is one that cannot be read. */
	async #adoptIfSaved(): Promise<boolean> {
		const { checkpoints, pause, warn } = this.#ports;
		try {
			const saved = checkpoints.cursor();
			if (saved === undefined || (this.#begun && saved <= this.#cursor)) return true;
			const text = checkpoints.load();
			if (text !== undefined) this.#adopt(await decodeCheckpoint(text, pause));
			return true;
		} catch (error) {
			if (!this.#begun) warn(`The saved counters cannot be read and start anew. ${messageOf(error)}`);
			// Without them there is nothing that the workers could agree on, and each counts what it sees.
			this.#begun = true;
			return false;
		}
	}

	#adopt({ fold, recentKeys, cursor, gaps, readAt, process }: Checkpoint): void {
		this.#fold = new Fold(this.#configuration);
		this.#fold.restore(fold);
		if (process !== this.#ports.process.id) this.#fold.forgetThreads();
		this.#recent = new RecentKeys(recentKeys);
		this.#roomForKeys = 0;
		this.#cursor = cursor;
		this.#gaps = gaps;
		this.#readAt = readAt;
		this.#begun = true;
	}
}
