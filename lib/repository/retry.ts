import { CustodianError } from '../errors.ts';
import type { Sleep } from '../pause.ts';

export interface RetryPolicy {
	/** How often a thing is tried in all. */
	readonly attempts: number;
	readonly sleep: Sleep;
	/** From 0 up to 1, as `Math.random`. */
	readonly random: () => number;
	readonly firstDelayMs?: number;
	readonly maxDelayMs?: number;
}

/** Tries again what an unreachable repository kept from succeeding; nothing else passes by itself. */
export async function retry<T>(work: () => Promise<T>, policy: RetryPolicy, signal?: AbortSignal): Promise<T> {
	for (let failures = 1; ; failures++) {
		try {
			return await work();
		} catch (error) {
			if (failures >= policy.attempts || !mayPass(error)) throw error;
			await policy.sleep(delayMs(failures, policy), signal);
			signal?.throwIfAborted();
		}
	}
}

export function mayPass(error: unknown): boolean {
	return error instanceof CustodianError && error.code === 'repository_unreachable';
}

/** Twice as long after each failure, and at random between half and all of that, so that not all come back at once. */
export function delayMs(failures: number, { random, firstDelayMs = 200, maxDelayMs = 20_000 }: RetryPolicy): number {
	const longest = Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1));
	return longest * (0.5 + random() / 2);
}
