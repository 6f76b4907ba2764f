import type { Entry } from '../entry.ts';
import type { FamilyDefinition } from '../../family.ts';
import {
	BINNED,
	bytes,
	falsehoods,
	MILLISECONDS,
	observations,
	RAW_LOG,
	truths,
	type CountRule,
	type Rules,
} from '../rule.ts';
import { DURATION_BOUNDS } from './requests.ts';

const TABLE = 'Harper names the table without its database';
const labels = ['table'];

const byTable = (entry: Entry) => [entry.path];

const hits: FamilyDefinition = {
	name: 'harper_cache_hits_total',
	type: 'counter',
	help: `Reads of a caching table that it could answer itself; ${TABLE}.`,
	labels,
	source: `${RAW_LOG}: cache-hit`,
};

const misses: FamilyDefinition = {
	name: 'harper_cache_misses_total',
	type: 'counter',
	help: `Reads of a caching table that had to ask its source; ${TABLE}.`,
	labels,
	source: `${RAW_LOG}: cache-hit`,
};

const resolutions: FamilyDefinition = {
	name: 'harper_cache_resolution_duration_seconds',
	type: 'histogram',
	help: `Time a source took to answer a cache miss; outcome is success or fail; ${TABLE}.`,
	labels: ['table', 'outcome'],
	openLabels: labels,
	bounds: DURATION_BOUNDS,
	source: `${RAW_LOG}: cache-resolution`,
	approximation: BINNED,
};

/** Reads, writes and messages are recorded alike: how many, and their sizes. */
function volume(noun: string, verb: string, metric: string): readonly CountRule[] {
	const source = `${RAW_LOG}: ${metric}`;
	const approximation = 'A record whose size Harper does not know, as one that is not there, counts as one byte.';
	return [
		{
			family: {
				name: `harper_db_${noun}s_total`,
				type: 'counter',
				help: `Records ${verb} tables; of system tables only hdb_analytics; ${TABLE}.`,
				labels,
				source,
			},
			labels: byTable,
			amount: observations,
		},
		{
			family: {
				name: `harper_db_${noun}_bytes_total`,
				type: 'counter',
				help: `Encoded bytes of the records ${verb} tables; ${TABLE}.`,
				labels,
				source,
				approximation,
			},
			labels: byTable,
			amount: bytes,
		},
	];
}

export const tableRules: Rules = {
	'cache-hit': [
		{ family: hits, labels: byTable, amount: truths },
		{ family: misses, labels: byTable, amount: falsehoods },
	],
	'cache-resolution': [{ family: resolutions, labels: (entry) => [entry.path, entry.type], per: MILLISECONDS }],
	'db-read': volume('read', 'read from', 'db-read'),
	'db-write': volume('write', 'written to', 'db-write'),
	'db-message': volume('message', 'sent to subscribers of', 'db-message'),
};
