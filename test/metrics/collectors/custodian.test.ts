import { expect, test } from 'vitest';
import { custodianCollector } from '../../../lib/metrics/collectors/custodian.ts';
import { collected } from './sample-of.ts';

test('the component says what runs, whether its configuration is valid and whether a worker is elected', async () => {
	const facts = { version: '1.2.3', harperVersion: '4.7.29', nodeVersion: 'v20', node: 'a' };
	let led = false;
	let saved: number | undefined;
	const collector = custodianCollector({ ...facts, configValid: false, hasLeader: () => led, savedAt: () => saved });
	const shown = {
		'harper_up{}': 1,
		'harper_custodian_build_info{1.2.3|4.7.29|v20|a}': 1,
		'harper_custodian_config_valid{}': 0,
	};
	expect(await collected(collector)).toEqual({ ...shown, 'harper_custodian_leader{}': 0 });
	[led, saved] = [true, 1500];
	const later = { 'harper_custodian_leader{}': 1, 'harper_custodian_checkpoint_timestamp_seconds{}': 1.5 };
	expect(await collected(collector)).toEqual({ ...shown, ...later });
});
