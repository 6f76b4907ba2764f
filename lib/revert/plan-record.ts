import type { Change, RecordLog } from '../audit/change.ts';
import type { LiveRecord, LoggedTable } from '../audit/log.ts';
import { stateBefore } from '../audit/replay.ts';
import { isSame } from '../record/equal.ts';
import type { Key } from '../record/key.ts';
import { ownValue } from '../record/own-value.ts';
import { REASON } from './reason.ts';
import type { AttributePlan, Conflict, Decision, Policy, RecordPlan } from './record-plan.ts';
import { isSameRecord, RecordTrace, valueIn, type Known, type Remainder, type Run, type Taken } from './trace.ts';

/** Everything that is known of a record whose selected changes are to be taken back. */
export interface RecordFacts {
	/** Undefined where the table is gone. */
	readonly table: LoggedTable | undefined;
	readonly tableId: number;
	readonly id: Key;
	readonly log: RecordLog;
	/** What the table holds of it now. */
	readonly live: LiveRecord | undefined;
}

/** Which changes are to be taken back. */
export interface Takes {
	/** Undefined for a change that is not selected. */
	of(change: Change): Taken | undefined;
}

export interface RecordVerdict {
	readonly plan: RecordPlan;
	/** What stands in the way: to take these back too would end the conflicts. */
	readonly overwriting: readonly Change[];
}

/** What a revert does with a record; undefined where nothing of it is selected. */
export function planRecord(facts: RecordFacts, takes: Takes, policy: Policy): RecordPlan | undefined {
	return judgeRecord(facts, takes, policy)?.plan;
}

/** The same, and what stands in its way. */
export function judgeRecord(facts: RecordFacts, takes: Takes, policy: Policy): RecordVerdict | undefined {
	const judging = judgingRecord(facts, takes, policy);
	let step = judging.next();
	while (step.done !== true) step = judging.next();
	return step.value;
}

/** The same in slices, each of which may be followed by a pause: some records have a hundred thousand changes. */
export function* judgingRecord(
	facts: RecordFacts,
	takes: Takes,
	policy: Policy
): Generator<undefined, RecordVerdict | undefined, undefined> {
	const { live, log, table } = facts;
	const selected: Selected = { changes: 0, firstVersion: 0, lastVersion: 0, acts: false };
	const trace = new RecordTrace(stateBefore(log, live), ownAttributes(table));
	for (let i = 0; i < log.changes.length; i++) {
		const change = log.changes[i]!;
		const taken = takes.of(change);
		if (taken !== undefined) count(selected, change);
		trace.follow(change, canBeTaken(change) ? taken : undefined);
		if (i % CHANGES_OF_A_SLICE === CHANGES_OF_A_SLICE - 1) yield;
	}
	if (selected.changes === 0) return undefined;
	if (live !== undefined) trace.confirm(live);
	return verdictOf(facts, selected, trace, policy);
}

const CHANGES_OF_A_SLICE = 64;

interface Selected {
	changes: number;
	firstVersion: number;
	lastVersion: number;
	/** Whether one of them is more than a message. */
	acts: boolean;
}

function count(selected: Selected, change: Change): void {
	if (selected.changes++ === 0) selected.firstVersion = change.version;
	selected.lastVersion = change.version;
	selected.acts ||= canBeTaken(change);
}

function verdictOf(facts: RecordFacts, selected: Selected, trace: RecordTrace, policy: Policy): RecordVerdict {
	const { table, tableId, id, live } = facts;
	const { changes, firstVersion, lastVersion, acts } = selected;
	const refusal = acts ? (refusalOf(facts) ?? (trace.isBlurred ? UNREADABLE : undefined)) : NOTHING_CHANGED;
	const overwritten = refusal === undefined ? overwrittenIn(trace) : [];
	const isSkipped = policy === 'skip' && overwritten.length > 0;
	const attributes = refusal === undefined ? attributesOf(trace, facts, isSkipped ? 'merge' : policy) : [];
	const decide = () => (isSkipped ? SKIPPED : decisionOf(trace, facts, attributes, policy, overwritten.length > 0));
	return {
		plan: {
			table: table?.name ?? `table ${tableId}`,
			tableId,
			id,
			liveVersion: live?.version,
			liveLocalTime: live?.localTime,
			selected: { changes, firstVersion, lastVersion },
			decision: refusal ?? decide(),
			attributes: isSkipped ? attributes.map((one) => ({ ...one, outcome: 'keep' })) : attributes,
			conflicts: overwritten.map(conflictOf),
		},
		overwriting: overwritten.flatMap(({ by }) => by),
	};
}

const UNREADABLE: Decision = { kind: 'impossible', code: 'unreadable', reason: REASON.unreadable };
const NOTHING_CHANGED: Decision = { kind: 'leave', reason: REASON.changedNothing };
const SKIPPED: Decision = { kind: 'leave', reason: REASON.skipped };

function canBeTaken({ action }: Change): boolean {
	return action === 'put' || action === 'patch' || action === 'delete';
}

function refusalOf({ table, live }: RecordFacts): Decision | undefined {
	if (table === undefined) return { kind: 'impossible', code: 'table_missing', reason: REASON.tableMissing };
	if (table.isCaching) return { kind: 'impossible', code: 'caching_table', reason: REASON.cachingTable };
	if (!table.isAudited) return { kind: 'impossible', code: 'not_audited', reason: REASON.notAudited };
	return live?.isInvalidated === true ? { kind: 'leave', reason: REASON.invalidated } : undefined;
}

/** Those that nobody sets: a change of them alone is none. */
function ownAttributes(table: LoggedTable | undefined): ReadonlySet<string> {
	if (table === undefined) return NO_NAMES;
	let own = ownOf.get(table);
	if (own === undefined) {
		const names = [table.primaryKey, table.updatedTime, table.createdTime];
		own = new Set(names.filter((name) => name !== undefined));
		ownOf.set(table, own);
	}
	return own;
}

const NO_NAMES: ReadonlySet<string> = new Set();
const ownOf = new WeakMap<LoggedTable, ReadonlySet<string>>();

interface Overwritten {
	readonly attribute: string | undefined;
	readonly by: readonly Change[];
}

function overwrittenIn({ existence, runs }: RecordTrace): Overwritten[] {
	const overwritten: Overwritten[] = [];
	if (existence?.kind === 'overwritten') overwritten.push({ attribute: undefined, by: existence.by });
	for (const [attribute, { kind, by }] of runs) if (kind === 'overwritten') overwritten.push({ attribute, by });
	return overwritten;
}

/** Who made it what it is now. */
function conflictOf({ attribute, by }: Overwritten): Conflict {
	const { user, version, localTime } = by.at(-1)!;
	return { attribute, user, version, localTime };
}

/** What the record as a whole is to be, where it is not attribute by attribute that it is decided. */
function targetOf({ existence, good, actual }: RecordTrace, policy: Policy): Remainder | undefined {
	if (existence?.kind === 'overwritten') return policy === 'force' ? existence.base : undefined;
	if (existence?.kind === 'open') return good;
	return actual.existence === 'absent' ? good : undefined;
}

function attributesOf(trace: RecordTrace, { live, table }: RecordFacts, policy: Policy): AttributePlan[] {
	if (live === undefined && trace.actual.existence !== 'absent') return [];
	const target = targetOf(trace, policy);
	if (target !== undefined) return wholeRecord(target, live?.values ?? {}, ownAttributes(table));
	return Array.from(trace.runs, ([name, run]) => {
		const base = run.kind === 'open' ? valueIn(trace.good, name) : run.base;
		return {
			name,
			base: base.value,
			bad: run.bad,
			live: ownValue(live?.values, name),
			outcome: outcomeOf(run, base, policy),
		};
	});
}

function outcomeOf(run: Run, base: Known, policy: Policy): AttributePlan['outcome'] {
	if (run.kind === 'overwritten' && policy !== 'force') return 'keep';
	return base.isKnown ? 'restore' : 'unknown';
}

/** All that differs between the record as it is to be and as it is. */
function wholeRecord(
	target: Remainder,
	values: Readonly<Record<string, unknown>>,
	own: ReadonlySet<string>
): AttributePlan[] {
	const plans: AttributePlan[] = [];
	const compare = (name: string, live: unknown) => {
		const { value: base, isKnown } = valueIn(target, name);
		if (own.has(name) || (isKnown && isSame(base, live))) return;
		plans.push({ name, base, bad: live, live, outcome: isKnown ? 'restore' : 'unknown' });
	};
	for (const name of target.attributes.keys()) compare(name, ownValue(values, name));
	for (const name of Object.keys(values)) if (!target.attributes.has(name)) compare(name, ownValue(values, name));
	return plans;
}

function decisionOf(
	trace: RecordTrace,
	{ live, table }: RecordFacts,
	attributes: readonly AttributePlan[],
	policy: Policy,
	hasConflicts: boolean
): Decision {
	if (live === undefined && trace.actual.existence !== 'absent') return { kind: 'leave', reason: REASON.vanished };
	const target = targetOf(trace, policy);
	if (target !== undefined) return wholeDecision(target, trace, live, ownAttributes(table), hasConflicts);
	const restored = attributes.filter(({ outcome }) => outcome === 'restore');
	const isUnknown = attributes.some(({ outcome }) => outcome === 'unknown');
	if (restored.length === 0) {
		if (isUnknown) return PURGED;
		return { kind: 'leave', reason: hasConflicts ? REASON.kept : REASON.nothingToDo };
	}
	const values = withRestored(live?.values ?? {}, restored);
	if (trace.isMadeAnew && table?.createdTime !== undefined) {
		const created = valueIn(trace.good, table.createdTime);
		if (created.isKnown && created.value !== undefined) values[table.createdTime] = created.value;
	}
	const reason = isUnknown
		? REASON.restoredButUnknown
		: policy === 'force' && hasConflicts
			? REASON.forced
			: hasConflicts
				? REASON.restoredButKept
				: REASON.restored;
	return { kind: 'write', values, expiresAt: trace.good.expiresAt, reason };
}

const PURGED: Decision = { kind: 'impossible', code: 'history_purged', reason: REASON.purged };

/** The others of a live record stay as they are. */
function withRestored(
	live: Readonly<Record<string, unknown>>,
	restored: readonly AttributePlan[]
): Record<string, unknown> {
	const values: Record<string, unknown> = { ...live };
	for (const { name, base } of restored) {
		if (base === undefined) delete values[name];
		else values[name] = base;
	}
	return values;
}

function wholeDecision(
	target: Remainder,
	trace: RecordTrace,
	live: LiveRecord | undefined,
	own: ReadonlySet<string>,
	hasConflicts: boolean
): Decision {
	if (target.existence === 'unknown') return PURGED;
	if (isSameRecord(target, trace.actual, own)) return { kind: 'leave', reason: REASON.nothingToDo };
	if (target.existence === 'absent') {
		return { kind: 'delete', reason: hasConflicts ? REASON.forcedDeletion : REASON.deleted };
	}
	const attributes = [...target.attributes];
	if (!target.isWhole || attributes.some(([, { isKnown }]) => !isKnown)) return PURGED;
	const values = attributes.filter(([, { value }]) => value !== undefined).map(([name, { value }]) => [name, value]);
	const reason = hasConflicts ? REASON.forced : live?.values ? REASON.restored : REASON.putBack;
	return { kind: 'write', values: Object.fromEntries(values), expiresAt: target.expiresAt, reason };
}
