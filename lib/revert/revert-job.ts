import * as v from 'valibot';
import { CustodianError } from '../errors.ts';
import { jobError } from '../jobs/job-error.ts';
import type { OnProgress } from '../jobs/progress.ts';
import type { Work } from '../jobs/runner.ts';
import { applyPlan, type ApplyPorts, type RecordWriter } from './apply.ts';
import { JournalTally, sumOf, type Journal } from './journal.ts';
import type { PlanStore, StoredPlan } from './plan-file.ts';
import type { RecordPlan } from './record-plan.ts';
import type { PlanSummary, Receipt, Revert, RevertStore } from './revert.ts';
import type { PlanTotals } from './totals.ts';

export interface RevertPorts extends Omit<ApplyPorts, 'writer' | 'journal'> {
	readonly reverts: RevertStore;
	readonly plans: PlanStore;
	/** Begins to plan. */
	readonly plan: (revert: Revert, onProgress: OnProgress, signal: AbortSignal) => Planning;
	/** Writes to a database; undefined where that is gone. */
	readonly writerOf: (database: string) => RecordWriter | undefined;
	readonly openJournal: (revert: string) => Promise<Journal>;
	/** Removes plans that nobody needs any more. Does not reject. */
	readonly tidy: () => Promise<void>;
}

export interface Planning {
	readonly plans: AsyncIterable<RecordPlan>;
	/** Known when there are no more. */
	totals(): PlanTotals;
}

/** What a job of the kind `revert` is told. */
export interface RevertRequest {
	readonly revert: string;
	/** Otherwise it ends with the plan. */
	readonly apply: boolean;
}

const requestSchema = v.looseObject({ revert: v.string(), apply: v.boolean() });

/**
 * Plans what is not planned yet, and applies it if that was asked for. A job that was interrupted is given to this again:
 * what has been planned is not planned anew, what has been written is not written again.
 */
export function revertWork(ports: RevertPorts): Work {
	return async ({ request }, onProgress, signal) => {
		const { revert: id, apply } = v.parse(requestSchema, request);
		const { reverts, plans } = ports;
		const loaded = reverts.load(id);
		if (loaded === undefined) throw new CustodianError('revert_missing', id, `There is no revert ${id}.`);
		if (loaded.state === 'applied') return resultOf(loaded);
		let revert = loaded;
		try {
			let plan = revert.plan && (await plans.open(id));
			if (plan === undefined) {
				if (revert.plan !== undefined) throw planRemoved(id);
				[revert, plan] = await makePlan(revert, ports, onProgress, signal);
			}
			if (plan.totals.isAborted) revert = await saved(ports, { ...revert, state: 'refused' });
			else if (apply) revert = await carryOut(revert, plan, ports, onProgress, signal);
			else revert = await saved(ports, { ...revert, state: 'planned' });
			await ports.tidy();
			return resultOf(revert);
		} catch (error) {
			// One that is interrupted goes on as if nothing had happened.
			if (!isInterruption(signal)) {
				const state = signal.aborted ? 'cancelled' : 'failed';
				await saved(ports, { ...(reverts.load(id) ?? revert), state, error: jobError(error) });
			}
			throw error;
		}
	};
}

async function makePlan(
	revert: Revert,
	{ plans, plan, clock, reverts }: RevertPorts,
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<[Revert, StoredPlan]> {
	const { id, database, select, policy, reason, by } = revert;
	const begunAt = clock.monotonic();
	const plannedAt = clock.now();
	const header = { format: 1, revert: id, database, select, policy, reason, by, plannedAt } as const;
	const planning = plan(revert, onProgress, signal);
	const stored = await plans.write(header, planning.plans, () => planning.totals(), signal);
	const tookMs = Math.round(clock.monotonic() - begunAt);
	const summary: PlanSummary = { hash: stored.hash, plannedAt, tookMs, totals: stored.totals };
	const planned = { ...revert, plan: summary };
	await reverts.save(planned);
	return [planned, stored];
}

async function carryOut(
	revert: Revert,
	plan: StoredPlan,
	ports: RevertPorts,
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<Revert> {
	const { id, database, by, appliedBy = by } = revert;
	const writer = ports.writerOf(database);
	if (writer === undefined) throw new CustodianError('database_missing', database, `The database ${database} is gone.`);
	// Once anything may have been written, even who cancels it waits for the receipt of that.
	const isBegun = revert.applyingSince !== undefined;
	if (plan.hash !== revert.plan?.hash || !(await plan.isIntact(isBegun ? new AbortController().signal : signal))) {
		const hint = 'Plan it again. If you did not change the file, the disk did.';
		throw new CustodianError('plan_damaged', id, 'The plan is not the one that was made.', { hint });
	}
	const applying: Revert = { ...revert, state: 'applying', applyingSince: revert.applyingSince ?? ports.clock.now() };
	await ports.reverts.save(applying);
	const tally = new JournalTally();
	const journal = await ports.openJournal(id);
	const progress = (rows: number) => onProgress({ step: 'apply', database, rows, totalRows: plan.records });
	try {
		await applyPlan(plan, appliedBy, { ...ports, writer, journal }, tally, progress, signal);
	} catch (error) {
		// What has been done until now is not forgotten, whatever comes.
		const receipt = receiptOf(applying, plan, tally, ports, false);
		// A journal that cannot be read to its end tells less than is known already.
		const isNews = receipt.versions.length >= (applying.receipt?.versions.length ?? 0);
		await ports.reverts.save(isNews ? { ...applying, receipt } : applying);
		throw error;
	} finally {
		await journal.close();
	}
	const receipt = receiptOf(applying, plan, tally, ports, true);
	return saved(ports, { ...applying, state: 'applied', receipt, error: undefined });
}

function receiptOf(
	{ by, appliedBy = by, reason, applyingSince = 0 }: Revert,
	plan: StoredPlan,
	tally: JournalTally,
	{ clock }: RevertPorts,
	complete: boolean
): Receipt {
	const left = Object.entries(plan.tables).map(([table, { leave, impossible }]) => [table, leave, impossible] as const);
	const tables = tally.tables(left);
	const { versions, drifted, impossible } = tally;
	const endedAt = clock.now();
	const counts = sumOf(tables);
	return {
		by: appliedBy,
		reason,
		plan: plan.hash,
		startedAt: applyingSince,
		endedAt,
		complete,
		versions,
		counts,
		tables,
		drifted,
		impossible,
	};
}

async function saved({ reverts }: RevertPorts, revert: Revert): Promise<Revert> {
	await reverts.save(revert);
	return revert;
}

function isInterruption({ aborted, reason }: AbortSignal): boolean {
	return aborted && !(reason instanceof CustodianError && reason.code === 'cancelled');
}

function planRemoved(id: string): CustodianError {
	const hint = 'Plans are kept for a while. Ask for the revert again.';
	return new CustodianError('plan_removed', id, 'Its plan has been removed.', { hint });
}

/** What the job says of it; the revert itself says more. */
function resultOf({ id, state, plan, receipt }: Revert): object {
	return { revert: id, state, plan: plan?.hash, counts: receipt?.counts };
}
