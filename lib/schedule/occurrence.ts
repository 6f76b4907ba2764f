import { toIso } from '../time.ts';
import { jitterOf } from './jitter.ts';

/** When something is due, again and again: moments in ascending order, none of them twice. */
export interface Timing {
	/** The first moment later than this one; undefined where none will come. */
	next(after: number): number | undefined;
	/** The last moment up to this one; undefined where there was none. */
	previous(at: number): number | undefined;
}

/** One time at which a schedule is due. */
export interface Occurrence {
	/** `<schedule>@<nominal moment>`: the same on every node and after every restart. */
	readonly id: string;
	readonly schedule: string;
	/** The moment that the schedule names. */
	readonly nominalAt: number;
	/** The moment at which this node begins: the nominal one and the jitter. */
	readonly dueAt: number;
}

/** Every multiple of the interval since the epoch: restarts move nothing, and all nodes agree. */
export function everyInterval(intervalMs: number): Timing {
	return {
		next: (after) => (Math.floor(after / intervalMs) + 1) * intervalMs,
		previous: (at) => Math.floor(at / intervalMs) * intervalMs,
	};
}

/** The occurrences of one schedule on one node, in the order in which they are due. */
export class Occurrences {
	readonly #schedule: string;
	readonly #timing: Timing;
	readonly #jitterMs: number;

	constructor(options: { schedule: string; node: string; timing: Timing; jitterMs?: number | undefined }) {
		this.#schedule = options.schedule;
		this.#timing = options.timing;
		this.#jitterMs = jitterOf(options.schedule, options.node, options.jitterMs ?? 0);
	}

	/** The first that is due after a moment. */
	next(after: number): Occurrence | undefined {
		const previous = this.#timing.previous(after);
		if (previous !== undefined) {
			const occurrence = this.of(previous);
			if (occurrence.dueAt > after) return occurrence;
		}
		return this.#maybe(this.#timing.next(after));
	}

	/** The last that is due by a moment. */
	previous(at: number): Occurrence | undefined {
		const nominalAt = this.#timing.previous(at);
		if (nominalAt === undefined) return undefined;
		const occurrence = this.of(nominalAt);
		return occurrence.dueAt <= at ? occurrence : this.#maybe(this.#timing.previous(nominalAt - 1));
	}

	/** Those due later than one moment and no later than another, at most so many of them. */
	between(after: number, until: number, limit: number): Occurrence[] {
		const found: Occurrence[] = [];
		let occurrence = this.next(after);
		while (occurrence && occurrence.dueAt <= until && found.length < limit) {
			found.push(occurrence);
			occurrence = this.next(occurrence.dueAt);
		}
		return found;
	}

	/** The occurrence of a nominal moment, also of one that the schedule named before it was changed. */
	of(nominalAt: number): Occurrence {
		const next = this.#timing.next(nominalAt);
		// Past half the way to the next one, jitter would let occurrences meet.
		const delayMs = next === undefined ? this.#jitterMs : Math.min(this.#jitterMs, Math.floor((next - nominalAt) / 2));
		const id = `${this.#schedule}@${toIso(nominalAt)}`;
		return { id, schedule: this.#schedule, nominalAt, dueAt: nominalAt + delayMs };
	}

	/** The nominal moments on either side of one. */
	neighbours(nominalAt: number): { readonly before: number | undefined; readonly after: number | undefined } {
		return { before: this.#timing.previous(nominalAt - 1), after: this.#timing.next(nominalAt) };
	}

	#maybe(nominalAt: number | undefined): Occurrence | undefined {
		return nominalAt === undefined ? undefined : this.of(nominalAt);
	}
}
