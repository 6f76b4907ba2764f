/** How many plans are kept, and for how long. */
const KEPT_PLANS = 100;
const KEPT_MS = 30 * 86_400_000;

/**
 * Which reverts' plans go: those older than thirty days, and those beyond the newest hundred. What is being planned or
 * applied keeps its plan. Receipts are no plans, and stay.
 */
export function expiredPlans(
	newestFirst: readonly { readonly id: string; readonly at: number | undefined; readonly isBusy: boolean }[],
	now: number
): readonly string[] {
	return newestFirst
		.filter(({ at = 0, isBusy }, index) => !isBusy && (index >= KEPT_PLANS || now - at > KEPT_MS))
		.map(({ id }) => id);
}
