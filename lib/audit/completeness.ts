import type { AuditLog } from './log.ts';
import { firstRowOf, type Found, type Slice } from './scan.ts';
import type { Scope } from './scope.ts';

/** What an answer could not see, and why. Missing entries are never passed over in silence. */
export interface Gap {
	readonly reason: GapReason;
	readonly message: string;
	readonly table?: string;
	/** The span in which entries are missing, as far as it is known; milliseconds. */
	readonly from?: number;
	readonly to?: number;
	readonly count?: number;
}

export const gapReasons = [
	'removed_by_retention',
	'removed_without_mark',
	'history_cut_off',
	'table_not_logged',
	'table_caching',
	'table_dropped',
	'entries_damaged',
	'values_unreadable',
	'attributes_hidden',
	'not_scanned',
] as const;
type GapReason = (typeof gapReasons)[number];

export interface Completeness {
	/** Whether there is nothing in the window that was asked for and is not in the answer. */
	readonly complete: boolean;
	/** What the log can show, cut to what was asked for; milliseconds. */
	readonly window: { readonly from: number | undefined; readonly to: number };
	readonly gaps: readonly Gap[];
}

/** The window that was asked for. */
export interface Asked {
	readonly from: number;
	readonly to: number;
}

/** Collects on the way what an answer has to say of itself. */
export class Witness {
	#damaged = 0;
	#unreadable = 0;
	#dropped = 0;
	readonly #hiding = new Set<string>();
	/** By table, the first entry before which one is missing. */
	readonly #lacking = new Map<string, number>();
	#isCutOff = false;
	#notScanned: Asked | undefined;

	see({ found, damaged }: Slice): void {
		this.#damaged += damaged;
		for (const one of found) this.#seeOne(one);
	}

	/** The way of a record ended here, and not at its beginning. */
	cutOff(): void {
		this.#isCutOff = true;
	}

	/** There was no time for this. */
	leaveOut(span: Asked): void {
		this.#notScanned = span;
	}

	tell(log: AuditLog, scope: Scope, asked: Asked): Completeness {
		const removedUntil = log.removedUntil();
		const first = firstRowOf(log);
		const gaps = [
			...removedGaps(removedUntil, asked),
			...Array.from(this.#lacking, ([table, to]) => lackingGap(table, to)),
			...tableGaps(scope),
			...this.#readingGaps(),
			...this.#spanGaps(),
		];
		const from = first === undefined ? undefined : Math.max(asked.from, Math.min(first, removedUntil ?? first));
		return { complete: gaps.length === 0, window: { from, to: asked.to }, gaps };
	}

	#seeOne({ change, table, isUnreadable, lacksPrevious }: Found): void {
		if (table === undefined) this.#dropped++;
		else if (isUnreadable) this.#unreadable++;
		const name = table?.table.name ?? '';
		if (lacksPrevious) this.#lacking.set(name, Math.min(change.localTime, this.#lacking.get(name) ?? Infinity));
		if (table?.isWhole === false && change.values !== undefined) {
			if (Object.keys(change.values).some((attribute) => !table.shows(attribute))) this.#hiding.add(name);
		}
	}

	#readingGaps(): Gap[] {
		const gaps: Gap[] = [];
		if (this.#damaged > 0) {
			const message = 'Rows of the log are no entries. Of which tables they are is not known.';
			gaps.push({ reason: 'entries_damaged', message, count: this.#damaged });
		}
		if (this.#unreadable > 0) {
			const message = 'The values of entries cannot be read, and are left out.';
			gaps.push({ reason: 'values_unreadable', message, count: this.#unreadable });
		}
		if (this.#dropped > 0) {
			const message = 'Entries are of tables that have been dropped; with a table goes what its values are read by.';
			gaps.push({ reason: 'table_dropped', message, count: this.#dropped });
		}
		for (const table of this.#hiding) {
			const message = 'This user may not read every attribute; the others are left out.';
			gaps.push({ reason: 'attributes_hidden', message, table });
		}
		return gaps;
	}

	#spanGaps(): Gap[] {
		const gaps: Gap[] = [];
		if (this.#isCutOff) {
			const message =
				'The record leads to no older entries: they are in the log no more, Harper has lost the way to them, or nobody knows.';
			gaps.push({ reason: 'history_cut_off', message });
		}
		if (this.#notScanned !== undefined) {
			const message = 'There was no time to look at all of it. Continue at `next`, or ask for less.';
			gaps.push({ reason: 'not_scanned', message, ...this.#notScanned });
		}
		return gaps;
	}
}

function removedGaps(removedUntil: number | undefined, { from, to }: Asked): Gap[] {
	if (removedUntil === undefined || removedUntil < from) return [];
	const message = 'Harper has removed the entries of this time: `logging.auditRetention` says how long it keeps them.';
	return [{ reason: 'removed_by_retention', message, ...(from > 0 ? { from } : {}), to: Math.min(removedUntil, to) }];
}

function lackingGap(table: string, to: number): Gap {
	const message =
		'Entries name others before them that are missing, and that retention has not removed: somebody has deleted them.';
	return { reason: 'removed_without_mark', message, ...(table === '' ? {} : { table }), to };
}

function tableGaps({ tables }: Scope): Gap[] {
	const gaps: Gap[] = [];
	for (const { table } of tables.values()) {
		if (!table.isAudited) {
			const message = 'Changes of this table are not logged (`audit: false`).';
			gaps.push({ reason: 'table_not_logged', message, table: table.name });
		}
		if (table.isCaching) {
			const message = 'This table caches another source; what it fetched from there is not logged.';
			gaps.push({ reason: 'table_caching', message, table: table.name });
		}
	}
	return gaps;
}
