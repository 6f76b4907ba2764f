import type { FamilyDefinition } from '../family.ts';
import { RAW_LOG } from './rule.ts';

export const openConnections: FamilyDefinition = {
	name: 'harper_connections_open',
	type: 'gauge',
	help: 'Open connections, summed over the threads; protocol is ws or mqtt.',
	labels: ['protocol'],
	source: `${RAW_LOG}: ws-connections, mqtt-connections`,
	approximation: "As of each thread's last report, about a second after its last activity.",
};

export const rows: FamilyDefinition = {
	name: 'harper_analytics_rows_total',
	type: 'counter',
	help: "Rows of Harper's raw analytics log that these counters hold.",
	labels: [],
	source: RAW_LOG,
};

export const lost: FamilyDefinition = {
	name: 'harper_analytics_lost_observations_total',
	type: 'counter',
	help: 'Requests that Harper dropped from one of duration, success and response while it kept another: a lower bound of what its analytics lose under load.',
	labels: ['metric'],
	source: `${RAW_LOG}: duration, success and response_<code> compared`,
};

export const unreadable: FamilyDefinition = {
	name: 'harper_custodian_unreadable_entries_total',
	type: 'counter',
	help: 'Lines of the raw analytics log that could not be understood and are in no counter.',
	labels: [],
	source: RAW_LOG,
};

export const capped: FamilyDefinition = {
	name: 'harper_custodian_capped_additions_total',
	type: 'counter',
	help: 'Additions that went to the label value other because a family had reached its cap of series.',
	labels: ['family'],
	source: 'the caps of the folded families',
};

export const bookkeepingFamilies = [openConnections, rows, lost, unreadable, capped];
