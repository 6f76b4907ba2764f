import { OTHER } from '../accumulator.ts';
import type { Entry } from '../entry.ts';
import type { FoldOptions, Rules } from '../rule.ts';
import { isOperation, requestRules } from './requests.ts';

const NAMES = 'a name that Harper does not know is counted as other';

export const operationRules: Rules = requestRules({
	when: isOperation,
	labels: ['operation'],
	openLabels: ['operation'],
	labelValues: (entry, options) => [operationName(entry, options)],
	requests: ['harper_operations_total', `Requests to the operations API, counted with their duration; ${NAMES}.`],
	failures: ['harper_operation_failures_total', `Operations answered with a status of 400 or above; ${NAMES}.`],
	responses: ['harper_operation_responses_total', `Operations by status code; ${NAMES}.`],
	durations: ['harper_operation_duration_seconds', `Time to carry out an operation; ${NAMES}.`],
	transfers: [
		'harper_operation_transfer_duration_seconds',
		`Time to send the streamed answer of an operation; ${NAMES}.`,
	],
});

/** The name is whatever string a client posted, before Harper looked at it. */
export function operationName(entry: Entry, { operations: known }: FoldOptions): string {
	return known.has(entry.path) ? entry.path : OTHER;
}
