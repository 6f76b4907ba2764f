import type { Turns } from '../../metrics/scraper.ts';
import type { Store } from './host.ts';

/** Counts in memory that all threads of the process share. */
export function harperTurns(store: Store): (name: string) => Turns {
	return (name) => {
		const initial = new ArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
		const count = new BigInt64Array(store.getUserSharedBuffer?.(['turns', name], initial) ?? initial);
		return {
			current: () => Number(Atomics.load(count, 0)),
			take: () => Number(Atomics.add(count, 0, 1n)) + 1,
		};
	};
}
