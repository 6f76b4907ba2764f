import { execFileSync, fork } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCommand } from '../../lib/adapters/command.ts';
import { CustodianError } from '../../lib/errors.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { eventually } from '../support/wait.ts';

const signal = new AbortController().signal;
const shell = (script: string, ...words: string[]) => ['/bin/sh', '-c', script, 'sh', ...words];
const run = (words: readonly string[], env: Record<string, string> = {}, timeoutMs = 30_000) =>
	runCommand(words, { timeoutMs, env }, signal);

test('what a command prints to either stream is kept', async () => {
	const { output } = await run(shell('echo one; echo two >&2; echo three'));
	expect(output.trim().split('\n').sort()).toEqual(['one', 'three', 'two']);
});

test('words reach the program as they are, since no shell reads them', async () => {
	const words = ['$HOME', '; echo no', '`id`', 'a b', '"', '\\', '*'];
	expect(await run(['/usr/bin/printf', '%s|', ...words])).toEqual({ output: words.map((word) => `${word}|`).join('') });
});

test('a command sees PATH, HOME, LANG and TZ, our variables, and no secret of ours', async () => {
	process.env['HDB_ADMIN_PASSWORD'] = 'hidden';
	onTestFinished(() => void delete process.env['HDB_ADMIN_PASSWORD']);
	const { output } = await run(['/usr/bin/env'], { CUSTODIAN_JOB: 'j 1', LD_PRELOAD: '/x', PATH: '/nowhere' });
	const names = output.trim().split('\n');
	expect(names).toContain('CUSTODIAN_JOB=j 1');
	expect(names).toContain(`PATH=${process.env['PATH']}`);
	const allowed = /^(?:PATH|HOME|LANG|TZ|CUSTODIAN_JOB)=/;
	expect(names.filter((name) => !allowed.test(name))).toEqual([]);
});

test('standard input is empty', async () => {
	expect(await run(['/bin/cat'])).toEqual({ output: '' });
});

test('of long output the end is kept, whole characters, with a mark where it was cut', async () => {
	const { output } = await run(shell('i=0; while [ $i -lt 4000 ]; do echo "é$i€"; i=$((i+1)); done; echo end'));
	const [mark = '', ...lines] = output.split('\n');
	const kept = Buffer.byteLength(lines.join('\n'));
	expect(kept).toBeLessThanOrEqual(16 * 1024);
	expect(kept).toBeGreaterThan(16 * 1024 - 4);
	expect(Number(/^\[(\d+) bytes are left out here\]$/.exec(mark)?.[1])).toBeGreaterThan(4000);
	expect(output).not.toContain('\uFFFD');
	expect(output.endsWith('end\n')).toBe(true);
});

describe('a failure says what it was:', () => {
	test.each([
		['another exit code than 0', shell('echo no room; exit 3'), 'command_failed', 'exit code 3', 'no room'],
		['a signal', shell('echo oh; kill -9 $$'), 'command_failed', 'SIGKILL', 'oh'],
		['no such program', ['/nowhere/at/all'], 'command_missing', 'ENOENT', 'may execute it'],
		['a file that nobody may execute', ['/etc/passwd'], 'command_missing', 'EACCES', 'may execute it'],
	])('%s', async (_, words, code, message, hint) => {
		const error = await failure(run(words));
		expect(error.code).toBe(code);
		expect(error.message).toContain(message);
		expect(error.hint).toContain(hint);
	});

	test('a word that no program can be given', async () => {
		expect((await failure(run(['/bin/echo', 'a\0b']))).code).toBe('command_failed');
	});
});

describe('the whole group is ended', () => {
	const family = 'sleep 300 & echo $! >"$1"; wait';

	test('when the time is up', async () => {
		const file = join(await temporaryDirectory(), 'pid');
		const error = await failure(run(shell(`echo begun; ${family}`, file), {}, 300));
		expect(error).toMatchObject({ code: 'command_timeout', hint: 'It said: begun' });
		expect(error.message).toContain('0.3 s');
		await eventually(async () => !lives(await pidIn(file)), { describe: 'the child of the command ends' });
	});

	test('when the signal is aborted, and the reason is passed on', async () => {
		const file = join(await temporaryDirectory(), 'pid');
		const stop = new AbortController();
		const running = runCommand(shell(family, file), { timeoutMs: 60_000 }, stop.signal);
		running.catch(() => undefined);
		const pid = await eventually(() => pidIn(file), { describe: 'the command begins' });
		stop.abort(new Error('enough'));
		await expect(running).rejects.toThrow('enough');
		await eventually(() => !lives(pid), { describe: 'the child of the command ends' });
	});

	test('by force, where it does not listen', async () => {
		const file = join(await temporaryDirectory(), 'pid');
		const error = await failure(run(shell(`trap "" TERM; ${family}; wait; sleep 300`, file), {}, 300));
		expect(error.code).toBe('command_timeout');
		await eventually(async () => !lives(await pidIn(file)), { describe: 'the child of the command ends' });
	});
});

test('a signal that is aborted before begins nothing', async () => {
	const file = join(await temporaryDirectory(), 'file');
	await expect(
		runCommand(['/usr/bin/touch', file], { timeoutMs: 1000 }, AbortSignal.abort(new Error('no')))
	).rejects.toThrow('no');
	await expect(readFile(file)).rejects.toThrow('ENOENT');
});

test('a process that the command leaves behind lives on, and nobody waits for its output', async () => {
	const file = join(await temporaryDirectory(), 'pid');
	expect(await run(shell('echo done; sleep 300 & echo $! >"$1"', file))).toEqual({ output: 'done\n' });
	const pid = await pidIn(file);
	expect(lives(pid)).toBe(true);
	process.kill(Number(pid), 'SIGKILL');
});

test('nothing stays to watch a command that has ended', async () => {
	await run(['/bin/true']);
	expect(await eventually(() => guards().length === 0, { describe: 'the guard ends' })).toBe(true);
});

describe('a command does not outlive', () => {
	test('the thread that began it', async () => {
		const { entry, file } = await program('worker_threads');
		const worker = new Worker(entry, { argv: [file] });
		const pid = await guardedPid(file);
		await worker.terminate();
		expect(await eventually(() => !lives(pid), { describe: 'the command ends' })).toBe(true);
	});

	test('a process that is killed', async () => {
		const { entry, file } = await program('child_process');
		const process = fork(entry, [file], { execArgv: [], stdio: 'ignore' });
		const pid = await guardedPid(file);
		process.kill('SIGKILL');
		expect(await eventually(() => !lives(pid), { describe: 'the command ends' })).toBe(true);
	});
});

/** The command, once it is begun and watched. */
async function guardedPid(file: string): Promise<number> {
	await eventually(async () => (await readFile(`${file}-begun`, 'utf8')) !== '', {
		describe: 'the command is watched',
	});
	return eventually(() => pidIn(file), { describe: 'the command begins' });
}

/** A program that runs a command with the adapter as it is built. */
async function program(name: string): Promise<{ readonly entry: string; readonly file: string }> {
	const directory = await temporaryDirectory();
	const checkout = join(import.meta.dirname, '../..');
	const out = join(directory, 'built');
	const tsc = join(checkout, 'node_modules/typescript/bin/tsc');
	execFileSync(process.execPath, [tsc, '-p', join(checkout, 'tsconfig.json'), '--outDir', out]);
	await writeFile(join(directory, 'package.json'), '{"type":"module"}');
	const entry = join(directory, `${name}.js`);
	const file = join(directory, 'pid');
	const words = JSON.stringify(['/bin/sh', '-c', 'echo $$ >"$1"; sleep 300; true', 'sh', file]);
	await writeFile(
		entry,
		`import { writeFileSync } from 'node:fs';
		import { runCommand } from './built/lib/adapters/command.js';
		const running = runCommand(${words}, { timeoutMs: 300_000 }, new AbortController().signal);
		writeFileSync(${JSON.stringify(`${file}-begun`)}, 'begun\\n');
		await running;`
	);
	return { entry, file };
}

async function failure(work: Promise<unknown>): Promise<CustodianError> {
	const error: unknown = await work.then(
		() => undefined,
		(thrown: unknown) => thrown
	);
	if (!(error instanceof CustodianError)) throw new Error(`No CustodianError but ${String(error)}`);
	return error;
}

async function pidIn(file: string): Promise<number | false> {
	const text = await readFile(file, 'utf8').catch(() => '');
	return text.endsWith('\n') && Number(text);
}

/** A process that has ended and that nobody has asked about yet does not live. */
function lives(pid: number | false): boolean {
	if (pid === false) return false;
	try {
		return !/^State:\s+Z/m.test(execFileSync('/bin/cat', [`/proc/${pid}/status`], { encoding: 'utf8', stdio: 'pipe' }));
	} catch {
		return false;
	}
}

/** The guards that this process has begun. */
function guards(): readonly string[] {
	const all = execFileSync('/bin/ps', ['-eo', 'ppid,args'], { encoding: 'utf8' }).split('\n');
	return all.filter((line) => line.trim().startsWith(`${process.pid} `) && line.includes('read -r group'));
}
