import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { everyDefinition } from './every-collector.ts';
import { codeBlocks, codeSpans, readPage } from './pages.ts';

const pages = [
	'README.md',
	'docs/metrics.md',
	'docs/migrating.md',
	'docs/configuration.md',
	'docs/security.md',
	'docs/runbooks.md',
];
/** Debian's package prometheus brings it. */
const promtool = 'promtool';
const hasPromtool = spawnSync(promtool, ['--version']).status === 0;

describe.each(pages)('%s', (path) => {
	const page = readPage(path);
	const blocks = codeBlocks(page).filter(({ language }) => language === 'promql');
	const expressions = [...codeSpans(page), ...blocks.map(({ text }) => text)];

	test('names only families, and labels of families, that exist', () => {
		const names = expressions.flatMap((expression) =>
			[...expression.matchAll(/\bharper_\w+(?![\w…])/g)].map(([name]) => name)
		);
		expect(names.filter((name) => !exists(name))).toEqual([]);
	});

	test('selects by labels that the family has', () => {
		for (const expression of expressions) {
			for (const [, name = '', matchers = ''] of expression.matchAll(/\b(harper_\w+)\{([^}]*)\}/g)) {
				const labels = [...matchers.matchAll(/(\w+)\s*(?:=~?|!=|!~)\s*"/g)].map(([, label]) => label);
				for (const label of labels) expect(definitionOf(name)?.labels, name).toContain(label);
			}
		}
	});
});

test.runIf(hasPromtool)('Prometheus can read every query', () => {
	const queries = pages.flatMap((path) => {
		const page = readPage(path);
		const inTables = codeSpans(page).filter((span) => span.includes('harper_') && /\(| [-=]+ /.test(span));
		return [
			...inTables,
			...codeBlocks(page).flatMap(({ language, text }) => (language === 'promql' ? [text.trim()] : [])),
		];
	});
	expect(queries.length).toBeGreaterThan(50);
	const rules = queries.map((expr, index) => ({ record: `query:${index}`, expr }));
	const directory = mkdtempSync(join(tmpdir(), 'queries-'));
	try {
		const file = join(directory, 'rules.json');
		writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }));
		expect(execFileSync(promtool, ['check', 'rules', file], { encoding: 'utf8' })).toContain(
			`${queries.length} rules found`
		);
	} finally {
		rmSync(directory, { recursive: true });
	}
});

function exists(name: string): boolean {
	// A prefix that stands for several families ends in _.
	if (name.endsWith('_')) return everyDefinition.some((one) => one.name.startsWith(name));
	return definitionOf(name) !== undefined || everyDefinition.some(({ labels }) => labels.includes(name));
}

function definitionOf(name: string): (typeof everyDefinition)[number] | undefined {
	const family = name.replace(/_(?:bucket|sum|count)$/, '');
	return everyDefinition.find((one) => one.name === name || (one.name === family && one.type === 'histogram'));
}
