import type { Collector } from '../collector.ts';
import type { FamilyDefinition } from '../family.ts';
import type { CustomMetric } from '../fold/custom.ts';
import { foldDefinitions } from '../fold/fold.ts';
import { followerDefinitions, type Follower } from '../fold/follower.ts';

/** Every family that comes from the raw analytics log under a configuration. */
export function analyticsDefinitions(custom: readonly CustomMetric[]): readonly FamilyDefinition[] {
	return [...foldDefinitions(custom), ...followerDefinitions];
}

/** Shows the fold of the raw analytics log, brought up to date. */
export function analyticsCollector(
	follower: Follower,
	custom: readonly CustomMetric[],
	livingThreads: () => ReadonlySet<number>
): Collector {
	return {
		name: 'analytics',
		definitions: analyticsDefinitions(custom),
		async collect() {
			await follower.advance();
			return follower.families(livingThreads());
		},
	};
}
