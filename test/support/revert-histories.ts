import { changesFrom } from '../../lib/audit/change.ts';
import { judgeRecord, type RecordFacts } from '../../lib/revert/plan-record.ts';
import { RevertPlanning } from '../../lib/revert/plan.ts';
import { policies, type Policy, type RecordPlan } from '../../lib/revert/record-plan.ts';
import { Selector, type Selection } from '../../lib/revert/select.ts';
import type { PlanTotals } from '../../lib/revert/totals.ts';
import { MemoryAuditLog } from './memory-audit-log.ts';
import {
	ATTRIBUTES,
	IDS,
	effectiveOf,
	RandomHistory,
	TABLES,
	textOf,
	withAll,
	withoutSelected,
	type ModelSelection,
	type Values,
	type Write,
} from './revert-model.ts';

/** Late writes of the histories are at most this late, so that much of a chain need not be followed. */
const still = { pause: async () => {}, clock: { monotonic: () => 0 }, clocksDifferMs: 60 };

async function plansOf(
	log: MemoryAuditLog,
	selection: Selection,
	policy: Policy
): Promise<{ readonly plans: RecordPlan[]; readonly totals: PlanTotals }> {
	const planning = new RevertPlanning(log, selection, policy, still);
	const plans: RecordPlan[] = [];
	for await (const plan of planning.records()) plans.push(plan);
	return { plans, totals: planning.totals };
}

/** Carries plans out as an executor would, and returns the transactions that it took. */
function applyTo(log: MemoryAuditLog, history: RandomHistory, plans: readonly RecordPlan[]): number[] {
	const versions: number[] = [];
	for (const { table, id, decision } of plans) {
		if (decision.kind !== 'write' && decision.kind !== 'delete') continue;
		const localTime = history.writes.at(-1)!.localTime + 10;
		const write: Write = {
			table,
			id: String(id),
			action: decision.kind === 'write' ? 'put' : 'delete',
			user: 'operator',
			version: localTime,
			localTime,
			values: decision.kind === 'write' ? decision.values : undefined,
		};
		log.write({ ...write, values: write.values ?? {} });
		history.writes.push(write);
		versions.push(localTime);
	}
	return versions;
}

/**
 * Plans and applies reverts of random histories, and holds what they leave to the model. Returns what is wrong with the
 * first one that is; undefined where none is.
 */
export async function firstWrong(
	histories: number,
	seed: number,
	seen = new Set<string>()
): Promise<string | undefined> {
	for (let i = 0; i < histories; i++) {
		const flaw = await flawOf(seed + i, seen);
		if (flaw !== undefined) return `history ${seed + i}: ${flaw}`;
	}
	return undefined;
}

async function flawOf(seed: number, seen: Set<string>): Promise<string | undefined> {
	const history = new RandomHistory(seed);
	const log = new MemoryAuditLog(TABLES);
	history.extend(log, 4 + history.below(14), ['bad', 'good', 'other']);
	const [kind, selection, model] = selectionOf(history);
	const policy = history.oneOf(policies);
	seen.add(`${kind} ${policy}`);
	const end = history.writes.at(-1)!.localTime;
	const { plans, totals } = await plansOf(log, selection, policy);
	const before = records(history, withAll);
	const whole = policy === 'cascade' ? cascadeOf(log, new Selector(selection, log)) : new Set<number>();
	const expected = expectedAfter(history, { ...model, whole }, policy, plans);
	if (typeof expected === 'string') return expected;
	if (totals.isAborted)
		return plans.some(({ conflicts }) => conflicts.length > 0) ? undefined : 'aborted without reason';
	const versions = applyTo(log, history, plans);
	const where = `after ${kind} under ${policy}`;
	return (
		difference(where, records(history, withAll), expected) ??
		difference(`in the log ${where}`, liveRecords(log), records(history, withAll)) ??
		countFlaw(plans, totals, history, model, policy, end) ??
		(await secondPlanFlaw(log, { ...selection, until: Math.min(selection.until ?? end, end) }, policy, whole)) ??
		(await undoneFlaw(log, history, versions, before))
	);
}

/** Each record has one plan, with as many changes as were selected of it. */
function countFlaw(
	plans: readonly RecordPlan[],
	totals: PlanTotals,
	{ writes }: RandomHistory,
	{ takes, fields }: ModelSelection,
	policy: Policy,
	end: number
): string | undefined {
	if (new Set(plans.map(nameOfPlan)).size !== plans.length) return 'a record has two plans';
	if (totals.records !== plans.length) return 'the totals do not count all plans';
	if (fields !== undefined || policy === 'cascade') return undefined;
	const effective = TABLES.flatMap((table) =>
		IDS.flatMap((id) =>
			effectiveOf(writes.filter((one) => one.table === table && one.id === id && one.localTime <= end))
		)
	);
	const expected = effective.filter(takes).length;
	return totals.selectedChanges === expected ? undefined : `${totals.selectedChanges} changes, not ${expected}`;
}

/**
 * What has been applied leaves nothing to do. What a cascade took in has to be said again: the writes that took it back
 * stand in its way now.
 */
async function secondPlanFlaw(
	log: MemoryAuditLog,
	selection: Selection,
	policy: Policy,
	whole: ReadonlySet<number>
): Promise<string | undefined> {
	const { plans } = policy === 'cascade' ? againWith(log, selection, whole) : await plansOf(log, selection, policy);
	const again = plans.find(({ decision: { kind } }) => kind === 'write' || kind === 'delete');
	return again && `a second plan under ${policy} would ${again.decision.kind} ${nameOfPlan(again)}`;
}

function againWith(log: MemoryAuditLog, selection: Selection, whole: ReadonlySet<number>) {
	const selector = new Selector(selection, log);
	selector.add(whole);
	return { plans: factsOfAll(log).flatMap((facts) => judgeRecord(facts, selector, 'merge')?.plan ?? []) };
}

/** A revert of the revert leaves what was before it. */
async function undoneFlaw(
	log: MemoryAuditLog,
	history: RandomHistory,
	versions: readonly number[],
	before: Records
): Promise<string | undefined> {
	if (versions.length === 0) return undefined;
	const { plans } = await plansOf(log, { revert: versions }, 'merge');
	if (plans.some(({ conflicts }) => conflicts.length > 0)) return 'a conflict where nobody came after the revert';
	applyTo(log, history, plans);
	return difference('after a revert of the revert', liveRecords(log), before);
}

type Records = ReadonlyMap<string, string>;

function selectionOf(history: RandomHistory): [string, Selection, ModelSelection] {
	const bad = (write: Write) => write.user === 'bad';
	const middle = history.writes[history.below(history.writes.length)]!;
	const { table, id, version } = middle;
	const later = version + history.below(60);
	switch (history.below(8)) {
		case 0:
			return ['user', { users: ['bad'] }, { takes: bad }];
		case 1: {
			const fields = ATTRIBUTES.slice(0, 1 + history.below(2));
			return ['field', { users: ['bad'], fields }, { takes: bad, fields }];
		}
		case 2: {
			const transactions = [version, history.oneOf(history.writes).version];
			return ['transaction', { transactions }, { takes: (write) => transactions.includes(write.version) }];
		}
		case 3: {
			const inSpan = (write: Write) => write.version >= version && write.version <= later;
			return ['span', { since: version, until: later }, { takes: inSpan }];
		}
		case 4:
			return ['table', { tables: [table] }, { takes: (write) => write.table === table }];
		case 5: {
			const isOne = (write: Write) => write.table === table && write.id === id && bad(write);
			return ['record', { ids: [{ table, id }], users: ['bad'] }, { takes: isOne }];
		}
		case 6: {
			const takes = (write: Write) => write.action === 'delete' && write.version >= version;
			return ['type', { types: ['delete'], since: version }, { takes }];
		}
		default: {
			const takes = (write: Write) => bad(write) && write.table === table && write.version <= later;
			return ['combination', { users: ['bad'], tables: [table], until: later, nodes: ['this-node'] }, { takes }];
		}
	}
}

/** What each record is to be; a text that says what is wrong where the plans contradict themselves. */
function expectedAfter(
	history: RandomHistory,
	model: ModelSelection,
	policy: Policy,
	plans: readonly RecordPlan[]
): Records | string {
	const merged = records(history, (writes) => withoutSelected(writes, model));
	if (policy === 'merge' || policy === 'abort') return merged;
	const before = records(history, withAll);
	const conflicting = new Set(plans.filter(({ conflicts }) => conflicts.length > 0).map(nameOfPlan));
	if (policy === 'cascade') return conflicting.size === 0 ? merged : 'a conflict is left after cascading';
	const expected = new Map(merged);
	for (const plan of plans) {
		const name = nameOfPlan(plan);
		if (!conflicting.has(name)) continue;
		if (policy === 'skip') expected.set(name, before.get(name)!);
		else if (textAfter(plan, before) === merged.get(name)) return `what is forced of ${name} is what would be merged`;
		else expected.set(name, textAfter(plan, before));
	}
	return expected;
}

/** The transactions that stand in the way, and those in the way of these. */
function cascadeOf(log: MemoryAuditLog, selector: Selector): Set<number> {
	const whole = new Set<number>();
	for (let size = -1; size < whole.size;) {
		size = whole.size;
		selector.add(whole);
		for (const facts of factsOfAll(log)) {
			for (const { version } of judgeRecord(facts, selector, 'cascade')?.overwriting ?? []) whole.add(version);
		}
	}
	return whole;
}

function factsOfAll(log: MemoryAuditLog): RecordFacts[] {
	log.refresh();
	return log.tables().flatMap((table) =>
		IDS.flatMap((id) => {
			const { tableId } = table;
			const live = log.live(tableId, id);
			return live ? [{ table, tableId, id, live, log: changesFrom(log, live.localTime) }] : [];
		})
	);
}

function nameOfPlan({ table, id }: RecordPlan): string {
	return `${table}/${String(id)}`;
}

function textAfter(plan: RecordPlan, before: Records): string {
	const { decision } = plan;
	if (decision.kind === 'write') return textOf(decision.values);
	return decision.kind === 'delete' ? textOf(null) : before.get(nameOfPlan(plan))!;
}

function records({ writes }: RandomHistory, end: (writes: readonly Write[]) => Values | null): Records {
	const names = TABLES.flatMap((table) => IDS.map((id) => ({ table, id })));
	return new Map(
		names.map(({ table, id }) => [
			`${table}/${id}`,
			textOf(end(writes.filter((write) => write.table === table && write.id === id))),
		])
	);
}

function liveRecords(log: MemoryAuditLog): Records {
	log.refresh();
	return new Map(
		TABLES.flatMap((table, at) =>
			IDS.map((id) => [`${table}/${id}`, textOf(log.live(at + 1, id)?.values ?? null)] as const)
		)
	);
}

function difference(what: string, actual: Records, expected: Records): string | undefined {
	for (const [name, text] of expected) {
		if (actual.get(name) !== text) return `${what}: ${name} is ${actual.get(name)} and should be ${text}`;
	}
	return undefined;
}
