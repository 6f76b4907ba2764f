import type { Turns } from '../../metrics/scraper.ts';
import type { State } from './state.ts';

/** Counts in memory that all threads of the process share; without a state table each thread counts for itself. */
export function harperTurns(state: State): (name: string) => Turns {
	return (name) => {
		const initial = new ArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
		const store = state.problem() === undefined ? state.store() : undefined;
		const count = new BigInt64Array(store?.getUserSharedBuffer?.(['turns', name], initial) ?? initial);
		return {
			current: () => Number(Atomics.load(count, 0)),
			take: () => Number(Atomics.add(count, 0, 1n)) + 1,
		};
	};
}
