import type { FamilyDefinition } from '../../family.ts';
import { observations, RAW_LOG, type Rules } from '../rule.ts';
import { isOperation, requestRules } from './requests.ts';

const PATH = 'path is the resource or route that answered; a URL that nothing answers is not recorded';

const unavailable: FamilyDefinition = {
	name: 'harper_http_unavailable_total',
	type: 'counter',
	help: 'HTTP requests refused with 503 because the request queue was over its limit.',
	labels: ['port'],
	source: `${RAW_LOG}: service-unavailable`,
};

const CACHE = new Map([
	['cache-hit', 'hit'],
	['cache-miss', 'miss'],
]);

/** Requests to resources and custom routes; the operations API is a subject of its own. */
export const httpRules: Rules = {
	...requestRules({
		when: (entry) => !isOperation(entry),
		labels: ['path', 'method'],
		openLabels: ['path'],
		labelValues: (entry) => [entry.path, entry.method],
		durationLabel: ['cache', (entry) => CACHE.get(entry.type) ?? ''],
		requests: ['harper_http_requests_total', `HTTP requests answered, counted with their duration; ${PATH}.`],
		failures: ['harper_http_failures_total', `HTTP requests answered with a status of 400 or above; ${PATH}.`],
		responses: [
			'harper_http_responses_total',
			`HTTP responses by status code, of all request counts the one that loses least under load; ${PATH}.`,
		],
		durations: [
			'harper_http_request_duration_seconds',
			`Time to the first byte of an HTTP response; ${PATH}; cache is hit or miss on caching tables.`,
		],
		transfers: [
			'harper_http_transfer_duration_seconds',
			`Time to send a streamed HTTP response after its first byte; ${PATH}.`,
		],
	}),
	'service-unavailable': [{ family: unavailable, labels: (entry) => [entry.path], amount: observations }],
};
