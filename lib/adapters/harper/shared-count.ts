import type { Turns } from '../../metrics/scraper.ts';
import type { State } from './state.ts';

/** A count in memory that all threads of the process share; undefined without a state table. */
export function sharedCount(state: State, key: readonly string[]): Turns | undefined {
	const store = state.problem() === undefined ? state.store() : undefined;
	const memory = store?.getUserSharedBuffer?.(key, new ArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
	return memory && countIn(memory);
}

/** A count that this thread has to itself. */
export function ownCount(): Turns {
	return countIn(new ArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
}

function countIn(memory: ArrayBuffer): Turns {
	const count = new BigInt64Array(memory);
	return {
		current: () => Number(Atomics.load(count, 0)),
		take: () => Number(Atomics.add(count, 0, 1n)) + 1,
	};
}
