import { OTHER } from '../accumulator.ts';
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
	type FoldOptions,
	type Rules,
} from '../rule.ts';
import { DURATION_BOUNDS, isOperation } from './http.ts';

const NAMES = 'a name that Harper does not know is counted as other';
const source = RAW_LOG;
const labels = ['operation'];
const openLabels = labels;

const operations: FamilyDefinition = {
	name: 'harper_operations_total',
	type: 'counter',
	help: `Requests to the operations API, counted with their duration; ${NAMES}.`,
	labels,
	openLabels,
	source: `${source}: duration`,
};

const failures: FamilyDefinition = {
	name: 'harper_operation_failures_total',
	type: 'counter',
	help: `Operations answered with a status of 400 or above; ${NAMES}.`,
	labels,
	openLabels,
	source: `${source}: success`,
};

const responses: FamilyDefinition = {
	name: 'harper_operation_responses_total',
	type: 'counter',
	help: `Operations by status code; ${NAMES}.`,
	labels: ['operation', 'code'],
	openLabels,
	source: `${source}: response_<code>`,
};

const durations: FamilyDefinition = {
	name: 'harper_operation_duration_seconds',
	type: 'histogram',
	help: `Time to carry out an operation; ${NAMES}.`,
	labels,
	openLabels,
	bounds: DURATION_BOUNDS,
	source: `${source}: duration`,
	approximation: BINNED,
};

const transfers: FamilyDefinition = {
	name: 'harper_operation_transfer_duration_seconds',
	type: 'histogram',
	help: `Time to send the streamed answer of an operation; ${NAMES}.`,
	labels,
	openLabels,
	bounds: DURATION_BOUNDS,
	source: `${source}: transfer`,
	approximation: BINNED,
};

const when = isOperation;
const byName = (entry: Entry, options: FoldOptions) => [operationName(entry, options)];

export const operationRules: Rules = {
	duration: [
		{ when, family: operations, labels: byName, amount: observations },
		{ when, family: durations, labels: byName, per: MILLISECONDS },
	],
	success: [{ when, family: failures, labels: byName, amount: falsehoods }],
	[RESPONSE]: [
		{
			when,
			family: responses,
			labels: (entry, options) => [operationName(entry, options), entry.metric.slice(RESPONSE_PREFIX.length)],
			amount: observations,
		},
	],
	transfer: [{ when, family: transfers, labels: byName, per: MILLISECONDS }],
};

/** The name is whatever string a client posted, before Harper looked at it. */
export function operationName(entry: Entry, { operations: known }: FoldOptions): string {
	return known.has(entry.path) ? entry.path : OTHER;
}
