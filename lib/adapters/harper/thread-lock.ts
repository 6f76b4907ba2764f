import type { ThreadLock } from '../../election.ts';
import type { Store } from './host.ts';

/** LMDB locks are told apart by key and version; any fixed number will do. */
const VERSION = 1;

/** A lock over all threads of this process, which holds on one key of a table that nobody writes. */
export function harperThreadLock(store: Store, key: string): ThreadLock {
	return {
		attempt: (onReleased) => store.attemptLock(key, VERSION, onReleased),
		release: () => void store.unlock(key, VERSION),
		isHeld: () => store.hasLock(key, VERSION),
	};
}
