import { expect, test } from 'vitest';
import { eventually } from './wait.ts';

test('a condition that comes true resolves with its value', async () => {
	let attempts = 0;
	const value = await eventually(() => ++attempts === 3 && 'ready', { describe: 'the third attempt', intervalMs: 1 });
	expect(value).toBe('ready');
});

test('an attempt that throws is tried again', async () => {
	let attempts = 0;
	await eventually(() => expect(++attempts).toBe(2), { describe: 'the second attempt', intervalMs: 1 });
	expect(attempts).toBe(2);
});

test('a condition that never comes true rejects with what was awaited and the last failure', async () => {
	const never = eventually(() => Promise.reject(new Error('connection refused')), {
		describe: 'the server answers',
		timeoutMs: 5,
		intervalMs: 1,
	});
	await expect(never).rejects.toThrow('Not within 5 ms: the server answers. Last failure: connection refused');
});

test('an attempt that hangs is given up at the deadline', async () => {
	const hangs = eventually(() => new Promise(() => {}), { describe: 'an answer', timeoutMs: 5 });
	await expect(hangs).rejects.toThrow('Last failure: the last attempt did not finish');
});
