import { expect, test } from 'vitest';
import { abortable, orAborted } from '../../lib/repository/abort.ts';
import { all, chunked, stuckAfter, textOf } from '../support/bytes.ts';

const reason = new Error('enough');

test('work that ends first is what it is', async () => {
	const { signal } = new AbortController();
	expect(await orAborted(Promise.resolve(1), signal)).toBe(1);
	await expect(orAborted(Promise.reject(reason), signal)).rejects.toBe(reason);
	expect(await orAborted(Promise.resolve(1), undefined)).toBe(1);
});

test('work that never ends is not waited for', async () => {
	const controller = new AbortController();
	const waiting = orAborted(new Promise(() => {}), controller.signal);
	controller.abort(reason);
	await expect(waiting).rejects.toBe(reason);
	await expect(orAborted(new Promise(() => {}), controller.signal)).rejects.toBe(reason);
});

test('a source passes as it is, with its end and its failure', async () => {
	const { signal } = new AbortController();
	expect(await textOf(abortable(chunked('a', 'b'), signal))).toBe('ab');
	async function* broken(): AsyncGenerator<number> {
		yield 1;
		throw reason;
	}
	await expect(all(abortable(broken(), signal))).rejects.toBe(reason);
});

test('a source that is stuck is left', async () => {
	const controller = new AbortController();
	const { bytes, waiting } = stuckAfter('a');
	const reading = all(abortable(bytes, controller.signal));
	await waiting;
	controller.abort(reason);
	await expect(reading).rejects.toBe(reason);
});

test.each([undefined, new AbortController().signal])('a source is closed by whoever leaves early', async (signal) => {
	let closed = 0;
	async function* source(): AsyncGenerator<number> {
		try {
			yield 1;
			yield 2;
		} finally {
			closed++;
		}
	}
	for await (const item of abortable(source(), signal)) {
		expect(item).toBe(1);
		break;
	}
	expect(closed).toBe(1);
});
