import * as v from 'valibot';
import type { JobError } from '../jobs/job.ts';
import type { Json } from '../record/tagged.ts';
import { policies, type Policy } from './record-plan.ts';
import type { PlanTotals } from './totals.ts';

/**
 * `planned` waits to be reviewed and applied; `refused` has conflicts, and its policy says to do nothing then. One that
 * has failed or was cancelled while it was being applied can be applied again, and goes on where it stopped.
 */
export const revertStates = [
	'planning',
	'planned',
	'refused',
	'applying',
	'applied',
	'failed',
	'cancelled',
	'interrupted',
] as const;
export type RevertState = (typeof revertStates)[number];

/** What somebody wants taken back. All of it is JSON. Instants are wall clock, ms. */
export interface Revert {
	readonly id: string;
	readonly database: string;
	/** Which changes, as it was asked for; tagged, since ids may be what JSON has not. */
	readonly select: Json;
	readonly policy: Policy;
	readonly reason: string;
	/** Who asked for it, and who had it applied: the writes carry that name. */
	readonly by: string;
	readonly appliedBy?: string | undefined;
	readonly askedAt: number;
	readonly state: RevertState;
	/** The job that plans or applies it, or did so last. */
	readonly job: string;
	/** When it was first begun to be applied. */
	readonly applyingSince?: number | undefined;
	readonly plan?: PlanSummary | undefined;
	readonly receipt?: Receipt | undefined;
	readonly error?: JobError | undefined;
}

/** What a plan comes to, and what it is known by. */
export interface PlanSummary {
	/** SHA-256 of the plan's file. */
	readonly hash: string;
	readonly plannedAt: number;
	readonly tookMs: number;
	readonly totals: PlanTotals;
}

/** What was done: it stays when the plan has gone. */
export interface Receipt {
	readonly by: string;
	readonly reason: string;
	readonly plan: string;
	readonly startedAt: number;
	readonly endedAt: number;
	/** Whether it came to its end; otherwise this is what was done until it stopped. */
	readonly complete: boolean;
	/** The versions of its transactions, in order: every entry of the audit log that it made has one of them. */
	readonly versions: readonly number[];
	readonly counts: Counts;
	readonly tables: Readonly<Record<string, Counts>>;
	/** The first of those that somebody had changed since the plan was made. They were left alone. */
	readonly drifted: readonly Left[];
	/** The first of those that could not be put back, though the plan thought so. */
	readonly impossible: readonly Left[];
}

export interface Counts {
	readonly written: number;
	readonly deleted: number;
	readonly left: number;
	readonly drifted: number;
	readonly impossible: number;
}

/** A record that a revert has not changed, and why. */
export interface Left {
	readonly table: string;
	/** Tagged, as ids may be what JSON has not. */
	readonly id: Json;
	readonly why: string;
}

/** Where reverts are kept: this node's own, seen by all its workers, over restarts. */
export interface RevertStore {
	load(id: string): Revert | undefined;
	/** Replaces the revert of this id as a whole, and remembers the versions of its receipt. */
	save(revert: Revert): Promise<void>;
	/** The newest first. */
	list(): Iterable<Revert>;
	/** Which revert has made the transaction of this version; undefined where none has. */
	madeBy(database: string, version: number): string | undefined;
}

const stored = v.looseObject({
	id: v.string(),
	database: v.string(),
	policy: v.picklist(policies),
	reason: v.string(),
	by: v.string(),
	askedAt: v.number(),
	state: v.picklist(revertStates),
	job: v.string(),
});

/** Reads a revert as a store keeps it; undefined for what is none. */
export function parseRevert(text: string): Revert | undefined {
	const value: unknown = JSON.parse(text);
	// What is not checked is shown and handed on, and decides nothing.
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	return v.is(stored, value) ? (value as unknown as Revert) : undefined;
}
