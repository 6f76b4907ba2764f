import { describe, expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import type { Job } from '../../lib/jobs/job.ts';
import { PartialFailure } from '../../lib/jobs/runner.ts';
import { hookedWork, withHooks, type HookFacts, type RunCommand } from '../../lib/snapshot/hooks.ts';
import { CommandLog } from '../support/command-log.ts';

const signal = new AbortController().signal;
const hooks = { pre: ['/pre'], post: ['/post', '-v'], timeout: 7000 };
const facts: HookFacts = {
	job: 'j1',
	node: 'n1',
	databases: ['data', 'my shop'],
	schedule: { name: 'nightly', occurrence: 'nightly@2026-11-23T01:00:00.000Z' },
};

describe('the work', () => {
	test('is done between the two commands, which see what it is about and how it ended', async () => {
		const { log, run } = new CommandLog();
		const work = async () => void log.push({ words: ['(work)'], timeoutMs: 0, env: {} });
		expect(await withHooks(hooks, facts, run, work, signal)).toEqual({
			outcome: { done: undefined },
			hooks: { pre: { output: 'said /pre' }, post: { output: 'said /post' } },
		});
		const env = {
			CUSTODIAN_JOB: 'j1',
			CUSTODIAN_NODE: 'n1',
			CUSTODIAN_DATABASES: 'data\nmy shop',
			CUSTODIAN_SCHEDULE: 'nightly',
			CUSTODIAN_OCCURRENCE: 'nightly@2026-11-23T01:00:00.000Z',
		};
		expect(log).toEqual([
			{ words: ['/pre'], timeoutMs: 7000, env: { ...env, CUSTODIAN_HOOK: 'pre' } },
			{ words: ['(work)'], timeoutMs: 0, env: {} },
			{
				words: ['/post', '-v'],
				timeoutMs: 7000,
				env: { ...env, CUSTODIAN_HOOK: 'post', CUSTODIAN_RESULT: 'succeeded' },
			},
		]);
	});

	test('is done alone where there are no hooks', async () => {
		const { log, run } = new CommandLog();
		expect(await withHooks(undefined, facts, run, async () => 5, signal)).toEqual({ outcome: { done: 5 }, hooks: {} });
		expect(await withHooks({ timeout: 1 }, facts, run, async () => 5, signal)).toEqual({
			outcome: { done: 5 },
			hooks: {},
		});
		expect(log).toEqual([]);
	});

	test('is not done where the command before it fails, and the one after it is run all the same', async () => {
		const { log, run } = new CommandLog({ '/pre': new CustodianError('command_failed', '/pre', 'No.') });
		const { outcome, hooks: report } = await withHooks(hooks, facts, run, () => expect.unreachable(), signal);
		expect(outcome).toMatchObject({ error: { code: 'hook_failed' } });
		expect(report).toEqual({ pre: { problem: 'No.' }, post: { output: 'said /post' } });
		expect(log.at(-1)?.env).toMatchObject({ CUSTODIAN_HOOK: 'post', CUSTODIAN_RESULT: 'failed' });
	});

	test('has failed for the command after it where it has', async () => {
		const { log, run } = new CommandLog();
		const error = new Error('full');
		const failing = () => Promise.reject(error);
		const hooked = await withHooks(hooks, facts, run, failing, signal);
		expect(hooked.outcome).toEqual({ error });
		expect(log.at(-1)?.env).toMatchObject({ CUSTODIAN_RESULT: 'failed' });
	});

	test('stays done where the command after it fails', async () => {
		const { run } = new CommandLog({
			'/post': new CustodianError('command_timeout', '/post', 'Late.', { hint: 'Hm.' }),
		});
		expect(await withHooks(hooks, facts, run, async () => 1, signal)).toEqual({
			outcome: { done: 1 },
			hooks: { pre: { output: 'said /pre' }, post: { problem: 'Late. Hm.' } },
		});
	});
});

test('a cancelled run gets its command after it, which is not cancelled, and the reason stays what it is', async () => {
	const stop = new AbortController();
	const seen: boolean[] = [];
	const run: RunCommand = async ([program], _, given) => {
		seen.push(given.aborted);
		if (program !== '/pre') return { output: '' };
		stop.abort(new CustodianError('cancelled', 'j1', 'It was cancelled.'));
		throw given.reason;
	};
	const { outcome } = await withHooks(hooks, facts, run, () => expect.unreachable(), stop.signal);
	expect(outcome).toMatchObject({ error: { code: 'cancelled' } });
	expect(seen).toEqual([false, false]);
});

describe('a job', () => {
	const schedule = { name: 'nightly', occurrence: 'o' };
	const jobOf = (request: object): Job => ({ id: 'j1', kind: 'snapshot', request, state: 'running', submittedAt: 0 });
	const databases = () => [
		{ name: 'data', fileBytes: 0 },
		{ name: 'shop', fileBytes: 0 },
	];
	const ports = (run: RunCommand) => ({
		run,
		hooksOf: (name: string) => (name === 'nightly' ? hooks : undefined),
		databases,
		node: 'n1',
	});

	test('of a schedule with hooks keeps what they said beside its result', async () => {
		const { log, run } = new CommandLog();
		const work = hookedWork(async () => ({ taken: [1] }), ports(run));
		expect(await work(jobOf({ databases: ['*'], schedule }), () => undefined, signal)).toEqual({
			taken: [1],
			hooks: { pre: { output: 'said /pre' }, post: { output: 'said /post' } },
		});
		expect(log[0]?.env).toMatchObject({ CUSTODIAN_DATABASES: 'data\nshop' });
	});

	test('that fails in part says that, and what its hooks said', async () => {
		const failing = async () => {
			throw new PartialFailure({ taken: [1], failed: [2] }, 'no_space', 'shop', 'Full.', { hint: 'Make room.' });
		};
		const work = hookedWork(failing, ports(new CommandLog().run));
		await expect(work(jobOf({ databases: ['*'], schedule }), () => undefined, signal)).rejects.toMatchObject({
			code: 'no_space',
			message: 'Full.',
			hint: 'Make room.',
			result: { taken: [1], failed: [2], hooks: { post: { output: 'said /post' } } },
		});
	});

	test('that a fault of ours ends says what its hooks said as well', async () => {
		const failing = () => Promise.reject(new TypeError('undefined is not a function'));
		const work = hookedWork(failing, ports(new CommandLog().run));
		await expect(work(jobOf({ databases: ['*'], schedule }), () => undefined, signal)).rejects.toMatchObject({
			code: 'internal',
			result: { hooks: { post: { output: 'said /post' } } },
		});
	});

	test.each([
		['somebody asked for', { databases: ['*'] }],
		['a schedule without hooks asked for', { databases: ['*'], schedule: { name: 'other', occurrence: 'o' } }],
	])('that %s runs no command', async (_, request) => {
		const { log, run } = new CommandLog();
		expect(await hookedWork(async () => 'result', ports(run))(jobOf(request), () => undefined, signal)).toBe('result');
		expect(log).toEqual([]);
	});

	test('for a database that there is not runs no command', async () => {
		const { log, run } = new CommandLog();
		const request = { databases: ['$(id)'], schedule };
		const work = hookedWork(async () => 1, ports(run));
		await expect(work(jobOf(request), () => undefined, signal)).rejects.toMatchObject({ code: 'database_missing' });
		expect(log).toEqual([]);
	});
});
