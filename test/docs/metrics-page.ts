import type { FamilyDefinition } from '../../lib/metrics/family.ts';
import { bookkeepingFamilies } from '../../lib/metrics/fold/bookkeeping.ts';
import { customFamilies } from '../../lib/metrics/fold/custom.ts';
import { followerDefinitions } from '../../lib/metrics/fold/follower.ts';
import type { Rules } from '../../lib/metrics/fold/rule.ts';
import { connectionRules } from '../../lib/metrics/fold/rules/connections.ts';
import { httpRules } from '../../lib/metrics/fold/rules/http.ts';
import { operationRules } from '../../lib/metrics/fold/rules/operations.ts';
import { profilerRules } from '../../lib/metrics/fold/rules/profiler.ts';
import { replicationRules } from '../../lib/metrics/fold/rules/replication.ts';
import { tableRules } from '../../lib/metrics/fold/rules/tables.ts';
import { trafficRules } from '../../lib/metrics/fold/rules/traffic.ts';
import { scraperDefinitions } from '../../lib/metrics/scraper.ts';
import { everyCollector } from './every-collector.ts';

/** The part of docs/metrics.md below this line is written from the definitions. */
export const GENERATED = '<!-- Everything below is written by `npm run docs:metrics`. -->';

const ruled = (rules: Rules) => [
	...new Set(
		Object.values(rules)
			.flat()
			.map(({ family }) => family)
	),
];
const collected = (name: string) => everyCollector[name]?.definitions ?? [];

const sections: readonly (readonly [title: string, definitions: readonly FamilyDefinition[]])[] = [
	['The component itself', [...collected('custodian'), ...scraperDefinitions]],
	['HTTP', ruled(httpRules)],
	['Operations API', ruled(operationRules)],
	['Bytes and messages', ruled(trafficRules)],
	['Connections and TLS', ruled(connectionRules)],
	['Reads, writes and caches by table', ruled(tableRules)],
	['Replication, counted', ruled(replicationRules)],
	['Profiler', ruled(profilerRules)],
	['The raw log and its counters', [...bookkeepingFamilies, ...followerDefinitions]],
	['Custom metrics', customFamilies],
	['Process', collected('process')],
	['Worker threads', collected('threads')],
	['Main thread', collected('main-thread')],
	['Databases', collected('databases')],
	['Tables', collected('tables')],
	['Storage', collected('storage')],
	['Cluster, at this moment', collected('cluster')],
	['Certificates', collected('certificates')],
	['Components', collected('components')],
	['Licenses', collected('licenses')],
	['Jobs', collected('jobs')],
	['Snapshots', collected('snapshots')],
	['Watch', collected('watch')],
	['Log', collected('log-lines')],
];

export const documented: readonly FamilyDefinition[] = sections.flatMap(([, definitions]) => definitions);

export function familiesPart(): string {
	const parts = sections.map(([title, definitions]) => `## ${title}\n\n${definitions.map(describe).join('\n')}`);
	return `${GENERATED}\n\n${parts.join('\n')}`;
}

function describe(definition: FamilyDefinition): string {
	const { name, type, help, labels, source, approximation, bounds } = definition;
	const facts = [
		type,
		unitOf(name),
		labels.length > 0 ? `labels ${labels.map(code).join(', ')}` : 'no labels',
		`source: ${prose(source)}`,
	];
	const lines = [`### ${code(name)}`, '', facts.filter((fact) => fact !== '').join(' · '), '', prose(help)];
	if (approximation !== undefined) lines.push('', `Approximate: ${prose(approximation)}`);
	if (bounds !== undefined) lines.push('', `Buckets up to ${bounds.join(', ')} and +Inf.`);
	return `${lines.join('\n')}\n`;
}

function unitOf(name: string): string {
	const base = name.replace(/_total$/, '');
	if (base.endsWith('_timestamp_seconds') || base.endsWith('_start_time_seconds'))
		return 'seconds since the Unix epoch';
	return ['seconds', 'bytes', 'ratio'].find((unit) => base.endsWith(`_${unit}`)) ?? '';
}

const code = (text: string) => `\`${text}\``;

/** Names among the words of a sentence are set as code, so that no underscore or bracket of theirs means anything. */
function prose(text: string): string {
	return text.replaceAll(/[\w./]*[_<>][\w<>./-]*[\w<>]_?/g, code);
}
