import { runCommand } from '../adapters/command.ts';
import { harperLeases } from '../adapters/harper/leases.ts';
import { sleep } from '../adapters/timers.ts';
import type { ScheduleConfiguration } from '../config/protection.ts';
import { CustodianError } from '../errors.ts';
import type { JobKind } from '../jobs/job.ts';
import { finished, type Work } from '../jobs/runner.ts';
import { nodePrefix } from '../repository/keys.ts';
import { oncePerCluster } from '../schedule/decide-once.ts';
import { repositoryLedger, type Ledger } from '../schedule/ledger.ts';
import type { Occurrence } from '../schedule/occurrence.ts';
import type { Execute, RunnerPorts } from '../schedule/runner.ts';
import { readCatalogue } from '../snapshot/catalogue.ts';
import { externalWork } from '../snapshot/external.ts';
import { hookedWork } from '../snapshot/hooks.ts';
import { copyWork } from '../snapshot/missing-copies.ts';
import { parseTakeRequest } from '../snapshot/request.ts';
import { chosenDatabases } from '../snapshot/take.ts';
import { takeWork } from '../snapshot/take-job.ts';
import { removeSnapshot } from '../snapshot/upkeep.ts';
import { pruneWork, reconcileWork } from '../snapshot/upkeep-job.ts';
import { verifyWork } from '../snapshot/verify-job.ts';
import { systemClock } from '../time.ts';
import type { Protection } from './protection.ts';

/** What is done for each kind of job of snapshots, one after the other; reverts do not wait for them. */
export function workOf(protection: Protection): Readonly<Record<Exclude<JobKind, 'revert'>, Work>> {
	const { places, policies, take } = protection;
	const upkeep = { places, policies, clock: systemClock };
	return {
		snapshot: snapshotWork(protection),
		verify: verifyWork(take),
		copy: copyWork({ ...take, policies, nodePrefix: nodePrefix(protection.node) }),
		prune: pruneWork(upkeep),
		reconcile: reconcileWork(upkeep),
	};
}

/** A schedule may have commands around its runs, or one that takes the snapshot instead of us. */
function snapshotWork(protection: Protection): Work {
	const { take, node } = protection;
	const databases = () => take.copier.databases();
	const hooksOf = (schedule: string) => configured(protection, schedule)?.hooks;
	const ours = hookedWork(takeWork(take), { run: runCommand, hooksOf, databases, node });
	return (job, ...rest) => {
		const { schedule } = parseTakeRequest(job.request);
		const { external: command, hooks, externalTimeout } = (schedule && configured(protection, schedule.name)) ?? {};
		if (command === undefined) return ours(job, ...rest);
		const timeout = externalTimeout ?? 0;
		return externalWork({ command, hooks, timeout }, { ...take, run: runCommand, databases })(job, ...rest);
	};
}

/** What the runner of the schedules asks for, by the scope of the schedule. */
export function dutiesOf(protection: Protection): Pick<RunnerPorts, 'isDone' | 'execute'> {
	const { node, warn } = protection;
	const alone = executeBy(protection);
	const ledger = clusterLedger(protection);
	const together = oncePerCluster(node, alone, {
		leases: harperLeases,
		ledger,
		clock: systemClock,
		sleep,
		warn,
		discard: ({ id }) => discardRun(protection, id),
	});
	const isShared = ({ schedule }: Occurrence) => configured(protection, schedule)?.scope === 'cluster';
	return {
		// In a cluster the snapshots of a run are not yet a run that counts.
		isDone: async (occurrence) =>
			isShared(occurrence) ? (await ledger.verdict(occurrence.id)) !== undefined : isDone(protection, occurrence),
		execute: (occurrence, ...rest) => (isShared(occurrence) ? together : alone)(occurrence, ...rest),
	};
}

/** A schedule asks for a job like anybody else, and waits for its end. */
function executeBy(protection: Protection): Execute {
	return async ({ id, schedule }, _, signal) => {
		const databases = databasesOf(protection, schedule);
		const job = await protection.submit('snapshot', { databases, schedule: { name: schedule, occurrence: id } });
		const { state, error } = await finished(job.id, { store: protection.jobs, wait: sleep }, signal);
		if (state === 'succeeded') return { kind: 'succeeded', detail: `job ${job.id}` };
		const message = error?.message ?? `The job was ${state}.`;
		throw new CustodianError(error?.code ?? state, schedule, message, { hint: error?.hint });
	};
}

/** Whether every database that a schedule is for has its snapshot of the occurrence. */
async function isDone(protection: Protection, { id, schedule }: Occurrence): Promise<boolean> {
	const done = await protection.take.done(id);
	return databasesOf(protection, schedule).every((name) => done.has(name));
}

function databasesOf(protection: Protection, schedule: string): readonly string[] {
	const wanted = configured(protection, schedule)?.databases ?? [];
	return chosenDatabases(wanted, protection.take.copier.databases()).map(({ name }) => name);
}

function configured({ configuration }: Protection, schedule: string): ScheduleConfiguration | undefined {
	return configuration.snapshots.find(({ name }) => name === schedule);
}

/** What all nodes that share a repository agree on. No node has a name that is stored like this. */
const CLUSTER_PREFIX = '~cluster/';

function clusterLedger({ places: [main] }: Protection): Ledger {
	const ledger = async () => repositoryLedger(await main.open(), CLUSTER_PREFIX);
	return {
		verdict: async (...asked) => (await ledger()).verdict(...asked),
		propose: async (...proposed) => (await ledger()).propose(...proposed),
	};
}

/** Removes the snapshots of a run that another node's run has made worthless. */
async function discardRun({ places, node }: Protection, occurrence: string): Promise<void> {
	for (const place of places) {
		const repository = await place.open();
		for (const entry of await readCatalogue(repository, place.cache, nodePrefix(node))) {
			if (entry.summary?.schedule?.occurrence === occurrence) await removeSnapshot(repository, entry);
		}
	}
}
