import { join } from 'node:path';
import { harperAuditLogs } from '../adapters/harper/audit-log.ts';
import { harperRecordWriter } from '../adapters/harper/record-writer.ts';
import { harperRevertStore } from '../adapters/harper/revert-store.ts';
import { harperState } from '../adapters/harper/state.ts';
import { planFolder } from '../adapters/reverts/folder.ts';
import { openJournal } from '../adapters/reverts/journal-file.ts';
import { pause } from '../adapters/timers.ts';
import type { AuditLog } from '../audit/log.ts';
import { CustodianError, messageOf } from '../errors.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { revertsEndpoints } from '../http/reverts.ts';
import { isFinal, type JobStore } from '../jobs/job.ts';
import type { Work } from '../jobs/runner.ts';
import { fromTagged } from '../record/tagged.ts';
import { expiredPlans } from '../revert/kept-plans.ts';
import type { PlanStore } from '../revert/plan-file.ts';
import { RevertPlanning } from '../revert/plan.ts';
import { revertWork, type Planning } from '../revert/revert-job.ts';
import type { Revert, RevertStore } from '../revert/revert.ts';
import type { Selection, SelectionRequest } from '../revert/select.ts';
import { systemClock } from '../time.ts';

export interface RevertFacts {
	/** Harper's root directory. */
	readonly root: string;
	readonly jobs: JobStore;
	readonly newId: () => string;
	readonly warn: (message: string) => void;
}

/** What takes changes back: endpoints to ask for it, and the work that does it. */
export interface Reverts {
	readonly store: RevertStore;
	readonly endpoints: readonly Endpoint[];
	readonly work: Work;
}

export function revertsOf({ root, jobs, newId, warn }: RevertFacts): Reverts {
	const folder = join(root, 'custodian', 'reverts');
	const store = harperRevertStore(harperState('Revert'));
	const plans = planFolder(folder);
	const logs = harperAuditLogs();
	return {
		store,
		endpoints: revertsEndpoints({
			reverts: store,
			plans,
			jobs,
			databases: () => logs.databases(),
			tables: (database) =>
				logs
					.open(database)
					?.tables()
					.map(({ name }) => name) ?? [],
			newId,
			async submit(id, request, by) {
				await jobs.save({ id, kind: 'revert', request, by, state: 'queued', submittedAt: systemClock.now() });
			},
			now: () => systemClock.now(),
		}),
		work: revertWork({
			reverts: store,
			plans,
			clock: systemClock,
			random: Math.random,
			pause,
			openJournal: (revert) => openJournal(folder, revert),
			writerOf(database) {
				const log = logs.open(database);
				return log && harperRecordWriter(log, systemClock);
			},
			plan(revert, onProgress, signal): Planning {
				const { database } = revert;
				const planning = new RevertPlanning(
					opened(logs.open(database), database),
					selectionOf(revert, store),
					revert.policy,
					{
						pause,
						clock: systemClock,
						signal,
						onProgress: ({ scanned }) => onProgress({ step: 'plan', database, rows: scanned }),
					}
				);
				return { plans: planning.records(), totals: () => planning.totals };
			},
			tidy: () =>
				tidy(plans, store, jobs).catch((error: unknown) => warn(`Old plans are not removed: ${messageOf(error)}`)),
		}),
	};
}

function opened(log: AuditLog | undefined, database: string): AuditLog {
	if (log) return log;
	throw new CustodianError('database_missing', database, `No changes of the database ${database} are logged any more.`);
}

/** What was asked for, with an earlier revert replaced by the transactions that it made. */
function selectionOf({ select }: Revert, store: RevertStore): Selection {
	// Written by the endpoint, from what it had parsed.
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	const { revert, ...rest } = fromTagged(select) as SelectionRequest;
	return revert === undefined ? rest : { ...rest, revert: store.load(revert)?.receipt?.versions ?? [] };
}

async function tidy(plans: PlanStore, store: RevertStore, jobs: JobStore): Promise<void> {
	const kept = (await plans.list()).toReversed().map((id) => {
		const revert = store.load(id);
		const job = revert && jobs.load(revert.job);
		return { id, at: revert?.askedAt, isBusy: job !== undefined && !isFinal(job.state) };
	});
	for (const id of expiredPlans(kept, systemClock.now())) await plans.remove(id);
}
