import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseSpan } from '../../lib/span.ts';
import { everyDefinition } from '../docs/every-collector.ts';
import { readPage } from '../docs/pages.ts';
import { cases, type AlertCase } from './cases.ts';

interface Rule {
	readonly alert?: string;
	readonly record?: string;
	readonly expr: string;
	readonly for?: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
}

const rulesFile = join(import.meta.dirname, '../../prometheus/harper.rules.yml');
const { groups }: { readonly groups: readonly { readonly rules: readonly Rule[] }[] } = parse(
	readFileSync(rulesFile, 'utf8')
);
const rules = groups.flatMap((group) => group.rules);
const alerts = new Map(rules.flatMap((rule) => (rule.alert === undefined ? [] : [[rule.alert, rule]])));

/** Debian's package prometheus brings it. */
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

test('every alert is held to a case, has a runbook, and says how grave it is', () => {
	expect(cases.map(({ alert }) => alert).sort()).toEqual([...alerts.keys()].sort());
	const sections = [...readPage('docs/runbooks.md').matchAll(/^## (Harper\w+)$/gm)].map(([, name]) => name);
	expect(sections.toSorted((a = '', b = '') => (a < b ? -1 : 1))).toEqual([...alerts.keys()].sort());
	for (const [name, { labels, annotations }] of alerts) {
		expect(['warning', 'critical']).toContain(labels?.['severity']);
		expect(annotations?.['runbook']).toBe(`docs/runbooks.md#${name.toLowerCase()}`);
	}
});

test('rules name only families that exist', () => {
	const known = new Set(everyDefinition.map(({ name }) => name));
	for (const { expr } of rules) {
		for (const [name] of expr.matchAll(/(?<![:\w])harper_\w+/g)) {
			expect(known, expr).toContain(name.replace(/_bucket$/, ''));
		}
	}
});

test.runIf(hasPromtool)('Prometheus takes the rules for rules', () => {
	expect(execFileSync('promtool', ['check', 'rules', rulesFile], { encoding: 'utf8' })).toContain(
		`${rules.length} rules found`
	);
});

describe.runIf(hasPromtool)('by the word of promtool', () => {
	let complaints = '';
	// Once for all: starting it takes longer than what it does.
	beforeAll(() => {
		complaints = promtool(cases.flatMap((one) => [whileItLasts(one), atItsBound(one), withoutSeries(one)]));
	}, 120_000);

	test.each(cases)('$alert fires after its time, not before, not at its bound, and ends', ({ alert }) => {
		const parts = complaints.split('alertname: ').filter((part) => part.startsWith(`${alert},`));
		expect(parts).toEqual([]);
	});

	test('there is nothing else to complain about', () => {
		expect(complaints).toBe('');
	});
});

type Check = { readonly at: number; readonly fires: boolean };

/** The trouble begins at once or at its minute, and is over a minute after the alert has fired. */
function whileItLasts(alertCase: AlertCase): object {
	const { loud, quiet, over = quiet, from = 0, calmsIn = 7 } = alertCase;
	const firesAt = from + waitOf(alertCase);
	const endsAt = firesAt + 1;
	const lastMinute = endsAt + calmsIn;
	const names = [...new Set([...Object.keys(loud), ...Object.keys(over)])];
	const series = names.map((name) =>
		inputSeries(name, lastMinute, (minute) => valueAt(minute <= endsAt ? loud : over, name, minute))
	);
	const before = firesAt > from ? [{ at: firesAt - 1, fires: false }] : [];
	return scenario(alertCase, series, [...before, { at: firesAt, fires: true }, { at: lastMinute, fires: false }]);
}

function atItsBound(alertCase: AlertCase): object {
	const { quiet, from = 0 } = alertCase;
	const until = from + waitOf(alertCase) + 2;
	const series = Object.keys(quiet).map((name) => inputSeries(name, until, (minute) => valueAt(quiet, name, minute)));
	return scenario(alertCase, series, [{ at: until, fires: false }]);
}

function withoutSeries(alertCase: AlertCase): object {
	return scenario(alertCase, [], [{ at: waitOf(alertCase) + 10, fires: false }]);
}

function scenario(alertCase: AlertCase, series: readonly object[], checks: readonly Check[]): object {
	return {
		interval: '1m',
		input_series: series,
		alert_rule_test: checks.map(({ at, fires }) => ({
			eval_time: `${at}m`,
			alertname: alertCase.alert,
			exp_alerts: fires ? [expected(alertCase)] : [],
		})),
	};
}

function expected({ alert, labels = {} }: AlertCase): object {
	const rule = alerts.get(alert);
	const all = { job: 'harper', instance: 'a:9926', ...labels, ...rule?.labels };
	const named = new Map<string, string>(Object.entries(all));
	const annotations = Object.entries(rule?.annotations ?? {}).map(([name, text]) => [
		name,
		text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => named.get(label) ?? ''),
	]);
	return { exp_labels: all, exp_annotations: Object.fromEntries(annotations) };
}

function inputSeries(name: string, lastMinute: number, valueOf: (minute: number) => number | null): object {
	const [metric, labels] = name.replace('}', '').split('{');
	const values = Array.from({ length: lastMinute + 1 }, (_, minute) => valueOf(minute) ?? '_');
	const rest = labels === undefined ? '' : `,${labels}`;
	return { series: `${metric}{job="harper",instance="a:9926"${rest}}`, values: values.join(' ') };
}

function valueAt(values: AlertCase['loud'], name: string, minute: number): number | null {
	const value = values[name] ?? null;
	return typeof value === 'function' ? value(minute) : value;
}

function waitOf({ alert }: AlertCase): number {
	return (parseSpan(alerts.get(alert)?.for ?? '0s') ?? NaN) / 60_000;
}

/** What promtool has to complain about. */
function promtool(tests: readonly object[]): string {
	const directory = mkdtempSync(join(tmpdir(), 'alerts-'));
	try {
		const file = join(directory, 'tests.json');
		writeFileSync(file, JSON.stringify({ rule_files: [rulesFile], evaluation_interval: '1m', tests }));
		const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
		return status === 0 ? '' : `${stdout}${stderr}`;
	} finally {
		rmSync(directory, { recursive: true });
	}
}
