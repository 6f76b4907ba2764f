import type { Key } from '../record/key.ts';

/** What to do with an attribute that somebody else has set since: see docs/revert.md. */
export const policies = ['merge', 'skip', 'abort', 'cascade', 'force'] as const;
export type Policy = (typeof policies)[number];

/** What a revert does with one record, and why. Values are those that `lib/record/decoder.ts` reads. */
export interface RecordPlan {
	readonly table: string;
	readonly tableId: number;
	readonly id: Key;
	/** The version that the record had when this was planned; undefined where there was nothing. Another one is drift. */
	readonly liveVersion: number | undefined;
	/** Where its newest entry stood then: a late patch changes a record, and not its version. */
	readonly liveLocalTime: number | undefined;
	/** How many of its changes were selected, and when the first and the last of them were made. */
	readonly selected: { readonly changes: number; readonly firstVersion: number; readonly lastVersion: number };
	readonly decision: Decision;
	readonly attributes: readonly AttributePlan[];
	readonly conflicts: readonly Conflict[];
}

/** Reasons are of a fixed set, and name nothing of the record, so that they can be counted. */
export type Decision =
	/** The whole record as it is to be, with everything that stays as it is. */
	| {
			readonly kind: 'write';
			readonly values: Readonly<Record<string, unknown>>;
			readonly expiresAt: number | undefined;
			readonly reason: string;
	  }
	| { readonly kind: 'delete'; readonly reason: string }
	/** Nothing is to be done: it is so already, or a policy says so. */
	| { readonly kind: 'leave'; readonly reason: string }
	/**
	 * It should be put back and cannot. Codes: `history_purged`, `caching_table`, `not_audited`, `table_missing`,
	 * `unreadable`. That the file of a blob is gone shows when it is copied.
	 */
	| { readonly kind: 'impossible'; readonly code: string; readonly reason: string };

/** One attribute before the selected changes, after them, and now. An absent value is `undefined`. */
export interface AttributePlan {
	readonly name: string;
	readonly base: unknown;
	readonly bad: unknown;
	readonly live: unknown;
	/** `unknown`: it is kept, since the history that held its base has been removed. */
	readonly outcome: 'restore' | 'keep' | 'unknown';
}

/** What somebody else has set since. */
export interface Conflict {
	/** Undefined where it is about the record as a whole: it was made, deleted or made again since. */
	readonly attribute: string | undefined;
	readonly user: string | undefined;
	readonly version: number;
	readonly localTime: number;
}
