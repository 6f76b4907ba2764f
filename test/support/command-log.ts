import type { RunCommand } from '../../lib/snapshot/hooks.ts';

/** Runs no command, remembers which it would have been, and fails where it is told to. */
export class CommandLog {
	readonly log: { readonly words: readonly string[]; readonly timeoutMs: number; readonly env: object }[] = [];
	readonly #failures: Readonly<Record<string, Error>>;

	constructor(failures: Readonly<Record<string, Error>> = {}) {
		this.#failures = failures;
	}

	readonly run: RunCommand = async (words, { timeoutMs, env = {} }) => {
		const [program = ''] = words;
		this.log.push({ words, timeoutMs, env });
		const failure = this.#failures[program];
		if (failure) throw failure;
		return { output: `said ${program}` };
	};
}
