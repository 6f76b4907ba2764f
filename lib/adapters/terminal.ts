import { CustodianError } from '../errors.ts';

/** More often than this nobody can read it. */
const LINE_EVERY_MS = 100;

export function print(text: string): Promise<void> {
	return written(process.stdout, `${text}\n`);
}

export function complain(text: string): Promise<void> {
	return written(process.stderr, `${text}\n`);
}

/** One line that is written over and over, where somebody sits before it. */
export interface StatusLine {
	show(line: () => string): void;
	clear(): void;
}

export function statusLine(stream: NodeJS.WriteStream = process.stderr): StatusLine {
	let shownAt = -Infinity;
	let shown = false;
	return {
		show(line) {
			if (!stream.isTTY || performance.now() - shownAt < LINE_EVERY_MS) return;
			shownAt = performance.now();
			shown = true;
			stream.write(`${ERASED}${line().slice(0, stream.columns - 1)}`);
		},
		clear() {
			if (shown) stream.write(ERASED);
			shown = false;
		},
	};
}

/** To the beginning of the line, and nothing behind it. */
const ERASED = '\r\u001B[K';

export interface Interruption {
	/** Aborted once somebody wants the command to end. */
	readonly signal: AbortSignal;
	/** As shells expect it of what a signal has ended. */
	exitCode(): number | undefined;
}

/** The first signal asks for an end, so that nothing unfinished is left behind; the second ends at once. */
export function interruption(): Interruption {
	const stop = new AbortController();
	let exitCode: number | undefined;
	for (const [name, number] of [
		['SIGINT', 2],
		['SIGTERM', 15],
		['SIGHUP', 1],
	] as const) {
		process.on(name, () => {
			if (exitCode !== undefined) process.exit(exitCode);
			exitCode = 128 + number;
			stop.abort(new CustodianError('interrupted', name, `Interrupted by ${name}.`));
		});
	}
	return { signal: stop.signal, exitCode: () => exitCode };
}

/** Resolves once the bytes are out, so that the process may exit; also where the reader has gone, as `head` does. */
function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
	return new Promise((resolve) => {
		stream.once('error', () => resolve());
		stream.write(text, () => resolve());
	});
}
