import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { builtComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { ask, endedJob, jobOf, takeSnapshots, type ShownJob, type ShownSnapshot } from '../support/jobs.ts';
import { fillLedger, ledger } from '../support/ledger.ts';
import { orphansIn } from '../support/repository-files.ts';
import { long } from '../support/run.ts';
import { eventually } from '../support/wait.ts';

const INSTANTS = long ? 200 : 3;

let harper: Harper;
let staging: string;
let repository: string;
/** Where the snapshots of the ledger lie. */
let folders: string;
/** Snapshots that were finished and that nothing prunes: none of them may ever be missing. */
const finished = new Set<string>();
/** Those that somebody has opened and compared since they were made. */
const proven = new Set<string>();

beforeAll(async () => {
	harper = await startHarper({
		components: [{ name: 'harper-custodian', source: builtComponent() }, ledger],
		config: {
			custodian: {
				verifyWithin: false,
				snapshots: [{ name: 'hourly', databases: ['ledger'], cron: '0 0 29 2 *', keep: { last: 1 } }],
			},
		},
		workers: 2,
	});
	staging = join(harper.root, 'custodian/staging');
	repository = join(harper.root, 'custodian/repository');
	folders = join(repository, harper.address, 'ledger/snapshots');
	await fillLedger(harper, 8000, 1500);
	const [taken] = await takeSnapshots(harper, { databases: ['ledger'] });
	finished.add(taken!.id);
	await eventually(async () => (await list()).some(({ schedule }) => schedule === 'hourly'), {
		describe: 'the schedule has made up for its past',
	});
});
afterAll(() => harper[Symbol.asyncDispose]());

describe('a Harper that is killed', () => {
	const submit = (path: string, body: unknown = {}) => ask<ShownJob>(harper, path, { method: 'POST', body });
	const take = async () => (await submit('/custodian/snapshots', { databases: ['ledger'] })).body.id;

	test.each<[string, () => boolean]>([
		['once the copy has its folder', () => entries(staging).length > 0],
		['while the database is copied', () => staged('data.mdb.tmp')],
		['once the copy is complete', () => staged('data.mdb')],
		['while the copy is compressed into the repository', () => entries(join(repository, '.incoming')).length > 0],
		['between the data and the manifest', () => newest('data.mdb.br')],
		['once the manifest is there', () => newest('manifest.json')],
		['once the staged copy is gone', () => newest('manifest.json') && entries(staging).length === 0],
		['once the verification is recorded', () => newest('verifications')],
	])('%s loses nothing, and takes back what it had begun', async (_, reached) => {
		const known = new Set(entries(folders));
		newestAmong = () => entries(folders).find((id) => !known.has(id));
		const id = await take();
		await killWhen(reached);
		expect(await revived(id)).toHaveLength(1);
	});

	test.each<[string, () => boolean]>([
		['once a deep verification has its folder', () => entries(staging).length > 0],
		['while it unpacks what it opens', () => staged('data.mdb')],
	])('%s loses nothing, and takes back what it had begun', async (_, reached) => {
		const [known] = finished;
		const { body } = await submit(`/custodian/snapshots/${known}/verify`, { depth: 'deep' });
		await killWhen(reached);
		expect(await revived(body.id)).toHaveLength(1);
	});

	test.each([0, 1])('between two removals of snapshot %i that is pruned leaves only what restores', async (nth) => {
		const doomed = scheduled(4).slice(0, -1);
		const { body } = await submit('/custodian/prunes');
		const folder = join(folders, doomed[nth]!);
		await killWhen(() => !existsSync(join(folder, 'manifest.json')));
		expect(await revived(body.id)).toHaveLength(1);
		expect(await jobOf(harper, '/custodian/prunes')).toMatchObject({ state: 'succeeded' });
		expect(doomed.filter((id) => existsSync(join(folders, id)))).toEqual([]);
	});

	test(
		`at ${INSTANTS} random instants of taking, verifying and pruning loses nothing`,
		async () => {
			const startedAt = performance.now();
			await takeSnapshots(harper, { databases: ['ledger'] });
			const takesMs = performance.now() - startedAt;
			for (const { id, schedule } of await list()) if (schedule === undefined) finished.add(id);
			const outcomes: Record<string, number> = {};
			for (let n = 0; n < INSTANTS; n++) {
				const afterMs = Math.random() * takesMs * 2;
				onTestFailed(() => console.log(`instant ${n}: killed after ${Math.round(afterMs)} ms`));
				if (n % 3 === 2) scheduled(3);
				const ids = [await take()];
				if (n % 3 === 1) ids.push((await submit(`/custodian/snapshots/${[...finished][0]}/verify`)).body.id);
				if (n % 3 === 2) ids.unshift((await submit('/custodian/prunes')).body.id);
				// The instant is the point: it must not be one that we thought of.
				await delay(afterMs);
				process.kill(harper.pid!, 'SIGKILL');
				for (const state of await revived(...ids)) outcomes[state] = (outcomes[state] ?? 0) + 1;
				await thinOut();
			}
			console.log(`killed ${INSTANTS} times within ${Math.round(takesMs * 2)} ms; jobs:`, outcomes);
			for (const { id } of await list()) expect(await verified(id)).toMatchObject({ state: 'succeeded' });
		},
		long ? 10_800_000 : 600_000
	);
});

describe('a process beside the database that is killed', () => {
	test.each<[string, () => boolean]>([
		['as soon as it is there', () => true],
		['while it compresses into the repository', () => entries(join(repository, '.incoming')).length > 0],
	])('%s fails the job with a reason, leaves nothing, and the next snapshot is taken', async (_, reached) => {
		const before = (await list()).map(({ id }) => id);
		const { body } = await ask<ShownJob>(harper, '/custodian/snapshots', {
			method: 'POST',
			body: { databases: ['ledger'] },
		});
		await killChildWhen(reached);
		const job = await endedJob(harper, body.id);
		expect(job).toMatchObject({ state: 'failed', error: { code: 'child_died', hint: expect.any(String) } });
		expect(job.error?.message).toContain('SIGKILL');
		expect((await list()).map(({ id }) => id)).toEqual(before);
		expect(entries(staging)).toEqual([]);
		expect(orphansIn(repository)).toEqual([]);
		const [taken] = await takeSnapshots(harper, { databases: ['ledger'] });
		finished.add(taken!.id);
	});

	test('while it verifies fails the job, leaves nothing, and condemns no snapshot', async () => {
		const [known] = finished;
		const path = `/custodian/snapshots/${known}/verify`;
		const { body } = await ask<ShownJob>(harper, path, { method: 'POST', body: { depth: 'deep' } });
		await killChildWhen(() => staged('data.mdb'));
		expect(await endedJob(harper, body.id)).toMatchObject({ state: 'failed', error: { code: 'child_died' } });
		expect(entries(staging)).toEqual([]);
		expect((await list()).find(({ id }) => id === known)).toMatchObject({ restorable: true });
		expect(await verified(known!)).toMatchObject({ state: 'succeeded' });
	});
});

async function list(): Promise<ShownSnapshot[]> {
	const { body } = await ask<{ snapshots: ShownSnapshot[] }>(harper, '/custodian/snapshots?limit=1000');
	return body.snapshots;
}

function verified(id: string): Promise<ShownJob> {
	return jobOf(harper, `/custodian/snapshots/${id}/verify`, { depth: 'deep' });
}

/** Starts Harper again, and resolves with what became of the jobs, when all is as if it had not been killed. */
async function revived(...jobs: string[]): Promise<string[]> {
	await eventually(() => harper.pid === undefined, { describe: 'Harper has ended', intervalMs: 10 });
	await harper.start();
	const states: string[] = [];
	for (const id of jobs) {
		const { body } = await ask<ShownJob>(harper, `/custodian/jobs/${id}`);
		// Killed before it was saved, or it waits for its turn, or it is interrupted.
		states.push(body.state === undefined ? 'lost' : (await endedJob(harper, id)).state);
	}
	expect(states.filter((state) => !['interrupted', 'succeeded'].includes(state))).toEqual([]);
	expect(entries(staging)).toEqual([]);
	expect(orphansIn(repository)).toEqual([]);
	const listed = await list();
	expect(listed.filter(({ restorable }) => !restorable)).toEqual([]);
	expect([...finished].filter((id) => !listed.some((snapshot) => snapshot.id === id))).toEqual([]);
	for (const { id, schedule } of listed) {
		if (schedule === undefined) finished.add(id);
		if (proven.has(id)) continue;
		expect(await verified(id)).toMatchObject({ state: 'succeeded' });
		proven.add(id);
	}
	return states;
}

/** Keeps the disk from filling: all but the oldest, which has been there all the time. */
async function thinOut(): Promise<void> {
	const listed = (await list()).toSorted((a, b) => (a.id < b.id ? -1 : 1));
	const oldest = listed.find(({ schedule }) => schedule === undefined)?.id;
	for (const { id } of listed) {
		if (id === oldest) continue;
		await ask(harper, `/custodian/snapshots/${id}?force=true`, { method: 'DELETE' });
		finished.delete(id);
	}
	expect(finished).toEqual(new Set([oldest]));
}

/** Snapshots as the schedule would have taken them, one an hour: older ones under new names. They may be pruned. */
function scheduled(count: number): string[] {
	const [source] = finished;
	const manifest = JSON.parse(readFileSync(join(folders, source!, 'manifest.json'), 'utf8'));
	return Array.from({ length: count }, (_, hour) => {
		const takenAt = Date.UTC(2026, 0, 1, hour);
		const id = `20260101T0${hour}0000000Z-${Math.random().toString(16).slice(2, 10).padEnd(8, '0')}`;
		cpSync(join(folders, source!), join(folders, id), { recursive: true });
		const schedule = { name: 'hourly', occurrence: id };
		writeFileSync(join(folders, id, 'manifest.json'), JSON.stringify({ ...manifest, id, takenAt, schedule }));
		return id;
	});
}

let newestAmong: () => string | undefined = () => undefined;

function newest(name: string): boolean {
	const id = newestAmong();
	return id !== undefined && existsSync(join(folders, id, name));
}

function staged(name: string): boolean {
	return entries(staging).some((folder) => existsSync(join(staging, folder, name)));
}

function entries(directory: string): string[] {
	try {
		return readdirSync(directory);
	} catch {
		// Not made yet, or gone again.
		return [];
	}
}

/** Looks without pause, since what it waits for lasts a few milliseconds. */
async function killWhen(reached: () => boolean): Promise<void> {
	const pid = harper.pid!;
	await reachedSoon(reached);
	process.kill(pid, 'SIGKILL');
}

async function killChildWhen(reached: () => boolean): Promise<void> {
	const isChild = ({ commandLine }: { readonly commandLine: readonly string[] }) =>
		commandLine.some((argument) => argument.endsWith('compose/child.js'));
	const pid = await eventually(() => harper.processes().find(isChild)?.pid ?? false, {
		describe: 'the process beside the database is there',
		intervalMs: 1,
	});
	await reachedSoon(reached);
	process.kill(pid, 'SIGKILL');
}

async function reachedSoon(reached: () => boolean): Promise<void> {
	const deadline = performance.now() + 60_000;
	while (!reached()) {
		if (performance.now() > deadline) throw new Error('It was not reached within a minute');
		await new Promise((resolve) => void setImmediate(resolve));
	}
}
