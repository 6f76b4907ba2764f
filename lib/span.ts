const UNITS: Readonly<Record<string, number>> = {
	w: 604_800_000,
	d: 86_400_000,
	h: 3_600_000,
	m: 60_000,
	s: 1000,
	ms: 1,
};

/** Milliseconds of `8w`, `7d`, `12h`, `30m`, `1s` or `250ms`. Months and years have no fixed length, so no letter. */
export function parseSpan(text: string): number | undefined {
	const [, digits = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(text) ?? [];
	const ms = Number(digits) * (UNITS[unit] ?? NaN);
	return Number.isSafeInteger(ms) ? ms : undefined;
}

/** In the largest unit that says it exactly, so that parsing it gives the same number. */
export function spellSpan(ms: number): string {
	if (ms === 0) return '0s';
	const [unit, size] = Object.entries(UNITS).find(([, candidate]) => ms % candidate === 0) ?? ['ms', 1];
	return `${ms / size}${unit}`;
}
