import type { Entry } from './record.ts';

/** How many occurrences a record tells of that came to nothing: given up, or not begun although nobody had disabled them. */
export function missedIn(record: readonly Entry[]): number {
	return record.reduce((sum, { what, why, count = 1 }) => {
		if (what === 'gave_up') return sum + 1;
		return what === 'skipped' && why !== 'disabled' ? sum + count : sum;
	}, 0);
}
