import { expect, test } from 'vitest';
import { sleep } from '../../lib/adapters/timers.ts';

test('sleeping ends by itself', async () => {
	await expect(sleep(1)).resolves.toBeUndefined();
	await expect(sleep(0, new AbortController().signal)).resolves.toBeUndefined();
});

test('sleeping ends at once when it is told to', async () => {
	const controller = new AbortController();
	const slept = sleep(2_000_000, controller.signal);
	controller.abort();
	await slept;
	await expect(sleep(2_000_000, controller.signal)).resolves.toBeUndefined();
});
