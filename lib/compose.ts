import { harperRawLog } from './adapters/harper/analytics-log.ts';
import { harperCheckpoints } from './adapters/harper/checkpoints.ts';
import { publishBehind, publishOnPort, publishResources } from './adapters/harper/endpoints.ts';
import { harperHost, type Host, type Store } from './adapters/harper/host.ts';
import { harperThreadLock } from './adapters/harper/thread-lock.ts';
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
import { custodianCollector } from './metrics/collectors/custodian.ts';
import { Exposition } from './metrics/exposition.ts';
import { Follower } from './metrics/fold/follower.ts';
import { OPERATION_NAMES } from './metrics/fold/operation-names.ts';
import { Scraper } from './metrics/scraper.ts';
import { systemClock } from './time.ts';

type Warn = (message: string) => void;

const NAME = 'harper-custodian';

/** How often the elected worker saves the counters: far inside the hour that Harper keeps the rows they come from. */
const SAVE_EVERY_MS = 15_000;

/** The composition root: parses the configuration, builds the adapters, stands for election, publishes the endpoints. */
export function compose(): void {
	const host = harperHost();
	const warn: Warn = (message) => host.logger.warn(`${NAME}: ${message}`);
	const parsed = parseConfiguration(host.server.config.custodian);
	if (!parsed.valid) {
		for (const { key, expected, got } of parsed.problems) {
			host.logger.error(`${NAME}: ${key}: expected ${expected}, got ${got}; the defaults apply`);
		}
	}
	const { metrics } = parsed.configuration;
	const version = packageVersion();
	const store = stateStore(host);
	const follower = followerOf(host, store, metrics, warn);
	const lock = harperThreadLock(store, 'leader');
	const save = () => follower.save().catch((error: unknown) => warn(`The counters are not saved: ${messageOf(error)}`));
	const candidate = stand(lock, () => every(SAVE_EVERY_MS, save));
	host.threads.onMessageByType('shutdown', () => candidate.resign());

	const hasLeader = () => lock.isHeld();
	const facts = {
		version,
		harperVersion: '',
		nodeVersion: process.version,
		node: '',
		configValid: parsed.valid,
		hasLeader,
	};
	const collectors = [
		custodianCollector(facts),
		analyticsCollector(follower, metrics.custom, () => Promise.resolve(undefined)),
	];
	publish(host, metrics, metricsPorts(collectors, metrics, warn), healthEndpoint({ version, parsed, hasLeader }));
}

function followerOf(host: Host, store: Store, metrics: MetricsConfiguration, warn: Warn): Follower {
	const operations = new Set([...OPERATION_NAMES, ...metrics.operations]);
	return new Follower(
		{ ...metrics, operations },
		{
			log: harperRawLog(host),
			checkpoints: harperCheckpoints(store, 'metrics'),
			clock: systemClock,
			pause,
			process: processIdentity(),
			warn,
		}
	);
}

function metricsPorts(collectors: readonly Collector[], metrics: MetricsConfiguration, warn: Warn): MetricsPorts {
	const scraper = new Scraper(collectors, metrics.maxSeriesPerFamily, { clock: systemClock, within, warn });
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

/** The store of our own table, which Harper makes from our schema before it loads this module. */
function stateStore(host: Host): Store {
	const table = host.databases.custodian?.Checkpoint;
	if (!table) throw new Error('The table custodian.Checkpoint is missing: schema.graphql was not loaded.');
	return table.primaryStore;
}
