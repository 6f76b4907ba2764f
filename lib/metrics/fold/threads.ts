import { ownCopy } from './label.ts';

/** A gauge reading of one thread, under a key of label values. */
export type Reading = readonly [labelValues: readonly string[], value: number];

export type StoredThreads = readonly (readonly [threadId: number, readings: readonly Reading[]])[];

/** The latest gauges that each thread reported. Only living threads count: a dead one keeps nothing open. */
export class ThreadReadings {
	readonly #maxPerThread: number;
	readonly #threads = new Map<number, Map<string, Reading>>();

	constructor(maxPerThread: number) {
		this.#maxPerThread = maxPerThread;
	}

	/** False where the thread has as many readings as are kept. */
	set(threadId: number, labelValues: readonly string[], value: number): boolean {
		const readings = this.#threads.get(threadId) ?? new Map<string, Reading>();
		const known = readings.get(labelValues.join('\0'));
		if (!known && readings.size >= this.#maxPerThread) return false;
		const kept = known?.[0] ?? labelValues.map(ownCopy);
		readings.set(kept.join('\0'), [kept, value]);
		this.#threads.set(threadId, readings);
		return true;
	}

	of(threadId: number): Iterable<Reading> {
		return this.#threads.get(threadId)?.values() ?? [];
	}

	clear(): void {
		this.#threads.clear();
	}

	/** Forgets threads that are gone, so that restarts do not add up in memory. */
	keep(living: ReadonlySet<number>): void {
		for (const threadId of this.#threads.keys()) if (!living.has(threadId)) this.#threads.delete(threadId);
	}

	store(): StoredThreads {
		return [...this.#threads].map(([threadId, readings]) => [threadId, [...readings.values()]]);
	}

	restore(stored: StoredThreads): void {
		for (const [threadId, readings] of stored) {
			for (const [labelValues, value] of readings) this.set(threadId, labelValues, value);
		}
	}
}
