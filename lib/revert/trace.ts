import type { Change } from '../audit/change.ts';
import type { LiveRecord } from '../audit/log.ts';
import { incrementOf } from '../audit/increment.ts';
import { applyChange, type Attribute, type RecordState } from '../audit/replay.ts';
import { isSame } from '../record/equal.ts';
import { ownValue } from '../record/own-value.ts';

/** Which part of a change is to be taken back; undefined where none is. */
export interface Taken {
	/** The attributes; undefined for all of them, and with them whether the record exists. */
	readonly fields: ReadonlySet<string> | undefined;
}

export interface Known {
	/** Undefined where there is none, or where it is not known. */
	readonly value: unknown;
	readonly isKnown: boolean;
}

/** A record as some changes have left it. */
export interface Remainder {
	readonly existence: RecordState['existence'];
	readonly attributes: ReadonlyMap<string, Known>;
	/** Whether attributes that are not listed have no value; otherwise it is not known whether they have. */
	readonly isWhole: boolean;
	readonly expiresAt: number | undefined;
}

/**
 * An unbroken run of selected changes. `open` while nobody else has replaced what they made; then the base is what the
 * others alone have left. `overwritten` since somebody has; then it is what had been there before the run.
 */
export interface Run {
	readonly kind: 'open' | 'overwritten';
	readonly bad: unknown;
	readonly base: Known;
	/** What has come after an overwritten run, oldest first. */
	readonly by: Change[];
}

/** The same of the existence of a record. It is open only while the record is there and should not be, or the reverse. */
interface ExistenceRun {
	readonly kind: 'open' | 'overwritten';
	readonly base: Remainder;
	readonly by: Change[];
}

/**
 * Follows a record through its changes, with what it is and what it would be if the selected ones had not been. Whoever
 * gives an attribute another value decides it; whoever adds to it adds to what the others have left. Whoever edits a
 * record that a selected change made, or makes it anew, accepts it as it then stands.
 */
export class RecordTrace {
	#actual: RecordState;
	/** Undefined as long as nothing was selected: it is the record itself. */
	#good: Good | undefined;
	#existence: ExistenceRun | undefined;
	readonly #runs = new Map<string, Run>();
	/** Attributes that nobody sets. */
	readonly #own: ReadonlySet<string>;
	#isMadeAnew = false;
	#isBlurred = false;

	constructor(before: RecordState, own: ReadonlySet<string>) {
		this.#actual = before;
		this.#own = own;
	}

	/** What the record is. */
	get actual(): RecordState {
		return this.#actual;
	}

	/** What it would be, where something was selected. */
	get good(): Remainder {
		return this.#good ?? remainderOf(this.#actual);
	}

	get existence(): ExistenceRun | undefined {
		return this.#existence;
	}

	get runs(): ReadonlyMap<string, Run> {
		return this.#runs;
	}

	/** Whether a selected change deleted the record and another one made it again. */
	get isMadeAnew(): boolean {
		return this.#isMadeAnew;
	}

	/** Whether a change from the first selected one on cannot be read. */
	get isBlurred(): boolean {
		return this.#isBlurred;
	}

	follow(change: Change, taken: Taken | undefined): void {
		const before = this.#actual;
		const after = applyChange(before, change);
		this.#actual = after;
		if (this.#good === undefined && taken === undefined) return;
		const good = (this.#good ??= remainderOf(before));
		if (change.isUnreadable === true) this.#isBlurred = true;
		const takesRecord = taken !== undefined && taken.fields === undefined;
		if (change.action === 'message' || change.action === 'relocate') {
			if (taken === undefined) good.expiresAt = after.expiresAt;
		} else if (after.existence === 'absent') {
			if (before.existence === 'absent') return;
			if (takesRecord) this.#deletedBadly(good);
			else this.#deleted(good, change);
		} else if (before.existence === 'absent') {
			if (takesRecord) this.#madeBadly(good, after);
			else this.#made(after, change);
		} else this.#changed(good, after, change, taken);
	}

	/** What the table holds, where no change says so: somebody wrote it unlogged. */
	confirm(live: LiveRecord): void {
		if (this.#good === undefined || live.isInvalidated) return;
		const change = unloggedChange(this.#actual, live, this.#own);
		if (change !== undefined) this.follow(change, undefined);
	}

	#deletedBadly(good: Good): void {
		this.#runs.clear();
		this.#existence = good.existence === 'absent' ? undefined : { kind: 'open', base: copyOf(good), by: [] };
	}

	#deleted(good: Good, change: Change): void {
		const run = this.#existence;
		if (run?.kind === 'overwritten') run.by.push(change);
		else if (run !== undefined) this.#existence = undefined;
		else if (this.#runs.size > 0) this.#overwriteRecord(this.#withBases(good), change);
		this.#good = { ...ABSENT, attributes: new Map() };
		this.#runs.clear();
		this.#settleRecord();
	}

	#madeBadly(good: Good, after: RecordState): void {
		if (good.existence === 'absent') {
			this.#runs.clear();
			this.#existence = { kind: 'open', base: ABSENT, by: [] };
			return;
		}
		this.#existence = undefined;
		this.#isMadeAnew = true;
		for (const name of new Set([...good.attributes.keys(), ...after.attributes.keys()])) {
			if (!this.#own.has(name)) this.#touchBadly(good, after, name);
		}
	}

	#made(after: RecordState, change: Change): void {
		const run = this.#existence;
		if (run?.kind === 'overwritten') run.by.push(change);
		else if (run !== undefined) this.#overwriteRecord(run.base, change);
		this.#accept(after);
	}

	#changed(good: Good, after: RecordState, change: Change, taken: Taken | undefined): void {
		const touched = this.#touchedBy(change, after);
		const others = taken === undefined ? touched : touched.filter((name) => taken.fields?.has(name) === false);
		const run = this.#existence;
		if (run?.kind === 'open') {
			if (others.length === 0) return;
			this.#overwriteRecord(run.base, change);
			this.#accept(after);
			return;
		}
		for (const name of touched) {
			if (others.includes(name)) this.#touch(good, after, name, change);
			else this.#touchBadly(good, after, name);
		}
		if (taken !== undefined && taken.fields === undefined) return;
		good.existence = 'present';
		good.expiresAt = after.expiresAt;
		if (change.action === 'put' && change.isFitted !== true) good.isWhole = true;
		if (run === undefined || others.length === 0) return;
		run.by.push(change);
		this.#settleRecord();
	}

	/** Whose value it now is another one. */
	#touchedBy(change: Change, after: RecordState): string[] {
		const isPart = change.action === 'patch' || change.isFitted === true;
		const names = isPart ? Object.keys(change.values ?? {}) : [...after.attributes.keys()];
		return names.filter((name) => after.attributes.get(name)?.setBy === change && !this.#own.has(name));
	}

	#touchBadly(good: Good, after: RecordState, name: string): void {
		const run = this.#runs.get(name);
		const base = valueIn(good, name);
		// Said in full: what the others leave of the record may be whole one day.
		good.attributes.set(name, base);
		const now = valueIn(after, name);
		if (areSame(now, base)) this.#runs.delete(name);
		else this.#runs.set(name, { kind: 'open', bad: now.value, base: run?.kind === 'open' ? run.base : base, by: [] });
	}

	#touch(good: Good, after: RecordState, name: string, change: Change): void {
		const run = this.#runs.get(name);
		const now = valueIn(after, name);
		const left = valueIn(good, name);
		const sum = run?.kind === 'open' ? sumOf(left, change, name) : undefined;
		good.attributes.set(name, sum ?? now);
		if (run === undefined) return;
		if (sum !== undefined) {
			if (areSame(now, sum)) this.#runs.delete(name);
			return;
		}
		const base = run.kind === 'open' ? left : run.base;
		if (areSame(now, base)) this.#runs.delete(name);
		else if (run.kind === 'overwritten') run.by.push(change);
		else this.#runs.set(name, { kind: 'overwritten', bad: run.bad, base, by: [change] });
	}

	#accept(after: RecordState): void {
		this.#good = remainderOf(after);
		this.#runs.clear();
		this.#isMadeAnew = false;
		this.#settleRecord();
	}

	#overwriteRecord(base: Remainder, change: Change): void {
		this.#existence = { kind: 'overwritten', base, by: [change] };
	}

	/** What the others have made again what it was is no longer overwritten, nor is any part of it. */
	#settleRecord(): void {
		if (this.#existence?.kind !== 'overwritten') return;
		if (!isSameRecord(this.#existence.base, this.good, this.#own)) return;
		this.#existence = undefined;
		for (const [name, { kind }] of this.#runs) if (kind === 'overwritten') this.#runs.delete(name);
	}

	#withBases(good: Good): Remainder {
		const attributes = new Map(good.attributes);
		for (const [name, { kind, base }] of this.#runs) if (kind === 'overwritten') attributes.set(name, base);
		return { ...good, attributes };
	}
}

/** What the others have left, while it is being followed. */
interface Good {
	existence: RecordState['existence'];
	readonly attributes: Map<string, Known>;
	isWhole: boolean;
	expiresAt: number | undefined;
}

const ABSENT: Remainder = { existence: 'absent', attributes: new Map(), isWhole: true, expiresAt: undefined };

export function valueIn({ attributes, isWhole }: Pick<Remainder, 'attributes' | 'isWhole'>, name: string): Known {
	const known = attributes.get(name);
	if (known === undefined) return { value: undefined, isKnown: isWhole };
	return known.isKnown ? { value: known.value, isKnown: true } : UNKNOWN;
}

const UNKNOWN: Known = { value: undefined, isKnown: false };

export function isSameRecord(
	one: Remainder,
	other: Pick<Remainder, 'existence' | 'attributes' | 'isWhole'>,
	own: ReadonlySet<string>
): boolean {
	if (one.existence !== other.existence || one.existence === 'unknown') return false;
	if (one.existence === 'absent') return true;
	if (!one.isWhole || !other.isWhole) return false;
	for (const name of one.attributes.keys()) {
		if (!own.has(name) && !areSame(valueIn(one, name), valueIn(other, name))) return false;
	}
	for (const name of other.attributes.keys()) {
		if (!own.has(name) && !one.attributes.has(name) && !areSame(valueIn(one, name), valueIn(other, name))) return false;
	}
	return true;
}

function remainderOf({ existence, attributes, isWhole, expiresAt }: RecordState): Good {
	return { existence, attributes: new Map<string, Attribute>(attributes), isWhole, expiresAt };
}

function copyOf({ existence, attributes, isWhole, expiresAt }: Good): Remainder {
	return { existence, attributes: new Map(attributes), isWhole, expiresAt };
}

function areSame(one: Known, other: Known): boolean {
	return one.isKnown && other.isKnown && isSame(one.value, other.value);
}

/** What a change adds comes on top of what the others have left, if that is a number. */
function sumOf(left: Known, { action, values }: Change, name: string): Known | undefined {
	const increment = action === 'patch' ? incrementOf(ownValue(values, name)) : undefined;
	if (increment === undefined || !left.isKnown) return undefined;
	const { value } = left;
	if (typeof value === 'number') return { value: value + Number(increment), isKnown: true };
	if (typeof value !== 'bigint' || !(typeof increment === 'bigint' || Number.isInteger(increment))) return undefined;
	return { value: value + BigInt(increment), isKnown: true };
}

/** What would have made the record what it is; undefined where nothing needs to. */
function unloggedChange(actual: RecordState, live: LiveRecord, own: ReadonlySet<string>): Change | undefined {
	const { values } = live;
	if (actual.existence === 'unknown') return undefined;
	if (values === null || actual.existence === 'absent') {
		if ((values === null) === (actual.existence === 'absent')) return undefined;
		return changeBy(live, values === null ? 'delete' : 'put', values ?? undefined);
	}
	const different: Record<string, unknown> = {};
	let isDifferent = false;
	const compare = (name: string, value: unknown) => {
		const known = valueIn(actual, name);
		if (!known.isKnown || isSame(known.value, value) || isNear(known.value, value) || own.has(name)) return;
		different[name] = value;
		isDifferent = true;
	};
	for (const name of actual.attributes.keys()) compare(name, ownValue(values, name));
	for (const name of Object.keys(values)) if (!actual.attributes.has(name)) compare(name, ownValue(values, name));
	return isDifferent ? changeBy(live, 'patch', different) : undefined;
}

function changeBy(
	{ version, localTime = version, expiresAt }: LiveRecord,
	action: Change['action'],
	values: Change['values']
): Change {
	return {
		localTime,
		version,
		action,
		operation: undefined,
		nodeId: 0,
		tableId: 0,
		id: null,
		user: undefined,
		expiresAt,
		previousLocalTime: undefined,
		values,
	};
}

/** Sums of fractions depend on the order in which they were made. */
function isNear(a: unknown, b: unknown): boolean {
	if (typeof a !== 'number' || typeof b !== 'number' || (Number.isInteger(a) && Number.isInteger(b))) return false;
	return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}
