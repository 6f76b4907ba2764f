import type { Entry } from '../entry.ts';
import type { FamilyDefinition } from '../../family.ts';
import {
	BINNED,
	falsehoods,
	MILLISECONDS,
	observations,
	RAW_LOG,
	RESPONSE,
	RESPONSE_PREFIX,
	type Rules,
} from '../rule.ts';

export const DURATION_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const PATH = 'path is the resource or route that answered; a URL that nothing answers is not recorded';
const source = RAW_LOG;
const openLabels = ['path'];

const requests: FamilyDefinition = {
	name: 'harper_http_requests_total',
	type: 'counter',
	help: `HTTP requests answered, counted with their duration; ${PATH}.`,
	labels: ['path', 'method'],
	openLabels,
	source: `${source}: duration`,
};

const failures: FamilyDefinition = {
	name: 'harper_http_failures_total',
	type: 'counter',
	help: `HTTP requests answered with a status of 400 or above; ${PATH}.`,
	labels: ['path', 'method'],
	openLabels,
	source: `${source}: success`,
};

const responses: FamilyDefinition = {
	name: 'harper_http_responses_total',
	type: 'counter',
	help: `HTTP responses by status code, of all request counts the one that loses least under load; ${PATH}.`,
	labels: ['path', 'method', 'code'],
	openLabels,
	source: `${source}: response_<code>`,
};

const durations: FamilyDefinition = {
	name: 'harper_http_request_duration_seconds',
	type: 'histogram',
	help: `Time to the first byte of an HTTP response; ${PATH}; cache is hit or miss on caching tables.`,
	labels: ['path', 'method', 'cache'],
	openLabels,
	bounds: DURATION_BOUNDS,
	source: `${source}: duration`,
	approximation: BINNED,
};

const transfers: FamilyDefinition = {
	name: 'harper_http_transfer_duration_seconds',
	type: 'histogram',
	help: `Time to send a streamed HTTP response after its first byte; ${PATH}.`,
	labels: ['path', 'method'],
	openLabels,
	bounds: DURATION_BOUNDS,
	source: `${source}: transfer`,
	approximation: BINNED,
};

const unavailable: FamilyDefinition = {
	name: 'harper_http_unavailable_total',
	type: 'counter',
	help: 'HTTP requests refused with 503 because the request queue was over its limit.',
	labels: ['port'],
	source: `${source}: service-unavailable`,
};

const CACHE = new Map([
	['cache-hit', 'hit'],
	['cache-miss', 'miss'],
]);

const pathAndMethod = (entry: Entry) => [entry.path, entry.method];
const when = isHttp;

/** Requests to resources and custom routes; the operations API is a subject of its own. */
export const httpRules: Rules = {
	'duration': [
		{ when, family: requests, labels: pathAndMethod, amount: observations },
		{
			when,
			family: durations,
			labels: (entry) => [entry.path, entry.method, CACHE.get(entry.type) ?? ''],
			per: MILLISECONDS,
		},
	],
	'success': [{ when, family: failures, labels: pathAndMethod, amount: falsehoods }],
	[RESPONSE]: [
		{
			when,
			family: responses,
			labels: (entry) => [entry.path, entry.method, entry.metric.slice(RESPONSE_PREFIX.length)],
			amount: observations,
		},
	],
	'transfer': [{ when, family: transfers, labels: pathAndMethod, per: MILLISECONDS }],
	'service-unavailable': [{ family: unavailable, labels: (entry) => [entry.path], amount: observations }],
};

export function isOperation(entry: Entry): boolean {
	return entry.type === 'operation';
}

function isHttp(entry: Entry): boolean {
	return !isOperation(entry);
}
