import { OTHER } from '../accumulator.ts';
import type { Entry } from '../entry.ts';
import type { FamilyDefinition } from '../../family.ts';
import { bytes, observations, RAW_LOG, type FoldOptions, type Rules } from '../rule.ts';
import { operationName } from './operations.ts';
import { isReplication } from './replication.ts';

const PROTOCOL = 'protocol is http, operations, ws or mqtt; path is the resource, operation or topic';
const ESTIMATED =
	'Of resources over HTTP only streamed bodies are recorded; operations and custom routes are recorded with 200 bytes for their headers, and their texts by characters.';
const openLabels = ['path'];
const labels = ['protocol', 'path', 'action'];

const sentBytes: FamilyDefinition = {
	name: 'harper_sent_bytes_total',
	type: 'counter',
	help: `Bytes sent; ${PROTOCOL}.`,
	labels,
	openLabels,
	capPer: 'protocol',
	source: `${RAW_LOG}: bytes-sent`,
	approximation: ESTIMATED,
};

const sentMessages: FamilyDefinition = {
	name: 'harper_sent_messages_total',
	type: 'counter',
	help: `Messages or bodies sent; ${PROTOCOL}.`,
	labels,
	openLabels,
	capPer: 'protocol',
	source: `${RAW_LOG}: bytes-sent`,
	approximation: ESTIMATED,
};

const receivedBytes: FamilyDefinition = {
	name: 'harper_received_bytes_total',
	type: 'counter',
	help: 'Bytes received over WebSocket and MQTT; path is the resource or topic. Harper does not count HTTP requests.',
	labels,
	openLabels,
	capPer: 'protocol',
	source: `${RAW_LOG}: bytes-received`,
};

const receivedMessages: FamilyDefinition = {
	name: 'harper_received_messages_total',
	type: 'counter',
	help: 'Messages received over WebSocket and MQTT; path is the resource or topic.',
	labels,
	openLabels,
	capPer: 'protocol',
	source: `${RAW_LOG}: bytes-received`,
};

const aclFailures: FamilyDefinition = {
	name: 'harper_acl_failures_total',
	type: 'counter',
	help: 'Accesses to topics that were refused, where the version of Harper records them.',
	labels: ['topic'],
	source: `${RAW_LOG}: acl-fail`,
};

const when = (entry: Entry) => !isReplication(entry);

export const trafficRules: Rules = {
	'bytes-sent': [
		{ when, family: sentBytes, labels: channel, amount: bytes },
		{ when, family: sentMessages, labels: channel, amount: observations },
	],
	'bytes-received': [
		{ when, family: receivedBytes, labels: channel, amount: bytes },
		{ when, family: receivedMessages, labels: channel, amount: observations },
	],
	'acl-fail': [{ family: aclFailures, labels: (entry, options) => [topic(entry.path, options)], amount: observations }],
};

/** HTTP leaves the type out; the operations API and custom routes name themselves. */
const PROTOCOLS = new Map([
	['', 'http'],
	['fastify-route', 'http'],
	['operation', 'operations'],
	['ws', 'ws'],
	['mqtt', 'mqtt'],
]);

function channel(entry: Entry, options: FoldOptions): readonly string[] {
	const protocol = PROTOCOLS.get(entry.type) ?? OTHER;
	if (protocol === 'operations') return [protocol, operationName(entry, options), entry.method];
	if (protocol === 'mqtt') return [protocol, topic(entry.path, options), withoutQos(entry.method)];
	return [protocol, entry.path, entry.method];
}

/** The first levels of a topic. A leading slash makes an empty first level, which is kept with the one that follows. */
function topic(path: string, { topicLevels }: FoldOptions): string {
	const levels = path.split('/', topicLevels + 1);
	return levels.slice(0, path.startsWith('/') ? topicLevels + 1 : topicLevels).join('/');
}

/** MQTT packets are recorded as `publish,qos=1`. */
function withoutQos(method: string): string {
	const comma = method.indexOf(',');
	return comma < 0 ? method : method.slice(0, comma);
}
