import { harperRawLog } from './adapters/harper/analytics-log.ts';
import { harperCertificates } from './adapters/harper/certificates.ts';
import { harperCheckpoints, harperLogCount } from './adapters/harper/checkpoints.ts';
import { harperCluster } from './adapters/harper/cluster.ts';
import { harperComponents } from './adapters/harper/components.ts';
import { harperDatabases } from './adapters/harper/databases.ts';
import { publishBehind, publishOnPort, publishResources } from './adapters/harper/endpoints.ts';
import { harperHost, type Host, type Store } from './adapters/harper/host.ts';
import { harperVersion } from './adapters/harper/in-process.ts';
import { harperJobs } from './adapters/harper/jobs.ts';
import { harperLicenses } from './adapters/harper/licenses.ts';
import { harperMainThread } from './adapters/harper/main-thread.ts';
import { harperLog, harperVolumes } from './adapters/harper/places.ts';

import { harperTables } from './adapters/harper/tables.ts';
import { harperThreadLock } from './adapters/harper/thread-lock.ts';
import { harperThreads } from './adapters/harper/threads.ts';
import { harperTurns } from './adapters/harper/turns.ts';
import { linuxProcess } from './adapters/linux/process.ts';
import { gzip } from './adapters/gzip.ts';
import { packageVersion } from './adapters/package.ts';
import { processIdentity } from './adapters/process-identity.ts';
import { every, pause, within } from './adapters/timers.ts';
import { parseConfiguration, type MetricsConfiguration } from './config.ts';
import { stand } from './election.ts';
import { messageOf } from './errors.ts';
import type { Endpoint } from './http/endpoint.ts';
import { healthEndpoint } from './http/health.ts';
import { metricsEndpoint, type MetricsPorts } from './http/metrics.ts';
import type { Collector } from './metrics/collector.ts';
import { analyticsCollector } from './metrics/collectors/analytics.ts';
import { certificatesCollector } from './metrics/collectors/certificates.ts';
import { clusterCollector } from './metrics/collectors/cluster.ts';
import { componentsCollector } from './metrics/collectors/components.ts';
import { custodianCollector } from './metrics/collectors/custodian.ts';
import { databasesCollector } from './metrics/collectors/databases.ts';
import { jobsCollector } from './metrics/collectors/jobs.ts';
import { licensesCollector } from './metrics/collectors/licenses.ts';
import { logLinesCollector } from './metrics/collectors/log-lines.ts';
import { mainThreadCollector } from './metrics/collectors/main-thread.ts';
import { processCollector } from './metrics/collectors/process.ts';
import { storageCollector } from './metrics/collectors/storage.ts';
import { tablesCollector } from './metrics/collectors/tables.ts';
import { threadsCollector } from './metrics/collectors/threads.ts';
import { Exposition } from './metrics/exposition.ts';
import { Follower } from './metrics/fold/follower.ts';
import { OPERATION_NAMES } from './metrics/fold/operation-names.ts';
import { LogFollower } from './metrics/log-follower.ts';
import { Scraper } from './metrics/scraper.ts';
import { systemClock } from './time.ts';

type Warn = (message: string) => void;

const NAME = 'harper-custodian';

/** How often the elected worker saves the counters: far inside the hour that Harper keeps the rows they come from. */
const SAVE_EVERY_MS = 15_000;

/** The composition root: parses the configuration, builds the adapters, stands for election, publishes the endpoints. */
export async function compose(): Promise<void> {
	const host = harperHost();
	const warn: Warn = (message) => host.logger.warn(`${NAME}: ${message}`);
	const parsed = parseConfiguration(host.server.config['custodian']);
	if (!parsed.valid) {
		for (const { key, expected, got } of parsed.problems) {
			host.logger.error(`${NAME}: ${key}: expected ${expected}, got ${got}; the defaults apply`);
		}
	}
	const { metrics } = parsed.configuration;
	const version = packageVersion();
	const store = stateStore(host);
	const lock = harperThreadLock(store, 'leader');
	const hasLeader = () => lock.isHeld();
	const follower = followerOf(store, metrics, warn);
	const logFollower = logFollowerOf(store);

	const facts = {
		version,
		harperVersion: await harperVersion(),
		nodeVersion: process.version,
		node: host.server.hostname ?? '',
	};
	const collectors = [
		custodianCollector({ ...facts, configValid: parsed.valid, hasLeader }),
		...collectorsOf(follower, metrics),
		...(logFollower ? [logLinesCollector(() => logFollower.advance())] : []),
	];
	publish(
		host,
		metrics,
		metricsPorts(collectors, metrics, store, warn),
		healthEndpoint({ version, parsed, hasLeader })
	);

	const save = async () => {
		await follower.save().catch((error: unknown) => warn(`The counters are not saved: ${messageOf(error)}`));
		await logFollower?.save().catch((error: unknown) => warn(`The log is not counted: ${messageOf(error)}`));
	};
	const candidate = stand(lock, () => {
		void save();
		return every(SAVE_EVERY_MS, save);
	});
	host.threads.onMessageByType('shutdown', () => candidate.resign());
}

/** The store of our own table, which Harper makes from our schema before it loads this module. */
function stateStore(host: Host): Store {
	const table = host.databases['custodian']?.['Checkpoint'];
	if (!table) throw new Error('The table custodian.Checkpoint is missing: schema.graphql was not loaded.');
	return table.primaryStore;
}

function followerOf(store: Store, metrics: MetricsConfiguration, warn: Warn): Follower {
	const operations = new Set([...OPERATION_NAMES, ...metrics.operations]);
	return new Follower(
		{ ...metrics, operations },
		{
			log: harperRawLog(),
			checkpoints: harperCheckpoints(store, 'metrics'),
			clock: systemClock,
			pause,
			process: processIdentity(),
			warn,
		}
	);
}

function logFollowerOf(store: Store): LogFollower | undefined {
	const log = harperLog();
	return log && new LogFollower(log, harperLogCount(store, 'log-lines'), systemClock);
}

/** Where the next collector is wired: facts from an adapter, into the collector that shows them. */
function collectorsOf(follower: Follower, metrics: MetricsConfiguration): Collector[] {
	const threads = harperThreads();
	const livingThreads = async () => new Set([0, ...(await threads.read()).map(({ id }) => id)]);
	return [
		analyticsCollector(follower, metrics.custom, livingThreads),
		processCollector(linuxProcess()),
		threadsCollector(threads),
		mainThreadCollector(harperMainThread(systemClock)),
		databasesCollector(harperDatabases(), systemClock),
		tablesCollector(harperTables()),
		storageCollector(harperVolumes()),
		clusterCollector(harperCluster()),
		certificatesCollector(harperCertificates()),
		componentsCollector(harperComponents()),
		licensesCollector(harperLicenses()),
		jobsCollector(harperJobs()),
	];
}

function metricsPorts(
	collectors: readonly Collector[],
	metrics: MetricsConfiguration,
	store: Store,
	warn: Warn
): MetricsPorts {
	const ports = { clock: systemClock, within, warn, turns: harperTurns(store) };
	const scraper = new Scraper(collectors, metrics.maxSeriesPerFamily, ports);
	const exposition = new Exposition();
	const warned = new Set<string>();
	return {
		scrape: () => scraper.scrape(),
		gzip,
		render(families, format) {
			const { body, omissions } = exposition.render(families, format);
			for (const { family, reason } of omissions) {
				if (!warned.has(family)) warn(`Series of ${family} are left out of the exposition: ${reason}.`);
				warned.add(family);
			}
			return body;
		},
	};
}

function publish(host: Host, metrics: MetricsConfiguration, ports: MetricsPorts, health: Endpoint): void {
	const long = metricsEndpoint('custodian/metrics', metrics.anonymous, ports);
	const short = metricsEndpoint('metrics', metrics.anonymous, ports);
	publishResources(host, [long, health]);
	publishBehind(host, [short]);
	if (metrics.port !== undefined) publishOnPort(host, [short, long], metrics.port);
}
