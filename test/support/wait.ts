import { setTimeout as delay } from 'node:timers/promises';

/**
 * Tries until the attempt neither throws nor yields `false`, and resolves with what it yielded. When the time is up
 * it rejects, saying what was awaited and why the last attempt failed.
 */
export async function eventually<T>(
	attempt: () => T | false | Promise<T | false>,
	options: { readonly describe: string; readonly timeoutMs?: number; readonly intervalMs?: number }
): Promise<T> {
	const { describe, timeoutMs = 30_000, intervalMs = 50 } = options;
	const deadline = performance.now() + timeoutMs;
	let failure: unknown = 'the first attempt did not finish';
	do {
		try {
			const outcome = await beforeDeadline(attempt, deadline);
			if (outcome !== late && outcome !== false) return outcome;
			failure = outcome === late ? 'the last attempt did not finish' : 'it was not so';
		} catch (error) {
			failure = error;
		}
		await delay(Math.max(0, Math.min(intervalMs, deadline - performance.now())));
	} while (performance.now() < deadline);
	const reason = failure instanceof Error ? failure.message : String(failure);
	throw new Error(`Not within ${timeoutMs} ms: ${describe}. Last failure: ${reason}`, { cause: failure });
}

const late = Symbol('late');

async function beforeDeadline<T>(attempt: () => T | Promise<T>, deadline: number): Promise<T | typeof late> {
	const timer = new AbortController();
	try {
		return await Promise.race([
			Promise.resolve(attempt()),
			delay(Math.max(1, deadline - performance.now()), late, { signal: timer.signal }),
		]);
	} finally {
		timer.abort();
	}
}
