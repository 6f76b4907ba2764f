import { expect, test } from 'vitest';
import { snapshotsCollector, type SnapshotsReading } from '../../../lib/metrics/collectors/snapshots.ts';
import { collected } from './sample-of.ts';

const nothing: SnapshotsReading = { databases: [], counts: [], schedules: [], repositories: [], jobs: [] };
const shown = (reading: Partial<SnapshotsReading>) =>
	collected(snapshotsCollector({ read: async () => ({ ...nothing, ...reading }) }));

test('of a database that is looked after everything is shown, in seconds and bytes', async () => {
	const database = {
		name: 'data',
		lastSuccessAt: 1_700_000_000_500,
		lastFailureAt: 1_600_000_000_000,
		lastVerificationAt: 1_700_000_060_000,
		lastDurationMs: 1500,
		lastSizeBytes: 1000,
		lastStoredBytes: 400,
	};
	expect(await shown({ databases: [database] })).toEqual({
		'harper_custodian_snapshot_last_success_timestamp_seconds{data}': 1_700_000_000.5,
		'harper_custodian_snapshot_last_failure_timestamp_seconds{data}': 1_600_000_000,
		'harper_custodian_snapshot_last_verification_timestamp_seconds{data}': 1_700_000_060,
		'harper_custodian_snapshot_duration_seconds{data}': 1.5,
		'harper_custodian_snapshot_size_bytes{data}': 1000,
		'harper_custodian_snapshot_stored_bytes{data}': 400,
	});
});

test('what is unknown is absent, and what is zero is zero', async () => {
	expect(
		await shown({
			databases: [{ name: 'new' }],
			schedules: [{ name: 'never' }, { name: 'fine', missedRuns: 0 }],
			repositories: [{ name: 'main', reachable: true, storedBytes: 0 }],
		})
	).toEqual({
		'harper_custodian_snapshot_schedule_missed_runs{fine}': 0,
		'harper_custodian_snapshot_repository_reachable{main}': 1,
		'harper_custodian_snapshot_repository_stored_bytes{main}': 0,
	});
	expect(await shown({})).toEqual({});
});

test('snapshots are counted by database, repository and state', async () => {
	expect(await shown({ counts: [{ database: 'data', repository: 'away', complete: 7, damaged: 0 }] })).toEqual({
		'harper_custodian_snapshots{data|away|complete}': 7,
		'harper_custodian_snapshots{data|away|damaged}': 0,
	});
});

test('schedules, repositories and jobs are shown by name', async () => {
	expect(
		await shown({
			schedules: [{ name: 'nightly', nextRunAt: 2000, lastSuccessAt: 1000, missedRuns: 3 }],
			repositories: [
				{ name: 'main', reachable: true, freeBytes: 5, storedBytes: 6 },
				{ name: 'away', reachable: false },
			],
			jobs: [{ state: 'failed', count: 2 }],
		})
	).toEqual({
		'harper_custodian_snapshot_schedule_next_run_timestamp_seconds{nightly}': 2,
		'harper_custodian_snapshot_schedule_last_success_timestamp_seconds{nightly}': 1,
		'harper_custodian_snapshot_schedule_missed_runs{nightly}': 3,
		'harper_custodian_snapshot_repository_reachable{main}': 1,
		'harper_custodian_snapshot_repository_reachable{away}': 0,
		'harper_custodian_snapshot_repository_free_bytes{main}': 5,
		'harper_custodian_snapshot_repository_stored_bytes{main}': 6,
		'harper_custodian_snapshot_jobs{failed}': 2,
	});
});

test('nothing is labelled by a single snapshot, and a listing is shared for a while', () => {
	const { definitions, minIntervalMs } = snapshotsCollector({ read: async () => nothing });
	const labels = new Set(definitions.flatMap((definition) => definition.labels));
	expect([...labels].sort()).toEqual(['database', 'repository', 'schedule', 'state']);
	expect(minIntervalMs).toBeGreaterThanOrEqual(30_000);
});
