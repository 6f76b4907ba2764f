import * as v from 'valibot';
import { object } from './config/atoms.ts';
import { metrics, type MetricsConfiguration } from './config/metrics.ts';
import { protection, type ProtectionConfiguration } from './config/protection.ts';

/** The component's configuration, parsed once: everything in it is valid and every default is filled in. */
interface Configuration {
	readonly metrics: MetricsConfiguration;
	/**
	 * Undefined where the configuration is invalid: with a mistake in it nobody knows where snapshots belong, whether
	 * they must be encrypted, and which of them may go.
	 */
	readonly protection: ProtectionConfiguration | undefined;
}

/** One thing that is wrong with the configuration. */
interface ConfigurationProblem {
	/** Dotted path of the key, from `custodian`. */
	readonly key: string;
	readonly expected: string;
	/** What stood there; never the value of a secret. */
	readonly got: string;
}

export type ParsedConfiguration =
	| { readonly valid: true; readonly configuration: Configuration }
	| {
			readonly valid: false;
			readonly configuration: Configuration;
			readonly problems: readonly ConfigurationProblem[];
	  };

const schema = v.pipe(
	object({ metrics: v.optional(metrics, {}), ...protection }, 'an object'),
	v.transform(({ metrics: parsed, ...rest }): Configuration => ({ metrics: parsed, protection: rest }))
);

/** What applies where the configuration is invalid: it opens nothing, and deletes nothing. */
const fallback: Configuration = { ...v.parse(schema, {}), protection: undefined };

/**
 * Parses the value of the key `custodian` of `harperdb-config.yaml`; absent or null means all defaults.
 *
 * It does not throw. Where anything is wrong metrics fall back to their defaults, so that a typo opens nothing,
 * snapshots are off, and every problem is named with its key, what was expected and what was got.
 */
export function parseConfiguration(
	value: unknown,
	isCron: (expression: string) => boolean = () => true
): ParsedConfiguration {
	// One mistake is one problem, however many rules it breaks.
	const result = v.safeParse(schema, value ?? {}, { abortPipeEarly: true });
	const problems = result.success
		? [...cronProblems(result.output, isCron), ...scopeProblems(result.output)]
		: result.issues.map(problem);
	if (result.success && problems.length === 0) return { valid: true, configuration: result.output };
	return { valid: false, configuration: fallback, problems };
}

function cronProblems({ protection: parsed }: Configuration, isCron: (expression: string) => boolean) {
	return (parsed?.snapshots ?? []).flatMap(({ cron }, index): ConfigurationProblem[] =>
		cron === undefined || isCron(cron)
			? []
			: [{ key: `custodian.snapshots.${index}.cron`, expected: 'a cron expression', got: describe(cron) }]
	);
}

/** The nodes of a cluster agree in the repository that they share. By itself each node has one of its own. */
function scopeProblems({ protection: parsed }: Configuration): readonly ConfigurationProblem[] {
	if (parsed?.repository !== undefined) return [];
	return (parsed?.snapshots ?? []).flatMap(({ scope }, index): ConfigurationProblem[] =>
		scope === 'node'
			? []
			: [
					{
						key: `custodian.snapshots.${index}.scope`,
						expected: 'node, or a repository that all nodes share',
						got: describe(scope),
					},
				]
	);
}

function problem(issue: v.BaseIssue<unknown>): ConfigurationProblem {
	const key = ['custodian', ...(issue.path ?? []).map((item) => String(item.key))].join('.');
	if (issue.type === 'strict_object' && issue.expected === 'never') {
		return { key, expected: 'a key that is known', got: 'another' };
	}
	const missing = issue.type === 'strict_object' && issue.received === 'undefined';
	return { key, expected: issue.message, got: missing ? 'nothing' : describe(issue.input) };
}

/** Enough to recognise a mistake, short, without the inside of objects and the credentials of a URL. */
function describe(input: unknown): string {
	if (input === null) return 'null';
	if (Array.isArray(input)) return `a list of ${input.length}`;
	if (typeof input === 'object') return 'an object';
	const shown = typeof input === 'bigint' ? `${input}` : (JSON.stringify(input) ?? typeof input);
	const bare = shown.replace(/\/\/.*@/, '//***@');
	return bare.length > 80 ? `${bare.slice(0, 77)}...` : bare;
}
