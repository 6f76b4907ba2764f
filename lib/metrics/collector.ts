import type { Family, FamilyDefinition } from './family.ts';

/**
 * Reads one source of facts and yields metric families, afresh at each call.
 *
 * A collector may throw or reject: its own success gauge shows 0, its families are absent, and nothing else is
 * touched. It need not guard against concurrent calls: the scrape calls it single flight, at most once per `minIntervalMs`.
 */
export interface Collector {
	/** Label value of `harper_custodian_collector_success`; lower case with underscores. */
	readonly name: string;
	/** Every family that `collect` can ever yield. */
	readonly definitions: readonly FamilyDefinition[];
	/** The shortest time between two readings; in between the last reading is shown. Default 1,000 ms. */
	readonly minIntervalMs?: number;
	/** How long one reading may take before it counts as failed. Default 5,000 ms. */
	readonly timeoutMs?: number;
	collect(): Promise<readonly Family[]> | readonly Family[];
}
