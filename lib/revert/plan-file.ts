import { fromTagged, toTagged, type Json } from '../record/tagged.ts';
import type { Decision, Policy, RecordPlan } from './record-plan.ts';
import type { PlanTotals } from './totals.ts';

/** What the first line of a plan's file says. */
export interface PlanHeader {
	readonly format: 1;
	readonly revert: string;
	readonly database: string;
	readonly select: unknown;
	readonly policy: Policy;
	readonly reason: string;
	readonly by: string;
	readonly plannedAt: number;
}

/** How many records of each table are decided in which way. */
export type TableDecisions = Readonly<Record<string, Readonly<Record<Decision['kind'], number>>>>;

/** A plan in the place where it is kept. */
export interface StoredPlan {
	readonly header: PlanHeader;
	readonly records: number;
	readonly tables: TableDecisions;
	readonly totals: PlanTotals;
	readonly hash: string;
	/** Whether the file is what its hash says. Reads all of it. */
	isIntact(signal: AbortSignal): Promise<boolean>;
	/** From the record of this number on, in order. */
	from(number: number): AsyncIterable<NumberedPlan>;
	/** At most so many of a decision, or of any, from the record of this number on; fewer where they are large. */
	page(from: number, limit: number, decision: Decision['kind'] | undefined): Promise<PlanPage>;
}

export interface NumberedPlan {
	readonly number: number;
	readonly plan: RecordPlan;
	/** How long its line is. */
	readonly sizeBytes: number;
}

export interface PlanPage {
	readonly plans: readonly RecordPlan[];
	/** Where the next page begins; undefined at the end. */
	readonly next: number | undefined;
}

/** Where plans are kept. A plan that was written is there as a whole, or not at all, and never changes. */
export interface PlanStore {
	/** Replaces a plan of the same revert. Resolves once a power loss cannot take it any more. */
	write(
		header: PlanHeader,
		plans: AsyncIterable<RecordPlan>,
		/** Asked when there are no more. */
		totals: () => PlanTotals,
		signal: AbortSignal
	): Promise<StoredPlan>;
	/** Undefined where there is none, or none any more. */
	open(revert: string): Promise<StoredPlan | undefined>;
	/** The reverts that have something here, the oldest first. */
	list(): Promise<readonly string[]>;
	remove(revert: string): Promise<void>;
}

/** One record as one line, without loss. */
export function lineOf(plan: RecordPlan): string {
	return `${JSON.stringify(toTagged(plan))}\n`;
}

export function planOf(line: string): RecordPlan {
	const json: Json = JSON.parse(line);
	// Written by `lineOf`; the hash of the file has been compared where it matters.
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	return fromTagged(json) as RecordPlan;
}

const KINDS: readonly Decision['kind'][] = ['write', 'delete', 'leave', 'impossible'];

/** An entry of the index: where the line begins, and in the highest byte what is decided. */
export const INDEX_ENTRY_BYTES = 8;

export function putIndexEntry(index: DataView, at: number, kind: Decision['kind'], offset: number): void {
	index.setBigUint64(at, (BigInt(KINDS.indexOf(kind)) << 56n) | BigInt(offset));
}

export function indexEntry(index: DataView, at: number): { readonly kind: Decision['kind']; readonly offset: number } {
	const entry = index.getBigUint64(at);
	const kind = KINDS[Number(entry >> 56n)];
	if (kind === undefined) throw new RangeError('the index of a plan is damaged');
	return { kind, offset: Number(entry & 0xff_ffff_ffff_ffffn) };
}
