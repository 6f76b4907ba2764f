import type { Collector } from '../collector.ts';
import { type FamilyDefinition, samples, single, seconds } from '../family.ts';

/** The replication of one database from one peer. Instants are milliseconds since the epoch. */
export interface ReplicationReading {
	readonly database: string;
	readonly connected: boolean;
	/** Round trip of the last ping; it freezes when the connection is lost. */
	readonly latencyMs?: number | undefined;
	/** When, by the clock of the node that made it, the newest change received was made. */
	readonly receivedVersionAt?: number | undefined;
	/** When, by our clock, that change arrived. */
	readonly receivedAt?: number | undefined;
	/** Version of the newest change of ours that the peer has confirmed. */
	readonly confirmedVersionAt?: number | undefined;
	readonly backPressureRatio?: number | undefined;
}

export interface PeerReading {
	readonly name: string;
	readonly databases: readonly ReplicationReading[];
}

export interface ClusterFacts {
	/**
	 * Every other node that this one knows, connected or not; empty on a standalone node. Never waits for ever, and
	 * never makes another caller of Harper's cluster status wait for ever.
	 */
	peers(): Promise<readonly PeerReading[]>;
}

const source = "main thread's cluster status, and the replication status that the threads share";
const labels = ['peer', 'database'];

const peerCount: FamilyDefinition = {
	name: 'harper_cluster_peers',
	type: 'gauge',
	help: 'Other nodes that this node replicates with, connected or not; 0 on a standalone node.',
	labels: [],
	source,
};
const peerUp: FamilyDefinition = {
	name: 'harper_cluster_peer_up',
	type: 'gauge',
	help: '1 when at least one database is connected to the peer, 0 when none is, also if none ever was.',
	labels: ['peer'],
	source,
};
const connected: FamilyDefinition = {
	name: 'harper_cluster_connected',
	type: 'gauge',
	help: '1 while the database is connected to the peer, 0 while it is not.',
	labels,
	source,
};
const latency: FamilyDefinition = {
	name: 'harper_cluster_latency_seconds',
	type: 'gauge',
	help: 'Round trip of the last ping to the peer; absent while disconnected, since it would be frozen.',
	labels,
	source,
};
const backPressure: FamilyDefinition = {
	name: 'harper_cluster_back_pressure_ratio',
	type: 'gauge',
	help: 'Share of time in which this node made the peer wait because it could not keep up; absent while disconnected.',
	labels,
	source,
};
const behind: FamilyDefinition = {
	name: 'harper_cluster_behind_seconds',
	type: 'gauge',
	help: 'How old the newest change received from the peer was when it arrived; absent while disconnected. It stands still while nothing arrives: see harper_cluster_last_received_timestamp_seconds.',
	labels,
	source,
	approximation:
		'Version by the clock of the writing node, arrival by ours: it contains their difference and may be negative.',
};
const receivedVersion: FamilyDefinition = {
	name: 'harper_cluster_last_received_version_timestamp_seconds',
	type: 'gauge',
	help: 'When the newest change received from the peer was made, by the clock of its node; an old one is no lag if the peer writes nothing.',
	labels,
	source,
};
const received: FamilyDefinition = {
	name: 'harper_cluster_last_received_timestamp_seconds',
	type: 'gauge',
	help: 'When this node last received anything of the database from the peer, by its own clock.',
	labels,
	source,
};
const confirmed: FamilyDefinition = {
	name: 'harper_cluster_last_confirmed_timestamp_seconds',
	type: 'gauge',
	help: 'When the newest change that the peer has confirmed to this node was made; compare it with the newest change made here.',
	labels,
	source,
};

export function clusterCollector(facts: ClusterFacts): Collector {
	return {
		name: 'cluster',
		definitions: [peerCount, peerUp, connected, latency, backPressure, behind, receivedVersion, received, confirmed],
		minIntervalMs: 5_000,
		async collect() {
			const peers = await facts.peers();
			const perDatabase = (definition: FamilyDefinition, value: (reading: ReplicationReading) => number | undefined) =>
				samples(
					definition,
					peers.flatMap((peer) =>
						peer.databases.map((reading) => [[peer.name, reading.database], value(reading)] as const)
					)
				);
			return [
				single(peerCount, peers.length),
				samples(
					peerUp,
					peers.map((peer) => [[peer.name], peer.databases.some((reading) => reading.connected) ? 1 : 0])
				),
				perDatabase(connected, (reading) => (reading.connected ? 1 : 0)),
				perDatabase(latency, (reading) => whileConnected(reading, seconds(reading.latencyMs))),
				perDatabase(backPressure, (reading) => whileConnected(reading, reading.backPressureRatio)),
				perDatabase(behind, (reading) => whileConnected(reading, delaySeconds(reading))),
				perDatabase(receivedVersion, (reading) => seconds(reading.receivedVersionAt)),
				perDatabase(received, (reading) => seconds(reading.receivedAt)),
				perDatabase(confirmed, (reading) => seconds(reading.confirmedVersionAt)),
			];
		},
	};
}

function delaySeconds({ receivedAt, receivedVersionAt }: ReplicationReading): number | undefined {
	if (receivedAt === undefined || receivedVersionAt === undefined) return undefined;
	return (receivedAt - receivedVersionAt) / 1000;
}

function whileConnected(reading: ReplicationReading, value: number | undefined): number | undefined {
	return reading.connected ? value : undefined;
}
