import type { Collector } from '../collector.ts';
import { samples, single, type FamilyDefinition, seconds } from '../family.ts';

const SOURCE = 'the component itself';

const up: FamilyDefinition = {
	name: 'harper_up',
	type: 'gauge',
	help: '1: this Harper answers, and harper-custodian runs in it.',
	labels: [],
	source: SOURCE,
};

const buildInfo: FamilyDefinition = {
	name: 'harper_custodian_build_info',
	type: 'gauge',
	help: '1; the labels say what runs: the versions of harper-custodian, Harper and Node.js, and the name of the node.',
	labels: ['version', 'harper_version', 'node_version', 'node'],
	source: SOURCE,
};

const configValid: FamilyDefinition = {
	name: 'harper_custodian_config_valid',
	type: 'gauge',
	help: '1 where the configuration is valid; 0 where it is not: metrics then have their defaults, and snapshots are off. /custodian/health names the keys.',
	labels: [],
	source: SOURCE,
};

const leader: FamilyDefinition = {
	name: 'harper_custodian_leader',
	type: 'gauge',
	help: '1 where one worker of this process is elected to do the background work; 0 where none is.',
	labels: [],
	source: SOURCE,
};

const saved: FamilyDefinition = {
	name: 'harper_custodian_checkpoint_timestamp_seconds',
	type: 'gauge',
	help: 'When the counters were last saved, which happens every minute. An hour without, and a restart would lose counts.',
	labels: [],
	source: SOURCE,
};

export interface CustodianFacts {
	readonly version: string;
	readonly harperVersion: string;
	readonly nodeVersion: string;
	readonly node: string;
	readonly configValid: boolean;
	readonly hasLeader: () => boolean;
	/** Wall clock, milliseconds; undefined before the first time. */
	readonly savedAt: () => number | undefined;
}

/** What the component says of itself. */
export function custodianCollector(facts: CustodianFacts): Collector {
	return {
		name: 'custodian',
		definitions: [up, buildInfo, configValid, leader, saved],
		collect: () => [
			single(up, 1),
			samples(buildInfo, [[[facts.version, facts.harperVersion, facts.nodeVersion, facts.node], 1]]),
			single(configValid, facts.configValid ? 1 : 0),
			single(leader, facts.hasLeader() ? 1 : 0),
			single(saved, seconds(facts.savedAt())),
		],
	};
}
