import type { Entry } from '../entry.ts';
import type { FamilyDefinition } from '../../family.ts';
import { BINNED, bytes, MILLISECONDS, observations, RAW_LOG, type Rules } from '../rule.ts';

/** Replication may lag by minutes, so the scale reaches further than that of requests. */
const LAG_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

const KIND = 'kind is record or blob';

const latency: FamilyDefinition = {
	name: 'harper_replication_latency_seconds',
	type: 'histogram',
	help: 'Time from a write on a peer to its commit here, by the two wall clocks; below zero counts as zero.',
	labels: ['peer', 'database'],
	bounds: LAG_BOUNDS,
	source: `${RAW_LOG}: replication-latency`,
	approximation: BINNED,
};

const received: FamilyDefinition = {
	name: 'harper_replication_received_bytes_total',
	type: 'counter',
	help: `Bytes of replication received from a peer; ${KIND}.`,
	labels: ['peer', 'database', 'kind'],
	source: `${RAW_LOG}: bytes-received`,
};

const sent: FamilyDefinition = {
	name: 'harper_replication_sent_bytes_total',
	type: 'counter',
	help: `Bytes of replication sent to a peer; ${KIND}.`,
	labels: ['peer', 'database', 'kind'],
	source: `${RAW_LOG}: bytes-sent`,
};

const receivedMessages: FamilyDefinition = {
	name: 'harper_replication_received_messages_total',
	type: 'counter',
	help: `Messages of replication received from a peer, each one or more transactions; ${KIND}.`,
	labels: ['peer', 'database', 'kind'],
	source: `${RAW_LOG}: bytes-received`,
};

const when = isReplication;

export const replicationRules: Rules = {
	'replication-latency': [{ family: latency, labels: (entry) => peerAndDatabase(entry.path, 1), per: MILLISECONDS }],
	'bytes-received': [
		{ when, family: received, labels: inbound, amount: bytes },
		{ when, family: receivedMessages, labels: inbound, amount: observations },
	],
	'bytes-sent': [{ when, family: sent, labels: outbound, amount: bytes }],
};

export function isReplication(entry: Entry): boolean {
	return entry.method === 'replication';
}

/** Records arrive as `<peer>.<database>.<table>`, blobs as `<peer>.<database>`. */
function inbound(entry: Entry): string[] {
	return entry.type === 'blob'
		? [...peerAndDatabase(entry.path, 0), 'blob']
		: [...peerAndDatabase(entry.path, 1), 'record'];
}

function outbound(entry: Entry): string[] {
	return [...peerAndDatabase(entry.path, 0), entry.type === 'blob' ? 'blob' : 'record'];
}

/** Peers are host names or addresses and hold dots themselves, so the path is read from its end. */
function peerAndDatabase(path: string, trailing: number): [peer: string, database: string] {
	const parts = path.split('.');
	const end = parts.length - trailing;
	return [parts.slice(0, end - 1).join('.'), parts[end - 1] ?? ''];
}
