import type { ParsedConfiguration } from '../config.ts';
import { json, type Endpoint } from './endpoint.ts';

export interface HealthFacts {
	readonly version: string;
	readonly parsed: ParsedConfiguration;
	readonly hasLeader: () => boolean;
	/** Why there is no place for the component's own state; undefined where there is one. */
	readonly missingState: () => string | undefined;
	/** For how long the counters have not been saved, milliseconds; undefined before the first time. */
	readonly unsavedForMs: () => number | undefined;
	/** What is wrong with the snapshots, in sentences. */
	readonly snapshotTroubles: () => Promise<readonly string[]>;
}

/** Saving happens every minute; a few may fail before it is worth a word. */
const UNSAVED_LIMIT_MS = 200_000;

/** Whether the component does what it was configured to do, and what to mend where it does not. */
export function healthEndpoint({
	version,
	parsed,
	hasLeader,
	missingState,
	unsavedForMs,
	snapshotTroubles,
}: HealthFacts): Endpoint {
	const invalid = parsed.valid
		? []
		: parsed.problems.map(({ key, expected, got }) => `${key}: expected ${expected}, got ${got}`);
	const health = async () => {
		const reasons = [
			...invalid.map((problem) => `Configuration: ${problem}.`),
			...[missingState() ?? []].flat(),
			...unsaved(unsavedForMs()),
			...(await snapshotTroubles()),
			...(hasLeader() ? [] : ['No worker is elected to do the background work.']),
		];
		return json(reasons.length > 0 ? 503 : 200, {
			status: reasons.length > 0 ? 'degraded' : 'ok',
			reasons,
			...(invalid.length > 0
				? {
						hint: 'Mend the key custodian in harperdb-config.yaml and restart. Until then metrics have their defaults, and snapshots are off.',
					}
				: {}),
			version,
		});
	};
	return { path: 'custodian/health', access: 'scrape', parameters: [], verbs: { GET: health } };
}

function unsaved(forMs: number | undefined): string[] {
	if (forMs === undefined || forMs <= UNSAVED_LIMIT_MS) return [];
	return [`The counters have not been saved for ${Math.round(forMs / 60_000)} minutes; the reason is in Harper's log.`];
}
