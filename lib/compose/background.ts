import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { every, sleep, within } from '../adapters/timers.ts';
import { messageOf } from '../errors.ts';
import { runJobs, type RunnerPorts } from '../jobs/runner.ts';
import { nodePrefix } from '../repository/keys.ts';
import type { Repository } from '../repository/repository.ts';
import { parseSnapshotId } from '../repository/snapshot-id.ts';
import { startRunner } from '../schedule/runner.ts';
import { NOTHING_YET } from '../schedule/state.ts';
import { clean, planCleaning, takeBack } from '../snapshot/clean.ts';
import { readHoldings } from '../snapshot/holdings.ts';
import { missingCopies } from '../snapshot/missing-copies.ts';
import { dueForReading, rotationSubjects } from '../snapshot/rotation.ts';
import type { UpkeepRequest } from '../snapshot/request.ts';
import { isAskedFor, upkeepDue } from '../snapshot/upkeep-job.ts';
import { systemClock } from '../time.ts';
import { dutiesOf, workOf } from './duties.ts';
import { keysOf } from './keys.ts';
import type { Protection } from './protection.ts';
import { loadState } from './schedules.ts';
import { scratchOf, stagingOf } from './surroundings.ts';
import { tellerFor } from './teller.ts';
import { watchChanges } from './watch.ts';

const LOOK_FOR_UNREAD_MS = 3_600_000;
const LOOK_FOR_COPIES_MS = 900_000;
const LOOK_FOR_LATE_MS = 60_000;
const LOOK_FOR_UPKEEP_MS = 3_600_000;
const TIDY_TIMEOUT_MS = 60_000;

/** Does the background work until the signal is aborted. For the elected worker alone. */
export async function runBackground(protection: Protection, signal: AbortSignal): Promise<void> {
	const { jobs, schedules, scheduleStates, warn } = protection;
	const teller = tellerFor(protection);
	const watching = watchChanges(protection, teller, signal).catch((error: unknown) =>
		warn(`Changes are not watched: ${messageOf(error)}`)
	);
	const run = (work: RunnerPorts['work']) =>
		runJobs(
			{
				store: jobs,
				clock: systemClock,
				work,
				owner: randomUUID(),
				wait: sleep,
				onEnded: (job, stop) => teller.jobEnded(job, stop),
				warn,
			},
			signal
		);
	// Whoever takes back what went wrong waits for no snapshot, and for no repository.
	const reverting = run({ revert: protection.reverts.work });
	// A repository that hangs must not keep the schedules from saying that they are late.
	await within(tidy(protection), TIDY_TIMEOUT_MS).catch((error: unknown) =>
		warn(`Tidying goes on: ${messageOf(error)}`)
	);
	if (signal.aborted) {
		await Promise.all([watching, reverting]);
		return;
	}
	const ports = { clock: systemClock, sleep, store: scheduleStates, warn, ...dutiesOf(protection) };
	const runner = startRunner(schedules, ports);
	const again = (intervalMs: number, work: () => Promise<void>) =>
		every(intervalMs, work, (error) => warn(`The snapshots are not looked after: ${messageOf(error)}`));
	const stops = [
		() => runner.stop(),
		again(LOOK_FOR_LATE_MS, async () => teller.look(await watched(protection), signal)),
		again(LOOK_FOR_UNREAD_MS, () => verifyUnread(protection)),
		again(LOOK_FOR_COPIES_MS, () => copyMissing(protection)),
		again(LOOK_FOR_UPKEEP_MS, () => upkeep(protection)),
	];
	signal.addEventListener('abort', () => stops.forEach((stop) => stop()), { once: true });
	await Promise.all([watching, reverting, run(workOf(protection))]);
}

async function watched({ schedules, scheduleStates }: Protection) {
	return Promise.all(
		schedules.map(async (schedule) => ({
			schedule,
			state: (await loadState(scheduleStates, schedule.name)) ?? NOTHING_YET,
		}))
	);
}

/** Has those snapshots read whose turn it is, so that each one is read within the time that is configured. */
async function verifyUnread(protection: Protection): Promise<void> {
	const { configuration, surroundings, node, places, jobs, submit, warn } = protection;
	const withinMs = configuration.verifyWithin;
	if (withinMs === false || isAskedFor(jobs, 'verify')) return;
	try {
		const { snapshots } = await readHoldings(places, nodePrefix(node));
		const keys = await keysOf(surroundings.encryption);
		if (keys.problem !== undefined) warn(`Encrypted snapshots are not read again: ${keys.problem}`);
		const subjects = rotationSubjects(snapshots, keys.ids);
		const ids = dueForReading(subjects, systemClock.now(), { withinMs, everyMs: LOOK_FOR_UNREAD_MS });
		if (ids.length > 0) await submit('verify', { ids, depth: 'deep' });
	} catch (error) {
		warn(`Which snapshots are to be read again cannot be told: ${messageOf(error)}`);
	}
}

/** Prunes and reconciles once a day, also what no schedule looks after any more. */
async function upkeep({ jobs, node, submit, warn }: Protection): Promise<void> {
	try {
		for (const kind of upkeepDue(jobs, systemClock.now())) await submit(kind, { node } satisfies UpkeepRequest);
	} catch (error) {
		warn(`What is to be pruned and reconciled cannot be asked for: ${messageOf(error)}`);
	}
}

/** Makes up for copies that could not be made when their snapshot was taken. */
async function copyMissing({ node, places, policies, jobs, submit, warn }: Protection): Promise<void> {
	if (places.length === 1 || isAskedFor(jobs, 'copy')) return;
	try {
		const holdings = await readHoldings(places, nodePrefix(node));
		if (missingCopies(places, holdings, policies, systemClock.now()).length > 0) await submit('copy', {});
	} catch (error) {
		warn(`Which copies are missing cannot be told: ${messageOf(error)}`);
	}
}

/**
 * Takes back what a process that died had begun: whoever is elected is the only one that stages and stores anything for
 * this node. The folders that still stand there are named after the snapshots that were being made.
 */
async function tidy({ surroundings, places: [main], node, warn }: Protection): Promise<void> {
	const staging = stagingOf(surroundings);
	try {
		const scratch = basename(scratchOf(surroundings));
		// The folder may be a disk of its own, with files of somebody else.
		const names = await readdir(staging).catch(() => []);
		const ids = names.filter((name) => name === scratch || parseSnapshotId(name) !== undefined);
		const repository = await main.open();
		if (surroundings.repository === undefined) await cleanOwn(repository);
		else if (ids.length > 0) await takeBack(repository, nodePrefix(node), new Set(ids));
		for (const id of ids) await rm(join(staging, id), { recursive: true, force: true });
	} catch (error) {
		warn(`What an earlier process left behind stays until the next start: ${messageOf(error)}`);
	}
}

/** Below our own root directory nobody else writes: whatever is not complete was left behind, however young it is. */
async function cleanOwn(repository: Repository): Promise<void> {
	const now = systemClock.now();
	await clean(repository, await planCleaning(repository, '', now, { graceMs: -Infinity }));
}
