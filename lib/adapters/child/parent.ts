import { fork, type ChildProcess } from 'node:child_process';
import { setPriority } from 'node:os';
import { CustodianError } from '../../errors.ts';
import type { OnProgress } from '../../jobs/progress.ts';
import type { FromChild, ToChild } from './messages.ts';

/** How long a child may take to end once it is told to. */
const GRACE_MS = 5000;

/** A child that says nothing for so long hangs; one that only gets little of the processor says something. */
const SILENCE_MS = 300_000;

/** The database comes first: the child takes the processor when nobody else wants it. */
const NICENESS = 10;

/**
 * Runs one task in a process of its own, which ends with the task, with this thread, or with the signal. Rejects with
 * the error of the task, with the signal's reason, or with `child_died`.
 */
export async function runInChild(
	entry: URL,
	task: unknown,
	onProgress: OnProgress,
	signal: AbortSignal,
	silenceMs = SILENCE_MS
): Promise<unknown> {
	signal.throwIfAborted();
	const child = fork(entry, [], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
	const complaint = lastWords(child);
	lowerPriority(child);
	let overdue: NodeJS.Timeout | undefined;
	const cancel = () => {
		send(child, { cancel: true });
		overdue = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
		overdue.unref();
	};
	signal.addEventListener('abort', cancel, { once: true });
	let isSilent = false;
	const silence = setTimeout(() => (isSilent = child.kill('SIGKILL')), silenceMs);
	silence.unref();
	try {
		const answer = answerOf(child, onProgress, () => silence.refresh());
		send(child, { task });
		const last = await answer;
		signal.throwIfAborted();
		if (last === undefined) throw isSilent ? hung(silenceMs) : died(child, complaint());
		if ('error' in last) throw rethrown(last.error);
		return last.result;
	} finally {
		signal.removeEventListener('abort', cancel);
		clearTimeout(overdue);
		clearTimeout(silence);
		if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
	}
}

type Answer = Exclude<FromChild, { readonly progress: unknown } | { readonly alive: true }>;

/** Resolves when the process has ended, with the last thing that it said, if it said anything. */
function answerOf(child: ChildProcess, onProgress: OnProgress, onMessage: () => void): Promise<Answer | undefined> {
	return new Promise((resolve) => {
		let answer: Answer | undefined;
		child.on('message', (message) => {
			onMessage();
			// Both sides are this package at one version.
			// oxlint-disable-next-line typescript/no-unsafe-type-assertion
			answer = received(message as FromChild, onProgress) ?? answer;
		});
		child.once('error', () => resolve(answer));
		child.once('close', () => resolve(answer));
	});
}

function received(message: FromChild, onProgress: OnProgress): Answer | undefined {
	if ('alive' in message) return undefined;
	if (!('progress' in message)) return message;
	onProgress(message.progress);
	return undefined;
}

/** A child that has gone tells so by its end. */
function send(child: ChildProcess, message: ToChild): void {
	if (child.connected) child.send(message, () => undefined);
}

/** A process that has ended already needs no priority, and some hosts allow none. */
function lowerPriority({ pid }: ChildProcess): void {
	try {
		if (pid !== undefined) setPriority(pid, NICENESS);
	} catch {
		// It then runs like any other.
	}
}

/** The end of what it printed, for a death that nothing else explains. */
function lastWords(child: ChildProcess): () => string {
	let text = '';
	child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-2000)));
	return () => text.trim();
}

function died(child: ChildProcess, words: string): CustodianError {
	const how = child.signalCode === null ? `exit code ${child.exitCode}` : child.signalCode;
	const hint = 'If nobody killed it, the machine may be short of memory.';
	const said = words === '' ? '' : ` It said: ${words}`;
	return new CustodianError('child_died', how, `The process that did the work ended with ${how}.${said}`, { hint });
}

function hung(silenceMs: number): CustodianError {
	const message = `The process that did the work said nothing for ${Math.round(silenceMs / 1000)} s, and was ended.`;
	const hint = 'A disk or a mount that does not answer, or a process that was stopped, looks like this.';
	return new CustodianError('child_hangs', 'child', message, { hint });
}

function rethrown({ code, subject, message, hint }: Extract<FromChild, { readonly error: unknown }>['error']): Error {
	return new CustodianError(code, subject, message, hint === undefined ? {} : { hint });
}
