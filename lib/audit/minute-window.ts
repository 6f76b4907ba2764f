/** Changes of one second of the window. */
interface Second {
	readonly second: number;
	changes: number;
	records: number;
	firstAt: number;
}

const SECONDS = 60;

/** What came in the last minute, by seconds. Moments are keys of the log, in milliseconds. */
export class MinuteWindow {
	/** Ascending, without those in which nothing came. */
	readonly #seconds: Second[] = [];
	#changes = 0;
	#records = 0;

	get changes(): number {
		return this.#changes;
	}

	/** How many records they were about. */
	get records(): number {
		return this.#records;
	}

	/** Counts a change, of a record that was changed at `previousAt` before. */
	add(at: number, previousAt: number | undefined): void {
		const current = this.#slideTo(at);
		// Who was changed since the window begins was counted by then.
		const isFirst = previousAt === undefined || previousAt < (this.#seconds[0]?.firstAt ?? Infinity);
		current.changes++;
		this.#changes++;
		if (at < current.firstAt) current.firstAt = at;
		if (!isFirst) return;
		current.records++;
		this.#records++;
	}

	/** Forgets what is more than a minute before a moment. */
	forget(at: number): void {
		const second = Math.floor(at / 1000);
		while (this.#seconds[0] !== undefined && this.#seconds[0].second <= second - SECONDS) this.#drop();
	}

	/** When the first second began in which as much came as on the average of the minute, or more. */
	burstBeganAt(): number | undefined {
		return this.#seconds.find(({ changes }) => changes * SECONDS >= this.#changes)?.firstAt;
	}

	#slideTo(at: number): Second {
		const second = Math.floor(at / 1000);
		// A clock that was set back by more than the window holds begins another.
		while (this.#seconds.length > 0 && second <= this.#newest() - SECONDS) this.#drop();
		this.forget(at);
		const last = this.#seconds.at(-1);
		if (last !== undefined && second <= last.second) return last;
		const begun = { second, changes: 0, records: 0, firstAt: at };
		this.#seconds.push(begun);
		return begun;
	}

	#newest(): number {
		return this.#seconds.at(-1)?.second ?? -Infinity;
	}

	#drop(): void {
		const dropped = this.#seconds.shift();
		this.#changes -= dropped?.changes ?? 0;
		this.#records -= dropped?.records ?? 0;
	}
}
