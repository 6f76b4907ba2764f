import { describe, expect, it } from 'vitest';
import { sleep } from '../../lib/adapters/timers.ts';

const HOUR = 3_600_000;

describe('a sleep', () => {
	it('ends by itself, and leaves no listener behind', async () => {
		const listeners = new Set<unknown>();
		const watched = {
			aborted: false,
			addEventListener: (_: string, listener: unknown) => listeners.add(listener),
			removeEventListener: (_: string, listener: unknown) => listeners.delete(listener),
		} as unknown as AbortSignal;
		const slept = sleep(1, watched);
		expect(listeners.size).toBe(1);
		await slept;
		expect(listeners.size).toBe(0);
	});

	it('ends at once when it is woken, and does not begin when it was', async () => {
		const wake = new AbortController();
		const slept = sleep(HOUR, wake.signal);
		wake.abort();
		await slept;
		await sleep(HOUR, wake.signal);
		expect(wake.signal.aborted).toBe(true);
	});
});
