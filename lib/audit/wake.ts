import type { Sleep } from '../pause.ts';

/** One who waits until he is called, or until time is up. A call that comes while he is busy is not lost. */
export class Wake {
	#isCalled = false;
	#end: (() => void) | undefined;

	/** Bound, to be handed on. */
	call = (): void => {
		this.#isCalled = true;
		this.#end?.();
	};

	async wait(sleep: Sleep, ms: number, signal: AbortSignal): Promise<void> {
		if (!this.#isCalled && !signal.aborted) {
			const woken = new AbortController();
			const end = () => woken.abort();
			this.#end = end;
			signal.addEventListener('abort', end);
			await sleep(ms, woken.signal);
			signal.removeEventListener('abort', end);
			this.#end = undefined;
		}
		this.#isCalled = false;
	}
}
