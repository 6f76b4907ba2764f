import type { Clock } from '../../lib/time.ts';

/** Time that moves only when told. Sleepers wake in order, and what they do is done before the next one wakes. */
export class VirtualTime implements Clock {
	#monotonic = 0;
	#sleepers: Sleeper[] = [];
	/** How often anybody has gone to sleep. */
	sleeps = 0;
	readonly #startAt: number;

	constructor(startAt: number) {
		this.#startAt = startAt;
	}

	now(): number {
		return this.#startAt + this.#monotonic;
	}

	monotonic(): number {
		return this.#monotonic;
	}

	/** Bound, to be handed on. */
	sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
		new Promise((resolve) => {
			this.sleeps += 1;
			const wake = () => {
				this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
				signal?.removeEventListener('abort', wake);
				resolve();
			};
			const sleeper: Sleeper = { at: this.#monotonic + ms, wake };
			this.#sleepers.push(sleeper);
			if (signal?.aborted) wake();
			else signal?.addEventListener('abort', wake);
		});

	async advance(ms: number): Promise<void> {
		const until = this.#monotonic + ms;
		await settleAll();
		for (;;) {
			const [first] = this.#sleepers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
			if (!first) break;
			this.#monotonic = Math.max(this.#monotonic, first.at);
			first.wake();
			await settleAll();
		}
		this.#monotonic = until;
	}
}

interface Sleeper {
	readonly at: number;
	readonly wake: () => void;
}

/** Lets everything run that waits for nothing but promises. */
export function settleAll(): Promise<void> {
	return new Promise((resolve) => void setImmediate(resolve));
}
