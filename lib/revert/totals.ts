import type { RecordPlan } from './record-plan.ts';

/** What a plan comes to, while it is made and when it is. */
export interface PlanTotals {
	readonly records: number;
	readonly selectedChanges: number;
	readonly byDecision: Readonly<Record<RecordPlan['decision']['kind'], number>>;
	readonly byTable: Readonly<Record<string, number>>;
	readonly byReason: Readonly<Record<string, number>>;
	/** By the code that says why it cannot be put back. */
	readonly impossible: Readonly<Record<string, number>>;
	/** Attributes that are kept since nobody knows what they were. */
	readonly unknownAttributes: number;
	readonly conflicts: ConflictTotals;
	/** Whether nothing is to be applied, since the policy is to abort where there is a conflict. */
	readonly isAborted: boolean;
	/** Transactions that were selected since they stand in the way, by the policy to cascade. */
	readonly cascadedTransactions: number;
	/** Records whose selected entries had been superseded when they arrived: they never had an effect. */
	readonly superseded: number;
	/** Whether all that the selection asks for could be seen; otherwise `gaps` say what could not. */
	readonly isComplete: boolean;
	readonly gaps: readonly PlanGap[];
}

interface ConflictTotals {
	readonly records: number;
	readonly attributes: number;
	/** By the user whose change is kept or overwritten; the empty name is for those of whom nobody knows. */
	readonly byUser: Readonly<Record<string, number>>;
}

export interface PlanGap {
	/**
	 * `purged`: entries up to then have been removed. `unreadable`: so many entries are damaged. `not_logged`: changes of
	 * this table are in no log.
	 */
	readonly reason: 'purged' | 'unreadable' | 'not_logged';
	readonly table?: string;
	readonly until?: number;
	readonly entries?: number;
}

/** Adds up a plan, record by record. */
export class RevertTotals {
	isAborted = false;
	cascadedTransactions = 0;
	superseded = 0;
	unreadable = 0;
	purgedUntil: number | undefined;
	/** Tables that the selection means, and that are not logged. */
	unlogged: readonly string[] = [];
	#records = 0;
	#selectedChanges = 0;
	#unknownAttributes = 0;
	#conflictRecords = 0;
	#conflictAttributes = 0;
	readonly #byDecision = { write: 0, delete: 0, leave: 0, impossible: 0 };
	readonly #byTable = new Map<string, number>();
	readonly #byReason = new Map<string, number>();
	readonly #impossible = new Map<string, number>();
	readonly #byUser = new Map<string, number>();

	add({ table, selected, decision, attributes, conflicts }: RecordPlan): void {
		this.#records++;
		this.#selectedChanges += selected.changes;
		this.#byDecision[decision.kind]++;
		raise(this.#byTable, table);
		raise(this.#byReason, decision.reason);
		if (decision.kind === 'impossible') raise(this.#impossible, decision.code);
		for (const { outcome } of attributes) if (outcome === 'unknown') this.#unknownAttributes++;
		if (conflicts.length > 0) this.#conflictRecords++;
		this.#conflictAttributes += conflicts.length;
		for (const { user = '' } of conflicts) raise(this.#byUser, user);
	}

	get hasConflicts(): boolean {
		return this.#conflictRecords > 0;
	}

	read(): PlanTotals {
		const gaps = this.#gaps();
		return {
			records: this.#records,
			selectedChanges: this.#selectedChanges,
			byDecision: { ...this.#byDecision },
			byTable: Object.fromEntries(this.#byTable),
			byReason: Object.fromEntries(this.#byReason),
			impossible: Object.fromEntries(this.#impossible),
			unknownAttributes: this.#unknownAttributes,
			conflicts: {
				records: this.#conflictRecords,
				attributes: this.#conflictAttributes,
				byUser: Object.fromEntries(this.#byUser),
			},
			isAborted: this.isAborted,
			cascadedTransactions: this.cascadedTransactions,
			superseded: this.superseded,
			isComplete: gaps.length === 0,
			gaps,
		};
	}

	#gaps(): PlanGap[] {
		const gaps: PlanGap[] = [];
		if (this.purgedUntil !== undefined) gaps.push({ reason: 'purged', until: this.purgedUntil });
		if (this.unreadable > 0) gaps.push({ reason: 'unreadable', entries: this.unreadable });
		for (const table of this.unlogged) gaps.push({ reason: 'not_logged', table });
		return gaps;
	}
}

/** Users are strangers' names: past so many, the rest are counted together. */
const MOST_NAMES = 1000;

function raise(counts: Map<string, number>, name: string): void {
	const known = counts.has(name) || counts.size < MOST_NAMES ? name : '…';
	counts.set(known, (counts.get(known) ?? 0) + 1);
}
