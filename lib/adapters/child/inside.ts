import { CustodianError } from '../../errors.ts';
import { jobError } from '../../jobs/job-error.ts';
import type { OnProgress, Progress } from '../../jobs/progress.ts';
import type { FromChild, ToChild } from './messages.ts';

const ALIVE_EVERY_MS = 10_000;

/** Progress is for people: more often than this nobody looks. */
const PROGRESS_EVERY_MS = 500;

/** Waits for the one task that this process is for, does it, answers, and ends. Ends at once when the parent is gone. */
export function serveParent(
	run: (task: unknown, onProgress: OnProgress, signal: AbortSignal) => Promise<unknown>
): void {
	const cancel = new AbortController();
	process.once('disconnect', () => process.exit(1));
	process.on('message', (message) => {
		// Both sides are this package at one version.
		// oxlint-disable-next-line typescript/no-unsafe-type-assertion
		const said = message as ToChild;
		if ('cancel' in said) cancel.abort(new CustodianError('cancelled', 'task', 'It was cancelled.'));
		else void answer(said.task);
	});

	async function answer(task: unknown): Promise<void> {
		setInterval(() => void tell({ alive: true }), ALIVE_EVERY_MS).unref();
		const { onProgress, flush } = throttledProgress();
		try {
			const result = await run(task, onProgress, cancel.signal);
			flush();
			await tell({ result });
			process.exit(0);
		} catch (error) {
			const subject = error instanceof CustodianError ? error.subject : 'task';
			await tell({ error: { subject, ...jobError(error) } });
			process.exit(1);
		}
	}
}

function throttledProgress(): { readonly onProgress: OnProgress; readonly flush: () => void } {
	let toldAt = -Infinity;
	let latest: Progress | undefined;
	const flush = () => {
		if (latest) void tell({ progress: latest });
		latest = undefined;
		toldAt = performance.now();
	};
	return {
		onProgress(progress) {
			latest = progress;
			if (performance.now() - toldAt >= PROGRESS_EVERY_MS) flush();
		},
		flush,
	};
}

function tell(message: FromChild): Promise<void> {
	return new Promise((resolve) => {
		if (process.send) process.send(message, () => resolve());
		else resolve();
	});
}
