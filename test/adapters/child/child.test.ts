import { fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInChild } from '../../../lib/adapters/child/parent.ts';
import type { Progress } from '../../../lib/jobs/progress.ts';
import type { ChildWish } from '../../support/child-task.ts';
import { compiled } from '../../support/compiled.ts';
import { eventually } from '../../support/wait.ts';

let folder: URL;
let entry: URL;
beforeAll(() => {
	folder = compiled('test/support/child-task.ts', 'test/support/child-parent.ts');
	entry = new URL('test/support/child-task.js', folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const forEver = new AbortController().signal;

const run = (wish: ChildWish, onProgress: (progress: Progress) => void = () => {}, signal = forEver) =>
	runInChild(entry, wish, onProgress, signal);

const isAlive = (pid: number) => {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
};

/** The id of the process, once it works. */
function started(wish: ChildWish, signal?: AbortSignal) {
	let done: Promise<unknown> | undefined;
	const pid = new Promise<number>((resolve, reject) => {
		done = run(wish, ({ rows = 0 }) => resolve(rows), signal);
		done.catch(reject);
	});
	return { pid, done };
}

describe('a task in a process of its own', () => {
	test('gives its result, and the process is gone', async () => {
		let pid = 0;
		const result = await run('result', ({ rows = 0 }) => (pid = rows));
		expect(result).toEqual({ wish: 'result', deep: [1, null, 'ä'] });
		expect(pid).not.toBe(process.pid);
		expect(isAlive(pid)).toBe(false);
	});

	test('gives its error, with code, subject and hint', async () => {
		await expect(run('error')).rejects.toMatchObject({
			name: 'CustodianError',
			code: 'wrong_key',
			subject: 'the subject',
			message: 'No key.',
			hint: 'Name it.',
		});
		await expect(run('bug')).rejects.toMatchObject({ code: 'internal', message: 'x is undefined' });
	});

	test('tells its progress, the last of it always, and not every bit', async () => {
		const told: Progress[] = [];
		await run('progress', (progress) => void told.push(progress));
		expect(told.at(-1)).toEqual({ step: 'store', bytes: 1000 });
		expect(told.length).toBeLessThan(20);
	});

	test('that is killed has died', async () => {
		await expect(run('die')).rejects.toMatchObject({ code: 'child_died', subject: 'SIGKILL' });
	});

	test('that ends without an answer has died, and what it said last is told', async () => {
		await expect(run('exit')).rejects.toMatchObject({
			code: 'child_died',
			subject: 'exit code 9',
			message: expect.stringContaining('out of memory'),
		});
	});

	test('that cannot be started has died', async () => {
		await expect(runInChild(new URL('./none.ts', entry), 'x', () => {}, forEver)).rejects.toMatchObject({
			code: 'child_died',
		});
	});

	test('leaves the processor to the database', async () => {
		const abort = new AbortController();
		const { pid, done } = started('wait', abort.signal);
		expect(getPriority(await pid)).toBe(10);
		abort.abort();
		await done?.catch(() => {});
	});

	test('ends with the reason of the signal, and so does the process', async () => {
		const abort = new AbortController();
		const { pid, done } = started('wait', abort.signal);
		const id = await pid;
		abort.abort(new Error('cancelled'));
		await expect(done).rejects.toThrow('cancelled');
		expect(isAlive(id)).toBe(false);
	});

	test('that does not listen is killed', { timeout: 20_000 }, async () => {
		const abort = new AbortController();
		const { pid, done } = started('deaf', abort.signal);
		const id = await pid;
		abort.abort(new Error('cancelled'));
		await expect(done).rejects.toThrow('cancelled');
		expect(isAlive(id)).toBe(false);
	});

	test('that hangs is ended', async () => {
		const stopped: number[] = [];
		const stop = ({ rows = 0 }: Progress) => {
			stopped.push(rows);
			process.kill(rows, 'SIGSTOP');
		};
		await expect(runInChild(entry, 'wait', stop, forEver, 1000)).rejects.toMatchObject({ code: 'child_hangs' });
		expect(stopped.map(isAlive)).toEqual([false]);
	});

	test('is not begun where the signal came first', async () => {
		const told: Progress[] = [];
		const signal = AbortSignal.abort(new Error('too late'));
		await expect(run('result', (progress) => void told.push(progress), signal)).rejects.toThrow('too late');
		expect(told).toEqual([]);
	});

	test('ends when its parent is killed', async () => {
		const parent = fork(new URL('test/support/child-parent.js', folder));
		const pid = await new Promise<number>((resolve) => parent.once('message', (message) => resolve(Number(message))));
		expect(isAlive(pid)).toBe(true);
		parent.kill('SIGKILL');
		await eventually(() => !isAlive(pid), { describe: 'the child ends' });
	});
});
