/** What an alert is held to. Values are those of the series at each minute; time itself begins at zero. */
export interface AlertCase {
	readonly alert: string;
	/** Of the alert, besides `job` and `instance` and its severity. */
	readonly labels?: Readonly<Record<string, string>>;
	/** Series, whose `job` and `instance` are added: when it fires, and when it just does not. */
	readonly loud: Readonly<Record<string, Value>>;
	readonly quiet: Readonly<Record<string, Value>>;
	/** The first minute at which what it waits for is true; 0 by default. */
	readonly from?: number;
	/** How many minutes after the trouble is over it is silent; 7 by default, more than the longest common window. */
	readonly calmsIn?: number;
	/** The series once the trouble is over, where they are not what `quiet` says. */
	readonly over?: Readonly<Record<string, Value>>;
}

/** A value for each minute; `null` for none. */
type Value = number | null | ((minute: number) => number | null);

const HOUR = 3600;
const DAY = 24 * HOUR;
/** A moment so many seconds ago, whatever the minute. */
const ago = (seconds: number) => (minute: number) => minute * 60 - seconds;

const threshold = (
	alert: string,
	metric: string,
	labels: Readonly<Record<string, string>>,
	loud: Value,
	quiet: Value,
	rest: Partial<AlertCase> = {}
): AlertCase => {
	const selector = series(metric, labels);
	return { alert, labels, loud: { [selector]: loud }, quiet: { [selector]: quiet }, ...rest };
};

export const cases: readonly AlertCase[] = [
	threshold('HarperDown', 'up', {}, 0, 1),
	{ alert: 'HarperMetricsMissing', loud: { up: 1 }, quiet: { up: 1, harper_up: 1 } },
	{
		alert: 'HarperErrors',
		loud: requests(360, 5640),
		quiet: requests(300, 5700),
		over: requests(0, 6000),
		from: 1,
		calmsIn: 12,
	},
	{
		alert: 'HarperSlow',
		loud: durations(980, 1000),
		quiet: durations(995, 1000),
		from: 1,
		calmsIn: 12,
	},
	threshold('HarperThreadBlocked', 'harper_thread_report_age_seconds', { thread: '3', name: 'http' }, 30.1, 30),
	{
		alert: 'HarperFileDescriptors',
		loud: { harper_process_open_fds: 91, harper_process_max_fds: 100 },
		quiet: { harper_process_open_fds: 90, harper_process_max_fds: 100 },
	},
	threshold('HarperComponentFailed', 'harper_component_status', { component: 'shop', status: 'error' }, 1, 0),
	{
		alert: 'HarperLogErrors',
		// Seven of both levels in a minute, and exactly six.
		loud: {
			'harper_log_lines_total{level="error"}': (minute) => minute * 5,
			'harper_log_lines_total{level="fatal"}': (minute) => minute * 2,
		},
		quiet: { 'harper_log_lines_total{level="error"}': (minute) => minute * 6 },
		over: { 'harper_log_lines_total{level="error"}': 0, 'harper_log_lines_total{level="fatal"}': 0 },
		// The rate counts for the whole window, of which this is the part that makes it enough.
		from: 9,
		calmsIn: 14,
	},
	threshold(
		'HarperCertificateExpires',
		'harper_certificate_not_after_timestamp_seconds',
		{ certificate: 'own' },
		ago(-14 * DAY + 1),
		ago(-14 * DAY)
	),
	{
		alert: 'HarperDiskFilling',
		labels: { volume: '/' },
		loud: volume((minute) => 390 - minute * 0.4),
		quiet: volume((minute) => 390 - minute * 0.1),
		over: volume(() => 500),
		from: 1,
	},
	{ alert: 'HarperDiskFull', labels: { volume: '/' }, loud: volume(() => 99), quiet: volume(() => 100) },
	threshold('HarperReaderStuck', 'harper_database_oldest_reader_held_seconds', { database: 'data' }, 600.1, 600),
	threshold('HarperReplicationBroken', 'harper_cluster_connected', { peer: 'b', database: 'data' }, 0, 1),
	threshold('HarperReplicationLagging', 'harper_cluster_behind_seconds', { peer: 'b', database: 'data' }, 60.1, 60),
	{
		alert: 'HarperClockSkew',
		labels: { peer: 'b', database: 'data' },
		loud: received(5.1),
		quiet: received(5),
	},
	threshold(
		'HarperSnapshotLate',
		'harper_custodian_snapshot_last_success_timestamp_seconds',
		{ database: 'data' },
		ago(36 * HOUR + 1),
		ago(36 * HOUR)
	),
	{
		alert: 'HarperSnapshotMissing',
		labels: { database: 'data' },
		loud: { 'harper_database_size_bytes{database="data"}': 1 },
		quiet: {
			'harper_database_size_bytes{database="data"}': 1,
			'harper_custodian_snapshot_last_success_timestamp_seconds{database="data"}': 0,
		},
	},
	{
		alert: 'HarperSnapshotFailed',
		labels: { database: 'data' },
		loud: attempts(101, 100),
		quiet: attempts(100, 100),
	},
	threshold(
		'HarperSnapshotDamaged',
		'harper_custodian_snapshots',
		{ database: 'data', repository: 'main', state: 'damaged' },
		1,
		0
	),
	threshold(
		'HarperSnapshotUnverified',
		'harper_custodian_snapshot_last_verification_timestamp_seconds',
		{ database: 'data' },
		ago(8 * DAY + 1),
		ago(8 * DAY)
	),
	threshold(
		'HarperRepositoryUnreachable',
		'harper_custodian_snapshot_repository_reachable',
		{ repository: 'main' },
		0,
		1
	),
	{
		alert: 'HarperRepositoryFull',
		labels: { repository: 'main' },
		loud: room(59),
		quiet: room(60),
	},
	threshold(
		'HarperMassChange',
		'harper_custodian_watch_last_burst_timestamp_seconds',
		{ database: 'data', table: 'Product', change: 'delete' },
		ago(599),
		ago(600)
	),
	threshold('HarperCustodianConfigInvalid', 'harper_custodian_config_valid', {}, 0, 1),
	threshold('HarperCustodianLeaderless', 'harper_custodian_leader', {}, 0, 1),
	threshold('HarperCustodianCollectorFailing', 'harper_custodian_collector_success', { collector: 'tables' }, 0, 1),
	threshold(
		'HarperCustodianCountersUnsaved',
		'harper_custodian_checkpoint_timestamp_seconds',
		{},
		ago(1801),
		ago(1800)
	),
	{
		alert: 'HarperCustodianCountsLost',
		loud: { harper_custodian_analytics_gaps_total: (minute) => (minute < 5 ? 3 : 4) },
		quiet: { harper_custodian_analytics_gaps_total: 3 },
		over: { harper_custodian_analytics_gaps_total: 4 },
		from: 5,
		calmsIn: 61,
	},
];

function requests(failed: number, served: number): AlertCase['loud'] {
	return {
		'harper_http_responses_total{path="Product",method="GET",code="500"}': (minute) => minute * failed,
		'harper_http_responses_total{path="Product",method="GET",code="200"}': (minute) => minute * served,
	};
}

function durations(withinASecond: number, all: number): AlertCase['loud'] {
	const bucket = (le: string) => `harper_http_request_duration_seconds_bucket{path="Product",method="GET",le="${le}"}`;
	return {
		[bucket('1')]: (minute) => minute * withinASecond,
		[bucket('2.5')]: (minute) => minute * all,
		[bucket('+Inf')]: (minute) => minute * all,
	};
}

function volume(available: (minute: number) => number): AlertCase['loud'] {
	return {
		'harper_storage_volume_available_bytes{volume="/"}': available,
		'harper_storage_volume_size_bytes{volume="/"}': 1000,
	};
}

function received(aheadSeconds: number): AlertCase['loud'] {
	return {
		'harper_cluster_last_received_version_timestamp_seconds{peer="b",database="data"}': aheadSeconds,
		'harper_cluster_last_received_timestamp_seconds{peer="b",database="data"}': 0,
	};
}

function attempts(failedAt: number, succeededAt: number): AlertCase['loud'] {
	return {
		'harper_custodian_snapshot_last_failure_timestamp_seconds{database="data"}': failedAt,
		'harper_custodian_snapshot_last_success_timestamp_seconds{database="data"}': succeededAt,
	};
}

/** Two databases that take 10 and 20. */
function room(freeBytes: number): AlertCase['loud'] {
	return {
		'harper_custodian_snapshot_repository_free_bytes{repository="main"}': freeBytes,
		'harper_custodian_snapshot_stored_bytes{database="data"}': 10,
		'harper_custodian_snapshot_stored_bytes{database="system"}': 20,
	};
}

function series(metric: string, labels: Readonly<Record<string, string>>): string {
	const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
	return pairs.length === 0 ? metric : `${metric}{${pairs.join(',')}}`;
}
