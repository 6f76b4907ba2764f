import { createHash } from 'node:crypto';
import { harperText } from './checkpoints.ts';
import type { State } from './state.ts';

/** Remembers, over restarts and for all workers, which repository stood in which place: a record for each. */
export function knownRepositories(state: State): {
	readonly idAt: (location: string) => string | undefined;
	readonly remember: (location: string, id: string) => Promise<void>;
} {
	const recordOf = (location: string) => {
		// A path may be longer than a key of LMDB.
		const hash = createHash('sha256').update(location).digest('hex');
		return harperText(state, `repository/${hash}`);
	};
	return {
		idAt: (location) => recordOf(location).load(),
		remember: (location, id) => recordOf(location).save(id),
	};
}
