import { Packr } from 'msgpackr';
import { parseStructures, type Structures } from '../../lib/record/structures.ts';

/** msgpackr as Harper sets it up, with its structures in memory. */
export function harperPackr() {
	let stored: unknown;
	const options: object = {
		useBigIntExtension: true,
		randomAccessStructure: true,
		copyBuffers: true,
		getStructures: () => stored,
		saveStructures: (structures: unknown) => {
			stored = detached(structures);
			return true;
		},
	};
	const packr = new Packr(options);
	return { packr, structures: (): Structures => parseStructures(stored) };
}

/** Without what msgpackr notes beside them for itself, as they come back from a store. */
function detached(structures: unknown): unknown {
	const copy = (list: unknown) =>
		Array.from(list as unknown[], (one) => one && structuredClone(Array.from(one as unknown[])));
	return structures instanceof Map
		? new Map([...structures].map(([kind, list]) => [kind, copy(list)]))
		: copy(structures);
}
