import type { Turns } from '../../metrics/scraper.ts';
import { ownCount, sharedCount } from './shared-count.ts';
import type { State } from './state.ts';

/** Turns that all threads of the process take together; without a state table each thread counts for itself. */
export function harperTurns(state: State): (name: string) => Turns {
	return (name) => sharedCount(state, ['turns', name]) ?? ownCount();
}
