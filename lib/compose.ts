import { harperRawLog } from './adapters/harper/analytics-log.ts';
import { harperCertificates } from './adapters/harper/certificates.ts';
import { harperCheckpoints, harperText } from './adapters/harper/checkpoints.ts';
import { harperCluster } from './adapters/harper/cluster.ts';
import { harperComponents } from './adapters/harper/components.ts';
import { harperDatabases } from './adapters/harper/databases.ts';
import { publishBehind, publishOnPort, publishResources } from './adapters/harper/endpoints.ts';
import { harperHost, type Host } from './adapters/harper/host.ts';
import { harperVersion } from './adapters/harper/in-process.ts';
import { harperJobs } from './adapters/harper/jobs.ts';
import { harperLicenses } from './adapters/harper/licenses.ts';
import { harperMainThread } from './adapters/harper/main-thread.ts';
import { harperLog, harperVolumes, isHarpersPort, rootDirectory } from './adapters/harper/places.ts';
import { harperState, type State } from './adapters/harper/state.ts';

import { harperTables } from './adapters/harper/tables.ts';
import { harperThreadLock } from './adapters/harper/thread-lock.ts';
import { harperThreads, livingThreads } from './adapters/harper/threads.ts';
import { harperTurns } from './adapters/harper/turns.ts';
import { linuxProcess, processIdentity } from './adapters/linux/process.ts';
import { gzip } from './adapters/gzip.ts';
import { packageVersion } from './adapters/package.ts';
import { every, pause, within } from './adapters/timers.ts';
import { auditingEndpoints } from './compose/audit-endpoints.ts';
import { runBackground } from './compose/background.ts';
import { protectionEndpoints } from './compose/protection-endpoints.ts';
import { factsOf, protectionOf, troublesOf, type Protection } from './compose/protection.ts';
import { watchedTables } from './compose/watch.ts';
import { cronTiming } from './compose/schedules.ts';
import { parseConfiguration } from './config.ts';
import type { MetricsConfiguration } from './config/metrics.ts';
import { stand, type ThreadLock } from './election.ts';
import { CustodianError, messageOf } from './errors.ts';
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
import { snapshotsCollector } from './metrics/collectors/snapshots.ts';
import { storageCollector } from './metrics/collectors/storage.ts';
import { tablesCollector } from './metrics/collectors/tables.ts';
import { threadsCollector } from './metrics/collectors/threads.ts';
import { watchCollector } from './metrics/collectors/watch.ts';
import { Exposition } from './metrics/exposition.ts';
import { Follower, type CheckpointStore } from './metrics/fold/follower.ts';
import { OPERATION_NAMES } from './metrics/fold/operation-names.ts';
import { LogFollower } from './metrics/log/follower.ts';
import { Scraper } from './metrics/scraper.ts';
import { systemClock } from './time.ts';

type Warn = (message: string) => void;

const NAME = 'harper-custodian';

/** How often the elected worker saves the counters: far inside the hour that Harper keeps the rows they come from. */
const SAVE_EVERY_MS = 60_000;

/** The composition root: parses the configuration, builds the adapters, stands for election, publishes the endpoints. */
export async function compose(): Promise<void> {
	const host = harperHost();
	const warn: Warn = (message) => host.logger.warn(`${NAME}: ${message}`);
	const parsed = parseConfiguration(host.server.config['custodian'], (cron) => cronTiming(cron, 'UTC') !== undefined);
	if (!parsed.valid) {
		for (const { key, expected, got } of parsed.problems) {
			host.logger.error(
				`${NAME}: ${key}: expected ${expected}, got ${got}; metrics have their defaults, and snapshots are off`
			);
		}
	}
	const { metrics } = parsed.configuration;
	const version = packageVersion();
	const state = harperState();
	const lock = harperThreadLock(state, 'leader');
	const hasLeader = () => lock.isHeld();
	const checkpoints = harperCheckpoints(state, 'metrics');
	const follower = followerOf(checkpoints, metrics, warn);
	const logFollower = logFollowerOf(state);
	const unsavedForMs = () => {
		const savedAt = checkpoints.savedAt();
		return savedAt === undefined ? undefined : systemClock.now() - savedAt;
	};
	let snapshotTroubles = async (): Promise<readonly string[]> => [];
	publishResources(host, [
		healthEndpoint({
			version,
			parsed,
			hasLeader,
			missingState: () => state.problem(),
			unsavedForMs,
			snapshotTroubles: () => snapshotTroubles(),
		}),
	]);

	publishResources(host, auditingEndpoints(host, warn));

	const node = host.server.hostname ?? '';
	const facts = { version, harperVersion: await harperVersion(), nodeVersion: process.version, node };
	const collectors = [
		custodianCollector({ ...facts, configValid: parsed.valid, hasLeader, savedAt: () => checkpoints.savedAt() }),
		...collectorsOf(follower, metrics),
		...(logFollower ? [logLinesCollector(() => logFollower.advance())] : []),
	];
	const { protection: configuration } = parsed.configuration;
	const root = rootDirectory();
	const versions = { custodian: version, harper: facts.harperVersion, node: process.version };
	const protection =
		configuration && root !== undefined
			? protectionOf({ configuration, root, node, versions, state, warn })
			: undefined;
	if (protection) {
		snapshotTroubles = () => troublesOf(protection);
		publishResources(host, protectionEndpoints(protection));
		collectors.push(snapshotsCollector(factsOf(protection)));
		if (protection.configuration.watch !== false) collectors.push(watchCollector(watchedTables(state)));
	}
	publishMetrics(host, metrics, metricsPorts(collectors, metrics, state, warn), warn);
	lead(host, lock, {
		async save() {
			await follower.save().catch((error: unknown) => warn(`The counters are not saved: ${messageOf(error)}`));
			await logFollower?.save().catch((error: unknown) => warn(`The log is not counted: ${messageOf(error)}`));
		},
		protection,
		warn,
	});
}

/** Stands for election; the elected worker saves at once and then regularly, and looks after the snapshots. */
function lead(
	host: Host,
	lock: ThreadLock,
	{
		save,
		protection,
		warn,
	}: { readonly save: () => Promise<void>; readonly protection: Protection | undefined; readonly warn: Warn }
): void {
	const candidate = stand(lock, () => {
		const office = new AbortController();
		void save();
		const stopSaving = every(SAVE_EVERY_MS, save, (error) => warn(`Nothing is saved: ${messageOf(error)}`));
		const background = protection ? runBackground(protection, office.signal) : Promise.resolve();
		background.catch((error: unknown) => warn(`Nobody looks after the snapshots: ${messageOf(error)}`));
		return async () => {
			stopSaving();
			office.abort(new CustodianError('interrupted', NAME, 'Another worker takes over.'));
			await background;
		};
	});
	host.threads.onMessageByType('shutdown', () => candidate.resign());
}

function followerOf(checkpoints: CheckpointStore, metrics: MetricsConfiguration, warn: Warn): Follower {
	const operations = new Set([...OPERATION_NAMES, ...metrics.operations]);
	return new Follower(
		{ ...metrics, operations },
		{
			log: harperRawLog(),
			checkpoints,
			clock: systemClock,
			pause,
			process: processIdentity(),
			warn,
		}
	);
}

function logFollowerOf(state: State): LogFollower | undefined {
	const log = harperLog();
	return log && new LogFollower(log, harperText(state, 'log-lines'), systemClock);
}

/** Where the next collector is wired: facts from an adapter, into the collector that shows them. */
function collectorsOf(follower: Follower, metrics: MetricsConfiguration): Collector[] {
	return [
		analyticsCollector(follower, metrics.custom, livingThreads),
		processCollector(linuxProcess()),
		threadsCollector(harperThreads()),
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
	state: State,
	warn: Warn
): MetricsPorts {
	const ports = { clock: systemClock, within, warn, turns: harperTurns(state) };
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

function publishMetrics(host: Host, metrics: MetricsConfiguration, ports: MetricsPorts, warn: Warn): void {
	const long = metricsEndpoint('custodian/metrics', metrics.anonymous, ports);
	const short = metricsEndpoint('metrics', metrics.anonymous, ports);
	publishResources(host, [long]);
	publishBehind(host, [short]);
	if (metrics.port === undefined) return;
	if (isHarpersPort(metrics.port))
		warn(`metrics.port ${metrics.port} is a port of Harper's own, so no other is opened.`);
	else publishOnPort(host, [short, long], metrics.port);
}
