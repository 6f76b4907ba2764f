/** Waits for `work`, or rejects with the signal's reason as soon as it is aborted; the work itself goes on. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
	if (signal === undefined) return work;
	return new Promise((resolve, reject) => {
		const abort = () => reject(signal.reason);
		if (signal.aborted) abort();
		signal.addEventListener('abort', abort, { once: true });
		void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
	});
}

/** Passes on what `source` yields until the signal is aborted, even while the source keeps it waiting. */
export async function* abortable<T>(
	source: AsyncIterable<T>,
	signal: AbortSignal | undefined
): AsyncGenerator<T, void, undefined> {
	signal?.throwIfAborted();
	const iterator = source[Symbol.asyncIterator]();
	let ended = false;
	try {
		for (;;) {
			const next = await orAborted(iterator.next(), signal).catch((error: unknown) => {
				// A source that threw has ended; one that was left waiting has not.
				ended = signal?.aborted !== true;
				throw error;
			});
			ended = next.done === true;
			if (next.done) return;
			yield next.value;
			signal?.throwIfAborted();
		}
	} finally {
		if (!ended) await closed(iterator, signal);
	}
}

/** A source that is stuck cannot be waited for. */
async function closed(iterator: AsyncIterator<unknown>, signal: AbortSignal | undefined): Promise<void> {
	const closing = iterator.return?.();
	if (signal?.aborted !== true) await closing;
	else closing?.catch(() => {});
}
