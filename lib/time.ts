/** The only clock: everything that needs a moment is handed one of these, so tests own time. */
export interface Clock {
	/** Wall clock, milliseconds since the Unix epoch. It may step in either direction. */
	now(): number;
	/** Milliseconds on a clock that never steps back; only differences mean anything. */
	monotonic(): number;
}

export const systemClock: Clock = {
	now: () => Date.now(),
	monotonic: () => performance.now(),
};

/** A moment as a value of the database, not as the present: milliseconds since the Unix epoch, NaN for an invalid one. */
export function dateOf(ms: number): Date {
	return new Date(ms);
}

export function isDate(value: unknown): value is Date {
	return value instanceof Date;
}
