import type { Collector } from '../../lib/metrics/collector.ts';
import { analyticsCollector } from '../../lib/metrics/collectors/analytics.ts';
import { certificatesCollector } from '../../lib/metrics/collectors/certificates.ts';
import { clusterCollector } from '../../lib/metrics/collectors/cluster.ts';
import { componentsCollector } from '../../lib/metrics/collectors/components.ts';
import { custodianCollector } from '../../lib/metrics/collectors/custodian.ts';
import { databasesCollector } from '../../lib/metrics/collectors/databases.ts';
import { jobsCollector } from '../../lib/metrics/collectors/jobs.ts';
import { licensesCollector } from '../../lib/metrics/collectors/licenses.ts';
import { logLinesCollector } from '../../lib/metrics/collectors/log-lines.ts';
import { mainThreadCollector } from '../../lib/metrics/collectors/main-thread.ts';
import { processCollector } from '../../lib/metrics/collectors/process.ts';
import { snapshotsCollector } from '../../lib/metrics/collectors/snapshots.ts';
import { storageCollector } from '../../lib/metrics/collectors/storage.ts';
import { tablesCollector } from '../../lib/metrics/collectors/tables.ts';
import { threadsCollector } from '../../lib/metrics/collectors/threads.ts';
import { watchCollector } from '../../lib/metrics/collectors/watch.ts';
import type { FamilyDefinition } from '../../lib/metrics/family.ts';
import { Follower } from '../../lib/metrics/fold/follower.ts';
import { initialLogCount } from '../../lib/metrics/log/count.ts';
import { scraperDefinitions } from '../../lib/metrics/scraper.ts';

const clock = { now: () => 0, monotonic: () => 0 };
const nothing = async () => [];

const follower = new Follower(
	{ maxSeriesPerFamily: 1000, topicLevels: 1, operations: new Set(), custom: [] },
	{
		log: { keys: () => [], row: () => undefined },
		checkpoints: { cursor: () => undefined, load: () => undefined, save: async () => {} },
		clock,
		pause: async () => {},
		process: { id: 'test', startedAt: 0 },
		warn: () => {},
	}
);
const aboutUs = {
	version: '',
	harperVersion: '',
	nodeVersion: '',
	node: '',
	configValid: true,
	hasLeader: () => true,
	savedAt: () => 1,
};
const seenLog = { ...initialLogCount(), files: [{ id: 'log', offset: 0, withinLine: false }] };

/** Every collector by the name of its file, with the facts that make it yield whatever it can. */
export const everyCollector: Readonly<Record<string, Collector>> = {
	'custodian': custodianCollector(aboutUs),
	'analytics': analyticsCollector(follower, [], () => new Set([0])),
	'process': processCollector({ read: () => ({}) }),
	'threads': threadsCollector({ read: nothing }),
	'main-thread': mainThreadCollector({ latest: async () => ({ measuredAt: 0 }) }),
	'databases': databasesCollector({ read: () => [] }, clock),
	'tables': tablesCollector({ read: nothing }),
	'storage': storageCollector({ read: nothing }),
	'cluster': clusterCollector({ peers: nothing }),
	'certificates': certificatesCollector({ read: nothing }),
	'components': componentsCollector({ read: async () => ({ components: [], reported: [] }) }),
	'licenses': licensesCollector({ read: nothing }),
	'jobs': jobsCollector({ count: () => 0 }),
	'snapshots': snapshotsCollector({
		read: async () => ({ databases: [], counts: [], schedules: [], repositories: [], jobs: [] }),
	}),
	'watch': watchCollector(() => []),
	'log-lines': logLinesCollector(async () => seenLog),
};

/** Every family of a component without custom mappings. */
export const everyDefinition: readonly FamilyDefinition[] = [
	...Object.values(everyCollector).flatMap(({ definitions }) => definitions),
	...scraperDefinitions,
];
