import type { Sleep } from '../pause.ts';
import type { Clock } from '../time.ts';
import type { Repository } from './repository.ts';

export interface ThrottlePorts {
	readonly clock: Pick<Clock, 'monotonic'>;
	readonly sleep: Sleep;
}

/** Lets no more than so many bytes a second through, written and read together. */
export function throttled(repository: Repository, bytesPerSecond: number, ports: ThrottlePorts): Repository {
	const bucket = tokenBucket(bytesPerSecond, ports);
	return {
		write: (key, bytes, signal) => repository.write(key, paced(bytes, bucket, signal), signal),
		read: (key, range, signal) => paced(repository.read(key, range, signal), bucket, signal),
		stat: (key, signal) => repository.stat(key, signal),
		list: (prefix, signal) => repository.list(prefix, signal),
		remove: (key, signal) => repository.remove(key, signal),
		leftovers: (signal) => repository.leftovers(signal),
		removeLeftover: (leftover, signal) => repository.removeLeftover(leftover, signal),
		freeBytes: (signal) => repository.freeBytes(signal),
	};
}

type Take = (bytes: number, signal: AbortSignal | undefined) => Promise<void>;

async function* paced(
	bytes: AsyncIterable<Uint8Array>,
	take: Take,
	signal: AbortSignal | undefined
): AsyncGenerator<Uint8Array, void, undefined> {
	for await (const chunk of bytes) {
		await take(chunk.length, signal);
		yield chunk;
	}
}

/** Holds what a second allows. Who takes more than there is goes into debt and waits until it is paid. */
function tokenBucket(bytesPerSecond: number, { clock, sleep }: ThrottlePorts): Take {
	let available = bytesPerSecond;
	let filledAt = clock.monotonic();
	return async (bytes, signal) => {
		const now = clock.monotonic();
		available = Math.min(bytesPerSecond, available + ((now - filledAt) / 1000) * bytesPerSecond);
		filledAt = now;
		available -= bytes;
		if (available < 0) await sleep((-available / bytesPerSecond) * 1000, signal);
		signal?.throwIfAborted();
	};
}
