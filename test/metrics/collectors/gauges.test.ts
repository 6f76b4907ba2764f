import { describe, expect, test } from 'vitest';
import type { Collector } from '../../../lib/metrics/collector.ts';
import { certificatesCollector } from '../../../lib/metrics/collectors/certificates.ts';
import { clusterCollector } from '../../../lib/metrics/collectors/cluster.ts';
import { componentsCollector } from '../../../lib/metrics/collectors/components.ts';
import { databasesCollector } from '../../../lib/metrics/collectors/databases.ts';
import { jobsCollector } from '../../../lib/metrics/collectors/jobs.ts';
import { licensesCollector } from '../../../lib/metrics/collectors/licenses.ts';
import { logLinesCollector } from '../../../lib/metrics/collectors/log-lines.ts';
import { initialLogCount } from '../../../lib/metrics/log/count.ts';
import { mainThreadCollector } from '../../../lib/metrics/collectors/main-thread.ts';
import { processCollector } from '../../../lib/metrics/collectors/process.ts';
import { snapshotsCollector } from '../../../lib/metrics/collectors/snapshots.ts';
import { storageCollector } from '../../../lib/metrics/collectors/storage.ts';
import { tablesCollector } from '../../../lib/metrics/collectors/tables.ts';
import { threadsCollector } from '../../../lib/metrics/collectors/threads.ts';
import { collected } from './sample-of.ts';

const HOSTILE = 'a"b\\c\nd|é';
const clock = { monotonic: () => 0 };
const answers = <T>(value: T) => ({ read: async () => value });
const says = <T>(value: T) => ({ read: () => value });

const collectors: readonly Collector[] = [
	certificatesCollector(answers([])),
	clusterCollector({ peers: async () => [] }),
	componentsCollector(answers({ components: [], reported: [] })),
	databasesCollector(says([]), clock),
	jobsCollector({ count: () => undefined }),
	licensesCollector(answers([])),
	logLinesCollector(async () => initialLogCount()),
	mainThreadCollector({ latest: async () => undefined }),
	processCollector(says({})),
	snapshotsCollector(answers({ databases: [], counts: [], schedules: [], repositories: [], jobs: [] })),
	storageCollector(answers([])),
	tablesCollector(answers([])),
	threadsCollector(answers([])),
];

describe('every collector', () => {
	test('has a name and families that no other has', () => {
		const families = collectors.flatMap(({ definitions }) => definitions.map(({ name }) => name));
		expect(new Set(families).size).toBe(families.length);
		expect(new Set(collectors.map(({ name }) => name)).size).toBe(collectors.length);
	});

	test.each(collectors.flatMap(({ definitions }) => definitions.map((definition) => [definition.name, definition])))(
		'%s is named and described as Prometheus asks',
		(name, definition) => {
			if (typeof definition === 'string') throw new Error('a definition is an object');
			expect(name).toMatch(/^harper_[a-z][a-z0-9_]*[a-z0-9]$/);
			expect(definition.name.endsWith('_total')).toBe(definition.type === 'counter');
			expect(definition.help).toMatch(/^[A-Z0-9].*\.$/);
			for (const label of definition.labels) expect(label).toMatch(/^[a-z][a-z_]*$/);
		}
	);
});

describe('what is unknown is absent', () => {
	const nothing: readonly (readonly [string, Collector, Record<string, number>])[] = [
		['process', processCollector(says({})), {}],
		['main thread', mainThreadCollector({ latest: async () => undefined }), {}],
		[
			'main thread without times',
			mainThreadCollector({ latest: async () => ({ measuredAt: 5000 }) }),
			{ 'harper_main_thread_measured_timestamp_seconds{}': 5 },
		],
		['threads', threadsCollector(answers([{ id: 3, name: 'job' }])), { 'harper_http_workers{}': 0 }],
		['databases', databasesCollector(says([{ name: 'data' }]), clock), {}],
		['tables', tablesCollector(answers([{ name: 'data', tables: [{ name: 'Dog' }] }])), {}],
		['certificates', certificatesCollector(answers([{ name: 'x' }])), {}],
		['components', componentsCollector(answers({ components: [], reported: [] })), {}],
		['jobs', jobsCollector({ count: () => undefined }), {}],
		['licenses of an unlicensed node', licensesCollector(answers([])), {}],
		['log lines before the log was seen', logLinesCollector(async () => initialLogCount()), {}],
		['log lines without a log', logLinesCollector(async () => undefined), {}],
		['a standalone node has no peers', clusterCollector({ peers: async () => [] }), { 'harper_cluster_peers{}': 0 }],
	];
	test.each(nothing)('%s', async (_, collector, expected) => {
		expect(await collected(collector)).toEqual(expected);
	});
});

test('the process is shown in seconds, bytes and counts', async () => {
	const reading = { userCpuSeconds: 1.5, systemCpuSeconds: 0, residentBytes: 7, majorPageFaults: 2, startedAt: 1_500 };
	expect(await collected(processCollector(says(reading)))).toEqual({
		'harper_process_cpu_seconds_total{user}': 1.5,
		'harper_process_cpu_seconds_total{system}': 0,
		'harper_process_resident_memory_bytes{}': 7,
		'harper_process_page_faults_total{major}': 2,
		'harper_process_start_time_seconds{}': 1.5,
	});
});

describe('threads', () => {
	const thread = { id: 1, name: 'http', heapUsedBytes: 5, eventLoopUtilization: 0.5, reportAgeMs: 250 };

	test('a reporting thread shows memory, utilisation and age', async () => {
		expect(await collected(threadsCollector(answers([thread, { ...thread, id: 2, name: 'job' }])))).toMatchObject({
			'harper_thread_heap_used_bytes{1|http}': 5,
			'harper_thread_heap_used_bytes{2|job}': 5,
			'harper_thread_event_loop_utilization_ratio{1|http}': 0.5,
			'harper_thread_report_age_seconds{1|http}': 0.25,
			'harper_http_workers{}': 1,
		});
	});

	test('a stuck thread shows its age and no longer its memory', async () => {
		expect(await collected(threadsCollector(answers([{ ...thread, reportAgeMs: 31_000 }])))).toEqual({
			'harper_thread_event_loop_utilization_ratio{1|http}': 0.5,
			'harper_thread_report_age_seconds{1|http}': 31,
			'harper_http_workers{}': 1,
		});
	});
});

test('the main thread is shown in seconds and as the busy share', async () => {
	const latest = async () => ({ measuredAt: 60_000, taskQueueLatencyMs: 8, idleMs: 75, activeMs: 25 });
	expect(await collected(mainThreadCollector({ latest }))).toEqual({
		'harper_main_thread_task_queue_latency_seconds{}': 0.008,
		'harper_main_thread_event_loop_utilization_ratio{}': 0.25,
		'harper_main_thread_measured_timestamp_seconds{}': 60,
	});
});

describe('databases', () => {
	const transactions = 'harper_database_oldest_reader_transactions{data}';
	const held = 'harper_database_oldest_reader_held_seconds{data}';

	test('the oldest reader is the one with the lowest transaction, idle slots aside', async () => {
		const readers = [{ id: 'a' }, { id: 'b', transactionId: 90 }, { id: 'c', transactionId: 70 }];
		const reading = await collected(
			databasesCollector(says([{ name: 'data', lastTransactionId: 100, readers }]), clock)
		);
		expect(reading).toMatchObject({ [transactions]: 30, [held]: 0, 'harper_database_readers{data}': 2 });
	});

	test('no reader holds back nothing', async () => {
		const facts = says([{ name: 'data', lastTransactionId: 100, readers: [{ id: 'a' }] }]);
		expect(await collected(databasesCollector(facts, clock))).toMatchObject({
			[transactions]: 0,
			[held]: 0,
			'harper_database_readers{data}': 0,
		});
	});

	test('time held begins when a reader falls behind, and again with another reader', async () => {
		let now = 0;
		let last = 100;
		let oldest = { id: 'a', transactionId: 100 };
		const facts = { read: () => [{ name: 'data', lastTransactionId: last, readers: [oldest] }] };
		const collector = databasesCollector(facts, { monotonic: () => now });
		const heldAt = async (at: number): Promise<number | undefined> => {
			now = at;
			return (await collected(collector))[held];
		};
		expect(await heldAt(0)).toBe(0);
		expect(await heldAt(50_000)).toBe(0);
		last = 101;
		expect(await heldAt(60_000)).toBe(0);
		expect(await heldAt(75_000)).toBe(15);
		oldest = { id: 'b', transactionId: 100 };
		expect(await heldAt(80_000)).toBe(0);
		expect(await heldAt(81_000)).toBe(1);
	});

	test('seconds of transactions are split by phase and zero stays zero', async () => {
		const facts = says([{ name: 'system', startSeconds: 0, syncSeconds: 2.5, puts: 4, fileBytes: 8192 }]);
		expect(await collected(databasesCollector(facts, clock))).toEqual({
			'harper_database_transaction_seconds_total{system|start}': 0,
			'harper_database_transaction_seconds_total{system|sync}': 2.5,
			'harper_database_puts_total{system}': 4,
			'harper_database_size_bytes{system}': 8192,
		});
	});
});

test('tables keep hostile names as they are', async () => {
	const tables = [{ name: HOSTILE, sizeBytes: 1, indexBytes: 2, entries: 3 }];
	expect(await collected(tablesCollector(answers([{ name: 'd"b', tables, usedBytes: 4, freeBytes: 5 }])))).toEqual({
		[`harper_table_size_bytes{d"b|${HOSTILE}}`]: 1,
		[`harper_table_index_size_bytes{d"b|${HOSTILE}}`]: 2,
		[`harper_table_entries{d"b|${HOSTILE}}`]: 3,
		'harper_database_used_bytes{d"b}': 4,
		'harper_database_free_bytes{d"b}': 5,
	});
});

test('each volume stands once under its mount point', async () => {
	const volumes = [{ mount: '/', sizeBytes: 3, freeBytes: 2, availableBytes: 1 }];
	expect(await collected(storageCollector(answers(volumes)))).toEqual({
		'harper_storage_volume_size_bytes{/}': 3,
		'harper_storage_volume_free_bytes{/}': 2,
		'harper_storage_volume_available_bytes{/}': 1,
	});
});

describe('cluster', () => {
	const reading = {
		database: 'data',
		latencyMs: 2,
		receivedVersionAt: 100_000,
		receivedAt: 100_500,
		confirmedVersionAt: 90_000,
		backPressureRatio: 0.25,
	};
	const remembered = {
		'harper_cluster_last_received_version_timestamp_seconds{b|data}': 100,
		'harper_cluster_last_received_timestamp_seconds{b|data}': 100.5,
		'harper_cluster_last_confirmed_timestamp_seconds{b|data}': 90,
	};

	test('a live peer shows its lag at the last arrival', async () => {
		const peers = async () => [{ name: 'b', databases: [{ ...reading, connected: true }] }];
		expect(await collected(clusterCollector({ peers }))).toEqual({
			'harper_cluster_peers{}': 1,
			'harper_cluster_peer_up{b}': 1,
			'harper_cluster_connected{b|data}': 1,
			'harper_cluster_latency_seconds{b|data}': 0.002,
			'harper_cluster_back_pressure_ratio{b|data}': 0.25,
			'harper_cluster_behind_seconds{b|data}': 0.5,
			...remembered,
		});
	});

	test('a dead peer shows 0 and when it was last heard, and nothing that is frozen', async () => {
		const peers = async () => [{ name: 'b', databases: [{ ...reading, connected: false }] }];
		expect(await collected(clusterCollector({ peers }))).toEqual({
			'harper_cluster_peers{}': 1,
			'harper_cluster_peer_up{b}': 0,
			'harper_cluster_connected{b|data}': 0,
			...remembered,
		});
	});

	test('a peer that never connected is down', async () => {
		expect(await collected(clusterCollector({ peers: async () => [{ name: 'b', databases: [] }] }))).toEqual({
			'harper_cluster_peers{}': 1,
			'harper_cluster_peer_up{b}': 0,
		});
	});
});

test('a certificate shows when it expires, whatever its name', async () => {
	expect(await collected(certificatesCollector(answers([{ name: HOSTILE, expiresAt: 7_000 }])))).toEqual({
		[`harper_certificate_not_after_timestamp_seconds{${HOSTILE}}`]: 7,
	});
});

test.each([
	[true, 1],
	[false, 0],
])('components show their present status, and restart required %s as %i', async (restartRequired, expected) => {
	const reading = {
		components: [{ name: 'rest', status: 'error' }],
		reported: [{ id: 'primary', status: 'draining' }],
		restartRequired,
	};
	expect(await collected(componentsCollector(answers(reading)))).toEqual({
		'harper_component_status{rest|error}': 1,
		'harper_reported_status{primary|draining}': 1,
		'harper_restart_required{}': expected,
	});
});

test('jobs of every status are counted, none being none', async () => {
	const counts = { created: 0, in_progress: 1, complete: 2, error: 3 };
	expect(await collected(jobsCollector({ count: (status) => counts[status] }))).toEqual({
		'harper_jobs{created}': 0,
		'harper_jobs{in_progress}': 1,
		'harper_jobs{complete}': 2,
		'harper_jobs{error}': 3,
	});
});

test('an unlimited allowance of a license has a use and no limit', async () => {
	const none = {};
	const license = {
		id: 'L',
		expiresAt: 9_000,
		reads: { used: 1, limit: 10 },
		writes: { used: 2 },
		realTimeMessages: none,
		readBytes: none,
		writeBytes: none,
		realTimeBytes: { used: 5, limit: 6 },
		cpuSeconds: { used: 3, limit: 4 },
	};
	expect(await collected(licensesCollector(answers([license])))).toEqual({
		'harper_license_used_operations{L|read}': 1,
		'harper_license_limit_operations{L|read}': 10,
		'harper_license_used_operations{L|write}': 2,
		'harper_license_used_bytes{L|real_time}': 5,
		'harper_license_limit_bytes{L|real_time}': 6,
		'harper_license_used_cpu_seconds{L}': 3,
		'harper_license_limit_cpu_seconds{L}': 4,
		'harper_license_expires_timestamp_seconds{L}': 9,
	});
});
