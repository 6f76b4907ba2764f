import type { Occurrences } from './occurrence.ts';

/** What shall run when, and what to do when it cannot. */
export interface Schedule {
	/** Names its occurrences: unique on the node, and the same on every node of a cluster. */
	readonly name: string;
	/** The timing as configured, for people to read. */
	readonly timing: string;
	readonly enabled: boolean;
	/** `node`: every node runs it for itself. `cluster`: one node does, for all. */
	readonly scope: 'node' | 'cluster';
	/** What becomes of an occurrence that is due while an earlier one still runs. In a cluster it always waits. */
	readonly overlap: 'skip' | 'wait';
	readonly retry: Retry;
	readonly occurrences: Occurrences;
}

interface Retry {
	/** How often an occurrence is tried again after its first attempt. */
	readonly limit: number;
	/** How long to wait after each attempt; the last one holds for all further attempts. */
	readonly backoffMs: readonly number[];
}

const MINUTE_MS = 60_000;

export const DEFAULT_RETRY: Retry = { limit: 3, backoffMs: [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS] };
