import { requireKey, requirePrefix } from './object-key.ts';
import type { ObjectInfo, Repository } from './repository.ts';

/** The part of a repository whose keys begin with `prefix`, as a repository of its own. Leftovers and space are those of the whole. */
export function prefixed(repository: Repository, prefix: string): Repository {
	requirePrefix(prefix);
	const within = (key: string) => {
		requireKey(key);
		return prefix + key;
	};
	return {
		write: async (key, bytes, signal) => repository.write(within(key), bytes, signal),
		async *read(key, range, signal) {
			yield* repository.read(within(key), range, signal);
		},
		stat: async (key, signal) => stripped(await repository.stat(within(key), signal), prefix),
		async *list(beginning, signal) {
			requirePrefix(beginning);
			for await (const { key, sizeBytes } of repository.list(prefix + beginning, signal)) {
				yield { key: key.slice(prefix.length), sizeBytes };
			}
		},
		remove: async (key, signal) => repository.remove(within(key), signal),
		leftovers: (signal) => repository.leftovers(signal),
		removeLeftover: (leftover, signal) => repository.removeLeftover(leftover, signal),
		freeBytes: (signal) => repository.freeBytes(signal),
	};
}

function stripped(info: ObjectInfo | undefined, prefix: string): ObjectInfo | undefined {
	return info && { key: info.key.slice(prefix.length), sizeBytes: info.sizeBytes };
}
