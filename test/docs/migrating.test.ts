import { describe, expect, test } from 'vitest';
import { codeSpans, readPage } from './pages.ts';

/** Every family of HarperFast/prometheus-exporter 1.1.3, those of prom-client that it registers, and those its README still lists. */
const FORMER = `
	harperdb_database_puts_total harperdb_database_deletes_total harperdb_database_txns_total
	harperdb_database_page_flushes_total harperdb_database_writes_total harperdb_database_pages_written_total
	harperdb_database_time_during_txns_total harperdb_database_time_start_txns_total
	harperdb_database_time_page_flushes_total harperdb_database_time_sync_total
	harperdb_table_puts_total harperdb_table_deletes_total harperdb_table_txns_total harperdb_table_page_flushes_total
	harperdb_table_writes_total harperdb_table_pages_written_total harperdb_table_time_during_txns_total
	harperdb_table_time_start_txns_total harperdb_table_time_page_flushes_total harperdb_table_time_sync_total
	harperdb_process_threads_count harperdb_process_cpu_utilization connection open_connections acl_fail bytes_sent
	messages_sent bytes_received messages_received cache_hit cache_miss success response_status_code TTFB duration
	transfer cache_resolution replication_latency filesystem_size_bytes filesystem_free_bytes filesystem_used_bytes
	cluster_ping cluster_connected_dbs cluster_disconnected_dbs replication_backlog replication_backlog_time
	thread_heap_total thread_heap_used thread_external_memory thread_array_buffers thread_idle thread_active
	thread_utilization memory_total memory_free memory_used memory_active memory_available memory_swaptotal
	memory_swapused memory_swapfree memory_writeback memory_dirty memory_rss memory_heap_total memory_heap_used
	memory_external memory_array_buffers
	process_cpu_user_seconds_total process_cpu_system_seconds_total process_cpu_seconds_total
	process_start_time_seconds process_resident_memory_bytes process_virtual_memory_bytes process_heap_bytes
	process_open_fds process_max_fds nodejs_eventloop_lag_seconds nodejs_eventloop_lag_min_seconds
	nodejs_eventloop_lag_max_seconds nodejs_eventloop_lag_mean_seconds nodejs_eventloop_lag_stddev_seconds
	nodejs_eventloop_lag_p50_seconds nodejs_eventloop_lag_p90_seconds nodejs_eventloop_lag_p99_seconds
	nodejs_active_resources nodejs_active_resources_total nodejs_active_handles nodejs_active_handles_total
	nodejs_active_requests nodejs_active_requests_total nodejs_heap_size_total_bytes nodejs_heap_size_used_bytes
	nodejs_external_memory_bytes nodejs_heap_space_size_total_bytes nodejs_heap_space_size_used_bytes
	nodejs_heap_space_size_available_bytes nodejs_version_info nodejs_gc_duration_seconds
`
	.trim()
	.split(/\s+/);

const page = readPage('docs/migrating.md');
const rows = [...page.matchAll(/^\| (`[^|]*?) +\| +([^|]*?) +\| +([^|]*?) +\|$/gm)].map(
	([, former = '', query = '', note = '']) => ({ former: codeSpans(former), query, note })
);

describe('docs/migrating.md', () => {
	test.each(FORMER)('says what becomes of %s', (name) => {
		expect(
			rows.filter(({ former }) => former.some((span) => span.replace(/\{.*/, '') === name)).length
		).toBeGreaterThan(0);
	});

	test('names no family that the exporter does not have', () => {
		const named = rows.flatMap(({ former }) => former.map((span) => span.replace(/\{.*/, '')));
		expect(named.filter((name) => !FORMER.includes(name))).toEqual([]);
	});

	test('has a query, or says that there is no successor and why, in every row', () => {
		const told = ({ query, note }: { query: string; note: string }) =>
			query === 'no successor' ? note !== '' : query.includes('harper_');
		expect(rows.filter((row) => !told(row))).toEqual([]);
	});
});
