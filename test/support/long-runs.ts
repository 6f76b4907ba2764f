/** How often a law is tried: as often as it says, or as the variable LONG_RUNS says, for a night of its own. */
export function tries(usual: number): { readonly numRuns: number } {
	return { numRuns: Number(process.env['LONG_RUNS'] ?? usual) };
}

/** How long a law may take: LONG_RUNS may ask for much. */
export const A_NIGHT_MS = 12 * 3_600_000;
