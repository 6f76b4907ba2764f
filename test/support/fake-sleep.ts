import type { Sleep } from '../../lib/pause.ts';

/** A clock that only waiting moves, and everything that was waited for. */
export class FakeTime {
	ms = 0;
	readonly slept: number[] = [];

	readonly sleep: Sleep = async (ms) => {
		this.slept.push(ms);
		this.ms += ms;
	};

	readonly monotonic = (): number => this.ms;
}
