import { describe, expect, test } from 'vitest';
import { snapshotFacts, type SnapshotFactsPorts } from '../../lib/adapters/snapshot-facts.ts';
import type { Job } from '../../lib/jobs/job.ts';
import { snapshotPrefix } from '../../lib/repository/keys.ts';
import { everyInterval, Occurrences } from '../../lib/schedule/occurrence.ts';
import { DEFAULT_RETRY, type Schedule } from '../../lib/schedule/schedule.ts';
import type { ScheduleState } from '../../lib/schedule/state.ts';
import { externalManifest } from '../../lib/snapshot/external.ts';
import { manifestText, type Manifest } from '../../lib/snapshot/manifest.ts';
import { writeText } from '../../lib/snapshot/store.ts';
import { recordVerification } from '../../lib/snapshot/verification.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { contents } from '../support/snapshots.ts';

const HOUR = 3_600_000;
const T0 = Date.parse('2026-11-23T00:00:00Z');
const error = { code: 'no_space', message: 'Full.' };

test('the newest good snapshot of a database speaks for it', async () => {
	const { main, read } = house();
	await put(main, { database: 'data', hour: 1 });
	await put(main, { database: 'data', hour: 2 });
	const damaged = await put(main, { database: 'data', hour: 3 });
	main.objects.delete(`${damaged}data.mdb.br`);
	const { databases, counts } = await read();
	expect(databases).toEqual([
		{
			name: 'data',
			lastSuccessAt: T0 + 2 * HOUR,
			lastFailureAt: undefined,
			lastVerificationAt: undefined,
			lastDurationMs: 3000,
			lastSizeBytes: 100,
			lastStoredBytes: 4,
		},
		{ name: 'empty' },
	]);
	expect(counts).toEqual([{ database: 'data', repository: 'main', complete: 2, damaged: 1 }]);
});

test('a volume snapshot is a success of which no size is known', async () => {
	const { main, read } = house();
	await put(main, { database: 'data', hour: 1, kind: 'external' });
	const [data] = (await read()).databases;
	expect(data).toMatchObject({ lastSuccessAt: T0 + HOUR, lastDurationMs: 5 });
	expect(data?.lastSizeBytes).toBeUndefined();
	expect(data?.lastStoredBytes).toBeUndefined();
});

test('a database that is gone is shown for as long as it has snapshots', async () => {
	const { main, read } = house();
	await put(main, { database: 'old', hour: 1 });
	expect((await read()).databases.map(({ name }) => name)).toEqual(['data', 'empty', 'old']);
});

test('what other nodes have in the same repository is theirs to show', async () => {
	const { main, read } = house();
	await put(main, { database: 'data', hour: 1, node: 'n2' });
	const { counts, repositories } = await read();
	expect(counts).toEqual([]);
	expect(repositories[0]).toMatchObject({ storedBytes: 0 });
});

test('the last good verification counts, wherever it was made', async () => {
	const { main, away, read } = house();
	const prefix = await put(main, { database: 'data', hour: 1 });
	await put(away, { database: 'data', hour: 1 });
	const older = await put(main, { database: 'data', hour: 0 });
	await recordVerification(main, older, { at: T0 + 2 * HOUR, depth: 'deep', result: 'good' });
	await recordVerification(away, prefix, { at: T0 + 3 * HOUR, depth: 'checksums', result: 'good' });
	await recordVerification(main, prefix, { at: T0 + 4 * HOUR, depth: 'checksums', result: 'bad' });
	const { databases, counts } = await read();
	expect(databases[0]).toMatchObject({ lastVerificationAt: T0 + 3 * HOUR, lastSuccessAt: T0 + HOUR });
	expect(counts).toContainEqual({ database: 'data', repository: 'main', complete: 1, damaged: 1 });
	expect(counts).toContainEqual({ database: 'data', repository: 'away', complete: 1, damaged: 0 });
});

describe('the last failure', () => {
	const lastFailures = async (...newestFirst: readonly Partial<Job>[]) => {
		const { databases } = await house({ list: newestFirst.map(jobOf) }).read();
		return databases.map(({ name, lastFailureAt }) => [name, lastFailureAt]);
	};

	test('of a database is that of the job that failed for it', async () => {
		const failed = [{ database: 'data', error }];
		expect(
			await lastFailures(
				{ state: 'succeeded', endedAt: 9 },
				{ state: 'failed', endedAt: 7, error, result: { taken: [{ database: 'empty' }], failed } },
				{ state: 'failed', endedAt: 5, error, result: { taken: [], failed } }
			)
		).toEqual([
			['data', 7],
			['empty', undefined],
		]);
	});

	test('of a job that came to no database is that of all it was to take', async () => {
		expect(await lastFailures({ state: 'failed', endedAt: 7, error })).toEqual([
			['data', 7],
			['empty', 7],
		]);
		expect(await lastFailures({ state: 'failed', endedAt: 7, error, request: { databases: ['empty'] } })).toEqual([
			['data', undefined],
			['empty', 7],
		]);
	});

	test('is none where a user cancelled, or something else failed', async () => {
		expect(
			await lastFailures(
				{ state: 'cancelled', endedAt: 9, error },
				{ kind: 'prune', state: 'failed', endedAt: 7, error }
			)
		).toEqual([
			['data', undefined],
			['empty', undefined],
		]);
	});
});

test('a repository that cannot be read says so, and spoils no other', async () => {
	const { main, read } = house({ awayIsDown: true });
	main.capacityBytes = 1_000_000;
	await put(main, { database: 'data', hour: 1 });
	const { repositories, databases } = await read();
	expect(repositories).toEqual([
		{ name: 'main', reachable: true, storedBytes: expect.any(Number), freeBytes: expect.any(Number) },
		{ name: 'away', reachable: false },
	]);
	const [main0] = repositories;
	expect((main0?.storedBytes ?? 0) + (main0?.freeBytes ?? 0)).toBe(1_000_000);
	expect(databases[0]?.lastSuccessAt).toBe(T0 + HOUR);
});

test('schedules say when they are due, when they last went well, and how often they did not run', async () => {
	const state: ScheduleState = {
		settled: [],
		lastSuccess: { nominalAt: T0, endedAt: T0 + 5 },
		record: [
			{ at: 0, what: 'succeeded', occurrence: 'a' },
			{ at: 1, what: 'skipped', why: 'superseded', occurrence: 'b', through: 'd', count: 3 },
			{ at: 2, what: 'skipped', why: 'overlap', occurrence: 'e' },
			{ at: 3, what: 'skipped', why: 'disabled', occurrence: 'f', count: 9 },
			{ at: 4, what: 'failed', occurrence: 'g' },
			{ at: 5, what: 'gave_up', occurrence: 'g', attempt: 4 },
		],
	};
	const { schedules } = await house({
		schedules: [schedule('on'), schedule('off', false)],
		states: { on: state },
	}).read();
	expect(schedules).toEqual([
		{ name: 'on', nextRunAt: T0 + 13 * HOUR, lastSuccessAt: T0 + 5, missedRuns: 5 },
		{ name: 'off', nextRunAt: undefined, lastSuccessAt: undefined, missedRuns: undefined },
	]);
});

test('jobs are counted in every state that there is', async () => {
	const list = [jobOf({ state: 'failed' }), jobOf({ state: 'failed' }), jobOf({ state: 'running' })];
	expect((await house({ list }).read()).jobs).toEqual([
		{ state: 'queued', count: 0 },
		{ state: 'running', count: 1 },
		{ state: 'succeeded', count: 0 },
		{ state: 'failed', count: 2 },
		{ state: 'cancelled', count: 0 },
		{ state: 'interrupted', count: 0 },
	]);
});

interface Options {
	readonly list?: readonly Job[];
	readonly schedules?: readonly Schedule[];
	readonly states?: Readonly<Record<string, ScheduleState>>;
	readonly awayIsDown?: boolean;
}

function house({ list = [], schedules = [], states = {}, awayIsDown = false }: Options = {}) {
	const main = new MemoryRepository();
	const away = new MemoryRepository();
	const ports: SnapshotFactsPorts = {
		places: [
			{ name: 'main', open: async () => main, cache: new Map() },
			{
				name: 'away',
				open: async () => (awayIsDown ? Promise.reject(new Error('down')) : away),
				cache: new Map(),
			},
		],
		jobs: { list: () => list },
		schedules,
		stateOf: async (name) => states[name],
		databases: () => ['data', 'empty'],
		node: 'n1',
		clock: { now: () => T0 + 12.5 * HOUR },
	};
	return { main, away, read: () => snapshotFacts(ports).read() };
}

interface Put {
	readonly database: string;
	readonly hour: number;
	readonly kind?: Manifest['kind'];
	readonly node?: string;
}

/** Puts a snapshot into a repository; resolves with its prefix. */
async function put(repository: MemoryRepository, { database, hour, kind = 'full', node = 'n1' }: Put): Promise<string> {
	const id = `20261123T${String(hour).padStart(2, '0')}0000000Z-00000000`;
	const prefix = snapshotPrefix(node, database, id);
	const versions = { custodian: '1', harper: '4', node: '20' };
	const external = externalManifest({ id, node, database, takenAt: T0 + hour * HOUR, versions, tookMs: 5, output: '' });
	const digest = (sizeBytes: number) => ({ sizeBytes, sha256: '0'.repeat(64) });
	const full: Manifest = {
		...external,
		kind: 'full',
		tookMs: { copy: 1000, store: 2000 },
		objects: [{ name: 'data.mdb.br', plain: digest(100), stored: digest(4) }],
		contents,
	};
	if (kind === 'full') await writeText(repository, `${prefix}data.mdb.br`, 'data');
	await writeText(repository, `${prefix}manifest.json`, manifestText(kind === 'full' ? full : external));
	return prefix;
}

function jobOf(changes: Partial<Job>): Job {
	return { id: 'j', kind: 'snapshot', request: { databases: ['*'] }, state: 'queued', submittedAt: 0, ...changes };
}

function schedule(name: string, enabled = true): Schedule {
	const occurrences = new Occurrences({ schedule: name, node: 'n1', timing: everyInterval(HOUR) });
	return { name, timing: 'every 1h', enabled, scope: 'node', overlap: 'skip', retry: DEFAULT_RETRY, occurrences };
}
