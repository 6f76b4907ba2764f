import type { ThreadLock } from '../../election.ts';
import type { State } from './state.ts';

/** LMDB locks are told apart by key and version; any fixed number will do. */
const VERSION = 1;

/** A lock over all threads of this process, which holds on one key of our table that nobody writes. */
export function harperThreadLock(state: State, key: string): ThreadLock {
	return {
		attempt: (onReleased) => state.store().attemptLock(key, VERSION, onReleased),
		release: () => void state.store().unlock(key, VERSION),
		isHeld: () => state.problem() === undefined && state.store().hasLock(key, VERSION),
	};
}
