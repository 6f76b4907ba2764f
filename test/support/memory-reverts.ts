import type { RevertsPorts } from '../../lib/http/reverts.ts';
import type { JobStore } from '../../lib/jobs/job.ts';
import type { NumberedPlan, PlanHeader, PlanStore, StoredPlan, TableDecisions } from '../../lib/revert/plan-file.ts';
import type { Decision, RecordPlan } from '../../lib/revert/record-plan.ts';
import type { Revert, RevertStore } from '../../lib/revert/revert.ts';
import { RevertTotals } from '../../lib/revert/totals.ts';

const HASH = 'a'.repeat(64);

/** Reverts as long as the test runs, kept as JSON, as every store keeps them. */
class MemoryReverts implements RevertStore {
	readonly #reverts = new Map<string, string>();

	load(id: string): Revert | undefined {
		const text = this.#reverts.get(id);
		return text === undefined ? undefined : JSON.parse(text);
	}

	async save(one: Revert): Promise<void> {
		this.#reverts.set(one.id, JSON.stringify(one));
	}

	list(): Revert[] {
		const ids = [...this.#reverts.keys()].sort().toReversed();
		return ids.flatMap((id) => this.load(id) ?? []);
	}

	madeBy(database: string, version: number): string | undefined {
		return this.list().find((one) => one.database === database && one.receipt?.versions.includes(version))?.id;
	}
}

/** Plans as long as the test runs. */
export class MemoryPlans implements PlanStore {
	readonly #plans: Map<string, StoredPlan>;

	constructor(...plans: readonly StoredPlan[]) {
		this.#plans = new Map(plans.map((plan) => [plan.header.revert, plan]));
	}

	async write(header: PlanHeader, plans: AsyncIterable<RecordPlan>, totals: () => StoredPlan['totals']) {
		const records: RecordPlan[] = [];
		for await (const plan of plans) records.push(plan);
		const stored = memoryPlan(header, records, totals());
		this.#plans.set(header.revert, stored);
		return stored;
	}

	async open(revert: string): Promise<StoredPlan | undefined> {
		return this.#plans.get(revert);
	}

	async list(): Promise<readonly string[]> {
		return [...this.#plans.keys()].sort();
	}

	async remove(revert: string): Promise<void> {
		this.#plans.delete(revert);
	}
}

export function memoryPlan(
	header: PlanHeader,
	records: readonly RecordPlan[],
	totals: StoredPlan['totals'] = new RevertTotals().read()
): StoredPlan {
	const tables: Record<string, Record<Decision['kind'], number>> = {};
	for (const { table, decision } of records)
		(tables[table] ??= { write: 0, delete: 0, leave: 0, impossible: 0 })[decision.kind]++;
	return {
		header,
		records: records.length,
		tables: tables satisfies TableDecisions,
		totals,
		hash: HASH,
		isIntact: async () => true,
		async *from(number): AsyncIterable<NumberedPlan> {
			for (let at = number; at < records.length; at++) yield { number: at, plan: records[at]!, sizeBytes: 100 };
		},
		async page(from, limit, decision) {
			const wanted = records.slice(from).filter((one) => decision === undefined || one.decision.kind === decision);
			const plans = wanted.slice(0, limit);
			const next = wanted[limit];
			return { plans, next: next === undefined ? undefined : records.indexOf(next) };
		},
	};
}

export function headerOf(revert: string): PlanHeader {
	const select = { users: ['u'] };
	return { format: 1, revert, database: 'd', select, policy: 'merge', reason: 'r', by: 'u', plannedAt: 0 };
}

/** One revert that is planned, of a database `d`. */
export function revertPorts(id: string, jobs: JobStore): RevertsPorts {
	const reverts = new MemoryReverts();
	const plans = new MemoryPlans(memoryPlan(headerOf(id), []));
	const { revert: _, format: __, plannedAt, ...asked } = headerOf(id);
	const totals = new RevertTotals().read();
	const plan = { hash: HASH, plannedAt, tookMs: 1, totals };
	void reverts.save({ ...asked, id, select: { users: ['u'] }, askedAt: 0, state: 'planned', job: id, plan });
	let made = 0;
	return {
		reverts,
		plans,
		jobs,
		databases: () => ['d'],
		tables: () => ['t'],
		newId: () => `made-${made++}`,
		submit: async () => {},
		now: () => 0,
	};
}
