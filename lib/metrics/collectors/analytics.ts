import type { Collector } from '../collector.ts';
import type { FamilyDefinition } from '../family.ts';
import type { CustomMetric } from '../fold/custom.ts';
import { foldDefinitions } from '../fold/fold.ts';
import { followerDefinitions, type Follower } from '../fold/follower.ts';

/** Every family that comes from the raw analytics log under a configuration. */
export function analyticsDefinitions(custom: readonly CustomMetric[]): readonly FamilyDefinition[] {
	return [...foldDefinitions(custom), ...followerDefinitions];
}

/** Shows the fold of the raw analytics log, brought up to date. `livingThreads` is undefined where unknown. */
export function analyticsCollector(
	follower: Follower,
	custom: readonly CustomMetric[],
	livingThreads: () => Promise<ReadonlySet<number> | undefined>
): Collector {
	return {
		name: 'analytics',
		definitions: analyticsDefinitions(custom),
		async collect() {
			const [living] = await Promise.all([livingThreads(), follower.advance()]);
			return follower.families(living);
		},
	};
}
