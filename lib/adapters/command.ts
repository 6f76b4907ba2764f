import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { CustodianError } from '../errors.ts';
import type { RunCommand } from '../snapshot/hooks.ts';

/** How long a command may take to end once it is told to. */
const GRACE_MS = 5000;

/** What a process that the command left behind may keep open, it keeps to itself after this. */
const STRAGGLER_MS = 1000;

const KEPT_BYTES = 16 * 1024;
const HINTED_CHARACTERS = 500;

/** All that a command sees of our environment: Harper's own may hold passwords. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ'];

/**
 * Runs a command without a shell, as the leader of a process group that is ended as a whole when the time is up or the
 * signal is aborted. Resolves with the end of what it printed. Rejects with `command_missing`, `command_timeout`,
 * `command_failed`, or with the signal's reason, once nothing of the group runs any more.
 */
export const runCommand: RunCommand = async (words, { timeoutMs, env = {} }, signal) => {
	signal.throwIfAborted();
	const [program = '', ...parameters] = words;
	const guard = startGuard();
	const child = start(program, parameters, environment(env), guard);
	const output = tailOf(child);
	const group = groupOf(child);
	let late = false;
	let killer: NodeJS.Timeout | undefined;
	const stop = () => {
		group('SIGTERM');
		killer ??= setTimeout(() => group('SIGKILL'), GRACE_MS).unref();
	};
	const limit = setTimeout(() => {
		late = true;
		stop();
	}, timeoutMs).unref();
	signal.addEventListener('abort', stop, { once: true });
	try {
		const end = await endOf(child, program);
		// Those that the leader left in its group have had the same notice.
		if (killer !== undefined) group('SIGKILL');
		signal.throwIfAborted();
		if (late) throw overdue(program, timeoutMs, output());
		if (end !== 'exit code 0') throw failed(program, end, output());
		return { output: output() };
	} finally {
		signal.removeEventListener('abort', stop);
		clearTimeout(limit);
		clearTimeout(killer);
		guard.dismiss();
	}
};

type Command = ChildProcessByStdio<null, Readable, Readable>;

function start(
	program: string,
	parameters: readonly string[],
	env: NodeJS.ProcessEnv,
	guard: ReturnType<typeof startGuard>
): Command {
	try {
		const child = spawn(program, parameters, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'], shell: false });
		guard.watch(child);
		return child;
	} catch (error) {
		guard.dismiss();
		throw unstartable(program, error);
	}
}

function environment(given: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
	const ours = PASSED_ON.map((name) => [name, process.env[name]] as const).filter(([, value]) => value !== undefined);
	const facts = Object.entries(given).filter(([name]) => name.startsWith('CUSTODIAN_'));
	return Object.fromEntries([...ours, ...facts]);
}

/** Sends a signal to all of the group; content where none of it is left. */
function groupOf({ pid }: ChildProcess): (signal: NodeJS.Signals) => void {
	return (signal) => {
		try {
			if (pid !== undefined) process.kill(-pid, signal);
		} catch {
			// It has ended.
		}
	};
}

/**
 * A thread that is terminated, and a process that is killed, run no timer: so a small process waits for the end of
 * this one, which closes the pipe between them, and then ends the group that it was told of. It is begun before the
 * command, so that only a kill within about a millisecond of its beginning leaves that to itself.
 */
function startGuard(): { readonly watch: (child: ChildProcess) => void; readonly dismiss: () => void } {
	const script = 'read -r group || exit; read -r _; kill -s TERM -- "-$group"; sleep 5; kill -s KILL -- "-$group"';
	const guard = spawn('/bin/sh', ['-c', script], {
		detached: true,
		env: { PATH: process.env['PATH'] },
		stdio: ['pipe', 'ignore', 'ignore'],
	});
	// Without a guard the time limit still holds for as long as this thread lives.
	guard.on('error', () => undefined);
	guard.stdin.on('error', () => undefined);
	guard.unref();
	return {
		watch: ({ pid }) => void (pid !== undefined && guard.stdin.write(`${pid}\n`)),
		dismiss: () => void guard.kill('SIGKILL'),
	};
}

/** Resolves with how the command ended, once all that it printed has arrived. */
function endOf(child: Command, program: string): Promise<string> {
	return new Promise((resolve, reject) => {
		child.once('error', (error) => reject(unstartable(program, error)));
		child.once('exit', (code, signal) => {
			const end = signal ?? `exit code ${code}`;
			const straggler = setTimeout(() => {
				child.stdout.destroy();
				child.stderr.destroy();
			}, STRAGGLER_MS).unref();
			child.once('close', () => {
				clearTimeout(straggler);
				resolve(end);
			});
		});
	});
}

/** Keeps the last of what a command prints to either stream, in the order in which it arrives. */
function tailOf({ stdout, stderr }: Command): () => string {
	let kept = Buffer.alloc(0);
	let cutBytes = 0;
	const keep = (chunk: Buffer) => {
		const all = Buffer.concat([kept, chunk]);
		kept = all.subarray(Math.max(0, all.length - KEPT_BYTES));
		cutBytes += all.length - kept.length;
	};
	for (const stream of [stdout, stderr]) stream.on('data', keep).on('error', () => undefined);
	return () => {
		if (cutBytes === 0) return kept.toString('utf8');
		// A character that was cut in two is left out.
		const begin = kept.findIndex((byte) => (byte & 0xc0) !== 0x80);
		return `[${cutBytes + begin} bytes are left out here]\n${kept.subarray(begin).toString('utf8')}`;
	};
}

function unstartable(program: string, cause: unknown): CustodianError {
	const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
	const isMissing = ['ENOENT', 'EACCES', 'ENOTDIR'].includes(code);
	const hint = 'Look whether the file is there, and whether the user that Harper runs as may execute it.';
	return isMissing
		? new CustodianError('command_missing', program, `${program} cannot be executed (${code}).`, { hint })
		: new CustodianError('command_failed', program, `${program} cannot be started (${code}).`);
}

function overdue(program: string, timeoutMs: number, output: string): CustodianError {
	const message = `${program} was ended because it took longer than ${timeoutMs / 1000} s.`;
	return new CustodianError('command_timeout', program, message, said(output));
}

function failed(program: string, end: string, output: string): CustodianError {
	return new CustodianError('command_failed', program, `${program} ended with ${end}.`, said(output));
}

function said(output: string): { readonly hint?: string } {
	const text = output.trim();
	return text === '' ? {} : { hint: `It said: ${text.slice(-HINTED_CHARACTERS)}` };
}
