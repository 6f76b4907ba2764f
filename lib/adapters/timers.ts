import type { Pause, Sleep } from '../pause.ts';

export const pause: Pause = () => new Promise((resolve) => void setImmediate(resolve));

export const sleep: Sleep = (ms, signal) =>
	new Promise((resolve) => {
		const wake = () => {
			clearTimeout(timer);
			signal?.removeEventListener('abort', wake);
			resolve();
		};
		const timer = setTimeout(wake, ms);
		timer.unref();
		signal?.addEventListener('abort', wake);
		if (signal?.aborted === true) wake();
	});

/** Rejects when `work` has not settled after `timeoutMs`; the work itself goes on. */
export function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
		timer.unref();
		const settle =
			<V>(how: (value: V) => void) =>
			(value: V) => {
				clearTimeout(timer);
				how(value);
			};
		work.then(settle(resolve), settle(reject));
	});
}

/**
 * Runs `work` every `intervalMs` after the last run ended, however it ended, and keeps no process alive for it. Returns
 * what stops it.
 */
export function every(intervalMs: number, work: () => Promise<void>, onError: (error: unknown) => void): () => void {
	let stopped = false;
	let timer: NodeJS.Timeout;
	const schedule = () => {
		if (stopped) return;
		timer = setTimeout(() => void work().catch(onError).finally(schedule), intervalMs);
		timer.unref();
	};
	schedule();
	return () => {
		stopped = true;
		clearTimeout(timer);
	};
}
