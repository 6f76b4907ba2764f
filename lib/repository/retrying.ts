import { delayMs, mayPass, retry, type RetryPolicy } from './retry.ts';
import type { ByteRange, Leftover, ObjectInfo, Repository } from './repository.ts';

/**
 * Tries again what an unreachable repository kept from succeeding. A read goes on where it broke off, a list behind the
 * last key it gave. A write is tried once: its bytes are gone. Implementations that send an object in parts try each
 * part again by themselves, and who can make the bytes anew writes anew.
 */
export function retrying(repository: Repository, policy: RetryPolicy): Repository {
	return {
		write: (key, bytes, signal) => repository.write(key, bytes, signal),
		read: (key, range, signal) => readOn(repository, key, range, policy, signal),
		stat: (key, signal) => retry(() => repository.stat(key, signal), policy, signal),
		list: (prefix, signal) => listOn(repository, prefix, policy, signal),
		remove: (key, signal) => retry(() => repository.remove(key, signal), policy, signal),
		leftovers: (signal) => leftoversOnce(repository, policy, signal),
		removeLeftover: (leftover, signal) => retry(() => repository.removeLeftover(leftover, signal), policy, signal),
		freeBytes: (signal) => retry(() => repository.freeBytes(signal), policy, signal),
	};
}

function readOn(
	repository: Repository,
	key: string,
	{ start, end }: ByteRange = { start: 0 },
	policy: RetryPolicy,
	signal: AbortSignal | undefined
): AsyncGenerator<Uint8Array, void, undefined> {
	let position = start;
	return goOn(
		() => repository.read(key, { start: position, end }, signal),
		(chunk) => {
			position += chunk.length;
			return true;
		},
		policy,
		signal
	);
}

function listOn(
	repository: Repository,
	prefix: string,
	policy: RetryPolicy,
	signal: AbortSignal | undefined
): AsyncGenerator<ObjectInfo, void, undefined> {
	let last: string | undefined;
	return goOn(
		() => repository.list(prefix, signal),
		({ key }) => {
			if (last !== undefined && key <= last) return false;
			last = key;
			return true;
		},
		policy,
		signal
	);
}

function leftoversOnce(
	repository: Repository,
	policy: RetryPolicy,
	signal: AbortSignal | undefined
): AsyncGenerator<Leftover, void, undefined> {
	const given = new Set<string>();
	return goOn(
		() => repository.leftovers(signal),
		({ name }) => given.size < given.add(name).size,
		policy,
		signal
	);
}

/** Yields what `open` gives and `isNew` accepts; opens it again when it breaks. Each item starts the count anew. */
async function* goOn<T>(
	open: () => AsyncIterable<T>,
	isNew: (item: T) => boolean,
	policy: RetryPolicy,
	signal: AbortSignal | undefined
): AsyncGenerator<T, void, undefined> {
	for (let failures = 1; ; failures++) {
		try {
			for await (const item of open()) {
				if (!isNew(item)) continue;
				failures = 0;
				yield item;
			}
			return;
		} catch (error) {
			if (failures >= policy.attempts || !mayPass(error)) throw error;
			await policy.sleep(delayMs(Math.max(1, failures), policy), signal);
			signal?.throwIfAborted();
		}
	}
}
