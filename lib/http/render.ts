import { toIso } from '../time.ts';

/** ISO 8601 in UTC; what is not known stays out of the answer. */
export function isoOrUndefined(at: number | undefined): string | undefined {
	return at === undefined ? undefined : toIso(at);
}
