import type { Pause, Sleep } from '../pause.ts';
import type { Clock } from '../time.ts';
import type { AuditEntry } from './entry.ts';
import type { AuditLog } from './log.ts';
import { Wake } from './wake.ts';

/** A row of the log that was just read. Its bytes are good until the next one is. */
export interface LiveRow {
	readonly localTime: number;
	readonly bytes: Uint8Array;
	/** Undefined where the bytes are no entry. */
	readonly entry: AuditEntry | undefined;
	readonly log: AuditLog;
}

/** What a client asked for. */
export interface LiveRequest {
	/** The key of the last row that it has; undefined for one that begins now. */
	readonly after: number | undefined;
	/** What it is shown of a row; undefined for a row that it is not shown. */
	readonly show: (row: LiveRow) => Shown | undefined;
	/** What it is told where Harper has removed what it would be shown. */
	readonly showLost: (from: number, to: number) => unknown;
	/** A key as clients send it back. */
	readonly cursorOf: (localTime: number) => string;
}

/** An entry, or why one cannot be shown. */
interface Shown {
	readonly event: 'entry' | 'gap';
	readonly data: unknown;
}

export interface LiveMessage {
	readonly event: 'entry' | 'gap' | 'alive' | 'end';
	readonly cursor: string;
	readonly data?: unknown;
}

/** Why a feed ended by itself: the client does not read, it is time to ask anew, this worker stops, or there is no log. */
export type FeedEnd = 'slow' | 'expired' | 'stopping' | 'unreadable';

export interface LiveFeedPorts {
	readonly clock: Clock;
	readonly pause: Pause;
	readonly sleep: Sleep;
}

/** What waits for a client that reads more slowly than others write. */
const MOST_WAITING = 1000;
const MOST_WAITING_BYTES = 1_000_000;
/** A client that has taken nothing for so long, while much waits for him, is given up. */
const SLOW_AFTER_MS = 30_000;
/** So that a connection whose other end is gone is noticed, and a client that is shown nothing moves on. */
const ALIVE_EVERY_MS = 15_000;
/** Whoever lost his rights keeps what he was granted no longer than this. */
const LONGEST_MS = 3_600_000;

/** What one client is shown of a log. It is filled by who reads the log, and emptied by the client. */
export class LiveFeed {
	readonly #request: LiveRequest;
	readonly #ports: LiveFeedPorts;
	readonly #onEnd: () => void;
	readonly #startedAt: number;
	readonly #closing = new AbortController();
	readonly #filled = new Wake();
	readonly #emptied = new Wake();
	#waiting: { readonly message: LiveMessage; readonly bytes: number; readonly key: number }[] = [];
	#waitingBytes = 0;
	/** Up to where the log was looked at, and up to where the client was given what there is. */
	#seen: number;
	#given: number;
	#takenAt: number;

	/** `after` as the request has it, or where the log stood when it came. */
	constructor(request: LiveRequest, after: number, ports: LiveFeedPorts, onEnd: () => void) {
		this.#request = request;
		this.#ports = ports;
		this.#onEnd = onEnd;
		this.#seen = after;
		this.#given = after;
		this.#startedAt = ports.clock.monotonic();
		this.#takenAt = this.#startedAt;
		// Node.js sends no headers before there is something to send, and who is cut off early shall know where he began.
		this.#push({ event: 'alive', cursor: request.cursorOf(after) }, after, 0);
	}

	get signal(): AbortSignal {
		return this.#closing.signal;
	}

	/** The key up to which everything was offered. */
	get seen(): number {
		return this.#seen;
	}

	/** Shows a row to the client, if it is one for him. False where there is no room: then it is to be offered again. */
	offer(row: LiveRow): boolean {
		if (this.#waiting.length >= MOST_WAITING || this.#waitingBytes >= MOST_WAITING_BYTES) return false;
		const shown = this.#request.show(row);
		const key = Math.max(this.#seen, row.localTime);
		this.#seen = key;
		if (shown !== undefined) this.#push({ ...shown, cursor: this.#request.cursorOf(key) }, key, row.bytes.length);
		return true;
	}

	/** Says that what the client asked for is there no more, up to a key. */
	tellLost(to: number): void {
		const data = this.#request.showLost(this.#seen, to);
		this.#push({ event: 'gap', cursor: this.#request.cursorOf(this.#seen), data }, this.#seen, 0);
	}

	/** Every row up to a key was offered. */
	sawUntil(localTime: number): void {
		this.#seen = Math.max(this.#seen, localTime);
	}

	/** Waits until the client has taken most of what waits for him; who takes nothing is given up. */
	async room(): Promise<void> {
		const { clock, sleep } = this.#ports;
		while (this.#isFilling() && !this.#closing.signal.aborted) {
			const leftMs = this.#takenAt + SLOW_AFTER_MS - clock.monotonic();
			if (leftMs <= 0) this.end('slow');
			else await this.#emptied.wait(sleep, leftMs, this.#closing.signal);
		}
	}

	/** Ends it with a message that says why, and from where to go on. */
	end(reason: FeedEnd): void {
		if (this.#closing.signal.aborted) return;
		// What waits is not sent any more: it may be much, to one who does not read.
		const cursor = this.#request.cursorOf(this.#given);
		const message: LiveMessage = { event: 'end', cursor, data: { reason, cursor } };
		this.#waiting = [{ message, bytes: 0, key: this.#given }];
		this.#leave();
	}

	async next(): Promise<LiveMessage | undefined> {
		if (this.#isOld()) this.end('expired');
		const { clock, sleep } = this.#ports;
		const aliveAt = clock.monotonic() + ALIVE_EVERY_MS;
		while (this.#waiting.length === 0 && !this.#closing.signal.aborted) {
			const leftMs = aliveAt - clock.monotonic();
			if (leftMs <= 0) return this.#alive();
			await this.#filled.wait(sleep, leftMs, this.#closing.signal);
		}
		const first = this.#waiting.shift();
		if (first === undefined) return undefined;
		this.#waitingBytes -= first.bytes;
		this.#given = first.key;
		this.#takenAt = clock.monotonic();
		if (!this.#isFilling()) this.#emptied.call();
		return first.message;
	}

	/** Ends it without a word: the client has left. */
	close(): void {
		this.#waiting = [];
		this.#leave();
	}

	#alive(): LiveMessage {
		this.#given = this.#seen;
		return { event: 'alive', cursor: this.#request.cursorOf(this.#seen) };
	}

	#push(message: LiveMessage, key: number, bytes: number): void {
		if (this.#closing.signal.aborted) return;
		this.#waiting.push({ message, bytes, key });
		this.#waitingBytes += bytes;
		this.#filled.call();
	}

	#isFilling(): boolean {
		return this.#waiting.length > MOST_WAITING / 4 || this.#waitingBytes > MOST_WAITING_BYTES / 4;
	}

	#isOld(): boolean {
		return this.#ports.clock.monotonic() - this.#startedAt > LONGEST_MS;
	}

	#leave(): void {
		if (this.#closing.signal.aborted) return;
		this.#closing.abort();
		this.#onEnd();
	}
}
