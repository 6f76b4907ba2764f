import { parentPort } from 'node:worker_threads';
import { CustodianError } from '../../errors.ts';
import type { ClusterFacts, PeerReading, ReplicationReading } from '../../metrics/collectors/cluster.ts';
import { asFields, booleanIn, type Fields, listIn, numberIn, stringIn } from './fields.ts';
import { configSection, onThreadMessage, operate } from './in-process.ts';
import { listDatabases } from './stores.ts';

/**
 * The operation `cluster_status` has one resolver per thread: of two calls at once the first never answers, whoever
 * made it, and operators call it over HTTP. So we put the question to the main thread ourselves and listen for the
 * answer beside Harper: nobody's resolver is replaced, and any answer serves everyone who waits for one.
 */
export interface ClusterChannel {
	/** Asks the main thread; the answer comes to the listener. */
	ask(): void;
	/** Called once; the listener then hears every answer that reaches this thread, whoever asked. */
	listen(listener: (answer: unknown) => void): void;
}

/** What Harper's threads share about replicating a database from a peer; undefined before the first contact. */
export type SharedStatus = (database: string, peer: string) => ArrayLike<number> | undefined;

const ANSWER_TIMEOUT_MS = 2_000;

export function harperCluster(): ClusterFacts {
	if (!replicates()) return { peers: async () => [] };
	const port = parentPort;
	// Without worker threads there is no message and no resolver, so the operation is safe.
	if (port === null) return { peers: async () => parsePeers(await operate('cluster_status'), sharedStatus) };
	return clusterThrough(
		workerChannel((message) => port.postMessage(message)),
		sharedStatus,
		ANSWER_TIMEOUT_MS
	);
}

export function clusterThrough(channel: ClusterChannel, shared: SharedStatus, timeoutMs: number): ClusterFacts {
	const waiting = new Set<(answer: unknown) => void>();
	channel.listen((answer) => {
		for (const resolve of waiting) resolve(answer);
		waiting.clear();
	});
	let inFlight: Promise<readonly PeerReading[]> | undefined;

	const ask = async (): Promise<readonly PeerReading[]> => {
		const answer = await new Promise<unknown>((resolve, reject) => {
			const timer = setTimeout(() => {
				waiting.delete(answered);
				reject(
					new CustodianError(
						'cluster_status_timeout',
						'cluster',
						`The main thread gave no cluster status in ${timeoutMs} ms.`,
						{
							hint: 'The main thread of Harper is blocked or overloaded; see harper_main_thread_event_loop_utilization_ratio.',
						}
					)
				);
			}, timeoutMs);
			timer.unref();
			const answered = (value: unknown): void => {
				clearTimeout(timer);
				resolve(value);
			};
			waiting.add(answered);
			channel.ask();
		});
		return parsePeers(answer, shared);
	};

	return {
		peers() {
			inFlight ??= ask().finally(() => {
				inFlight = undefined;
			});
			return inFlight;
		},
	};
}

/** Reads a status answer. What a connection shows of the past stays; the collector decides what of it is still true. */
export function parsePeers(answer: unknown, shared: SharedStatus): readonly PeerReading[] {
	const peers = new Map<string, Map<string, ReplicationReading>>();
	for (const connection of listIn(asFields(answer), 'connections')) {
		const name = stringIn(connection, 'name') ?? stringIn(connection, 'url');
		if (name === undefined) continue;
		const databases = peers.get(name) ?? new Map<string, ReplicationReading>();
		peers.set(name, databases);
		for (const socket of listIn(connection, 'database_sockets')) {
			const database = stringIn(socket, 'database');
			if (database !== undefined) databases.set(database, parseSocket(database, socket, shared(database, name)));
		}
	}
	return [...peers].map(([name, databases]) => ({ name, databases: [...databases.values()] }));
}

/** Positions in the shared status, the same that Harper's own `cluster_status` reads. */
const CONFIRMED_VERSION = 0;
const RECEIVED_VERSION = 1;
const RECEIVED_AT = 2;
const BACK_PRESSURE_RATIO = 6;
/** Stands in place of a version while the first copy of the database is under way. */
const COPYING = 1;

function parseSocket(database: string, socket: Fields, status: ArrayLike<number> | undefined): ReplicationReading {
	const instant = (position: number): number | undefined => {
		const at = status?.[position];
		return at !== undefined && at > COPYING ? at : undefined;
	};
	return {
		database,
		connected: booleanIn(socket, 'connected') ?? false,
		latencyMs: numberIn(socket, 'latency'),
		confirmedVersionAt: instant(CONFIRMED_VERSION),
		receivedVersionAt: instant(RECEIVED_VERSION),
		receivedAt: instant(RECEIVED_AT),
		backPressureRatio: status?.[BACK_PRESSURE_RATIO],
	};
}

function workerChannel(post: (message: object) => void): ClusterChannel {
	let primed = false;
	return {
		ask() {
			if (primed) return post({ type: 'request-cluster-status' });
			// Harper's own listener fails on an answer unless the operation has run once in this thread. Its result is
			// not needed, since the same answer reaches our listener, and it never settles if somebody else collides.
			primed = true;
			void operate('cluster_status').catch(() => {
				primed = false;
			});
		},
		listen(listener) {
			onThreadMessage('cluster-status', listener);
		},
	};
}

function sharedStatus(database: string, peer: string): Float64Array | undefined {
	const store = listDatabases().find(({ name }) => name === database)?.auditStore;
	const buffer = store?.getUserSharedBuffer?.(['replicated', database, peer], new ArrayBuffer(64));
	return buffer && new Float64Array(buffer);
}

/** Harper replicates, and its main thread answers, only where it was given a name or address to replicate under. */
function replicates(): boolean {
	const replication = configSection('replication');
	return Boolean(replication['hostname'] ?? replication['url']);
}
