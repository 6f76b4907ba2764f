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
export async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const overdue = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
		timer.unref();
	});
	try {
		return await Promise.race([work, overdue]);
	} finally {
		clearTimeout(timer);
	}
}

/** Runs `work` every `intervalMs` after the last run ended, and keeps no process alive for it. Returns what stops it. */
export function every(intervalMs: number, work: () => Promise<void>): () => void {
	let stopped = false;
	let timer: NodeJS.Timeout;
	const schedule = () => {
		if (stopped) return;
		timer = setTimeout(() => void work().finally(schedule), intervalMs);
		timer.unref();
	};
	schedule();
	return () => {
		stopped = true;
		clearTimeout(timer);
	};
}
