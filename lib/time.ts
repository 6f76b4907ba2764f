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

/** Reads an instant of ISO 8601, with its offset; undefined for anything else. */
export function instantOf(text: string): number | undefined {
	if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
	const at = Date.parse(text);
	return Number.isNaN(at) ? undefined : at;
}

/** A moment as machines and people read it: UTC, to the millisecond. */
export function toIso(at: number): string {
	return new Date(at).toISOString();
}

/** A moment as a value of the database, not as the present: milliseconds since the Unix epoch, NaN for an invalid one. */
export function dateOf(ms: number): Date {
	return new Date(ms);
}

export function isDate(value: unknown): value is Date {
	return value instanceof Date;
}
