import { RecentKeys } from '../recent-keys.ts';
import type { Pause } from '../pause.ts';
import type { Clock } from '../time.ts';
import type { AuditLog, LogRow } from './log.ts';

export interface TailPorts {
	readonly clock: Clock;
	readonly pause: Pause;
}

/** How much is read between two turns of the event loop: whichever comes first. */
const SLICE_ROWS = 500;
const SLICE_MS = 4;
/** Keys and clock may differ by so much without a step of the clock: keys have fractions, and never repeat. */
const SLACK_MS = 50;
const MARGIN_MS = 2000;
/** How many keys are remembered. Behind a clock that stepped back further than they reach, rows are missed. */
const REMEMBERED_KEYS = 50_000;
const REMEMBERED_AT_START = 1000;

/**
 * Reads what arrives in a log, each row once. A row that arrives while the clock stands before what was read last, as
 * after it was set back, is found among the older rows, if not too many have come since.
 */
export class LogTail {
	readonly #log: AuditLog;
	readonly #ports: TailPorts;
	readonly #recent = new RecentKeys();
	/** Every row from here to the cursor is either remembered or new. */
	#rememberedFrom = 0;
	#cursor: number;
	#scannedAt: number;

	/** Begins behind a row that was read before, or behind the newest one. */
	constructor(log: AuditLog, ports: TailPorts, cursor?: number) {
		this.#log = log;
		this.#ports = ports;
		log.refresh();
		this.#cursor = cursor ?? newestIn(log);
		this.#scannedAt = ports.clock.now();
		this.#rememberOlder(this.#isBehind() ? REMEMBERED_KEYS : REMEMBERED_AT_START);
	}

	/** The highest key that was read. */
	get cursor(): number {
		return this.#cursor;
	}

	/**
	 * Hands over every row that came since, and goes on until there is none. After each slice others have their turn, and
	 * what `afterSlice` does is waited for.
	 */
	async read(onRow: (row: LogRow) => void, signal: AbortSignal, afterSlice?: () => Promise<void>): Promise<void> {
		const older = this.#olderSpan();
		// Before the rows are read: whatever is written while they are is looked for the next time.
		this.#scannedAt = this.#ports.clock.now();
		if (older) await this.#readSpan(older.from, older.to, onRow, signal, afterSlice);
		await this.#readSpan(this.#cursor, Infinity, onRow, signal, afterSlice);
	}

	#isBehind(): boolean {
		return Math.min(this.#ports.clock.now(), this.#scannedAt) < this.#cursor - SLACK_MS;
	}

	/** Where new rows may stand among those that were read. */
	#olderSpan(): { readonly from: number; readonly to: number } | undefined {
		if (!this.#isBehind()) return undefined;
		const now = this.#ports.clock.now();
		return {
			from: Math.max(Math.min(now, this.#scannedAt) - MARGIN_MS, this.#rememberedFrom),
			to: Math.min(this.#cursor, Math.max(now, this.#scannedAt) + MARGIN_MS),
		};
	}

	/** What was there before counts as read. */
	#rememberOlder(count: number): void {
		const keys: number[] = [];
		for (const { localTime } of this.#log.rows({ from: 0, to: this.#cursor, newestFirst: true })) {
			if (keys.push(localTime) < count) continue;
			this.#rememberedFrom = localTime;
			break;
		}
		for (const key of keys.toReversed()) this.#recent.add(key);
	}

	async #readSpan(
		from: number,
		to: number,
		onRow: (row: LogRow) => void,
		signal: AbortSignal,
		afterSlice?: () => Promise<void>
	): Promise<void> {
		let at: number | undefined = from;
		while (at !== undefined && !signal.aborted) {
			at = this.#slice(at, to, onRow);
			await afterSlice?.();
			if (at !== undefined) await this.#ports.pause();
		}
	}

	/** Where to go on; undefined at the end. */
	#slice(from: number, to: number, onRow: (row: LogRow) => void): number | undefined {
		const { clock } = this.#ports;
		const until = clock.monotonic() + SLICE_MS;
		let rows = 0;
		this.#log.refresh();
		for (const row of this.#log.rows({ from, to, newestFirst: false })) {
			const { localTime } = row;
			if (localTime > this.#cursor || !this.#recent.has(localTime)) {
				// The bounds of a span belong to it, and the row that the cursor stands on was read.
				if (localTime !== this.#cursor) onRow(row);
				this.#remember(localTime);
			}
			if (++rows === SLICE_ROWS || (rows % 8 === 0 && clock.monotonic() >= until)) return localTime;
		}
		return undefined;
	}

	#remember(key: number): void {
		this.#recent.add(key);
		if (key > this.#cursor) this.#cursor = key;
		if (this.#recent.size < 2 * REMEMBERED_KEYS) return;
		this.#rememberedFrom = this.#recent.values()[REMEMBERED_KEYS] ?? key;
		this.#recent.forgetBelow(this.#rememberedFrom);
	}
}

/** The key of the newest row that arrived no later than a moment; undefined where there is none. */
export function newestUntil(log: AuditLog, to: number): number | undefined {
	for (const { localTime } of log.rows({ from: 0, to, newestFirst: true })) return localTime;
	return undefined;
}

/** The key of the row before another. */
export function newestBefore(log: AuditLog, key: number): number | undefined {
	for (const { localTime } of log.rows({ from: 0, to: key, newestFirst: true })) {
		if (localTime < key) return localTime;
	}
	return undefined;
}

function newestIn(log: AuditLog): number {
	return newestUntil(log, Infinity) ?? 0;
}
