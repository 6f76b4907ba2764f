import type { Entry } from '../entry.ts';
import type { FamilyDefinition } from '../../family.ts';
import { BINNED, falsehoods, MILLISECONDS, observations, RAW_LOG, truths, type Rules } from '../rule.ts';
import { DURATION_BOUNDS } from './requests.ts';

const PROTOCOL = 'protocol is ws or mqtt';
const labels = ['protocol'];

const attempts: FamilyDefinition = {
	name: 'harper_connection_attempts_total',
	type: 'counter',
	help: `Attempts to connect; ${PROTOCOL}.`,
	labels,
	source: `${RAW_LOG}: connection`,
};

const failures: FamilyDefinition = {
	name: 'harper_connection_failures_total',
	type: 'counter',
	help: `Attempts to connect that were refused: bad credentials or no such resource; ${PROTOCOL}.`,
	labels,
	source: `${RAW_LOG}: connection`,
};

const disconnects: FamilyDefinition = {
	name: 'harper_disconnects_total',
	type: 'counter',
	help: `Connections that ended; ${PROTOCOL}.`,
	labels,
	source: `${RAW_LOG}: connection`,
};

const uncleanDisconnects: FamilyDefinition = {
	name: 'harper_unclean_disconnects_total',
	type: 'counter',
	help: `Connections that ended without a goodbye (MQTT) or after an error (WebSocket); ${PROTOCOL}.`,
	labels,
	source: `${RAW_LOG}: connection`,
};

const handshakes: FamilyDefinition = {
	name: 'harper_tls_handshakes_total',
	type: 'counter',
	help: 'TLS connections established, by port.',
	labels: ['port'],
	source: `${RAW_LOG}: tls-reused`,
};

const resumptions: FamilyDefinition = {
	name: 'harper_tls_resumptions_total',
	type: 'counter',
	help: 'TLS connections that resumed an earlier session, by port.',
	labels: ['port'],
	source: `${RAW_LOG}: tls-reused`,
};

const handshakeDurations: FamilyDefinition = {
	name: 'harper_tls_handshake_duration_seconds',
	type: 'histogram',
	help: 'Time to complete a TLS handshake, by port.',
	labels: ['port'],
	bounds: DURATION_BOUNDS,
	source: `${RAW_LOG}: tls-handshake`,
	approximation: BINNED,
};

const sockets: FamilyDefinition = {
	name: 'harper_sockets_routed_total',
	type: 'counter',
	help: 'Sockets that the main thread routed to a worker, where session affinity is on.',
	labels: [],
	source: `${RAW_LOG}: socket-routed`,
};

const unroutedSockets: FamilyDefinition = {
	name: 'harper_sockets_unrouted_total',
	type: 'counter',
	help: 'Sockets for which no worker was there, where session affinity is on.',
	labels: [],
	source: `${RAW_LOG}: socket-routed`,
};

const isConnect = (entry: Entry) => entry.method === 'connect';
const isDisconnect = (entry: Entry) => entry.method === 'disconnect';
const byPath = (entry: Entry) => [entry.path];
const none = () => [];

export const connectionRules: Rules = {
	'connection': [
		{ when: isConnect, family: attempts, labels: byPath, amount: observations },
		{ when: isConnect, family: failures, labels: byPath, amount: falsehoods },
		{ when: isDisconnect, family: disconnects, labels: byPath, amount: observations },
		{ when: isDisconnect, family: uncleanDisconnects, labels: byPath, amount: falsehoods },
	],
	'tls-reused': [
		{ family: handshakes, labels: byPath, amount: observations },
		{ family: resumptions, labels: byPath, amount: truths },
	],
	'tls-handshake': [{ family: handshakeDurations, labels: byPath, per: MILLISECONDS }],
	'socket-routed': [
		{ family: sockets, labels: none, amount: truths },
		{ family: unroutedSockets, labels: none, amount: falsehoods },
	],
};
