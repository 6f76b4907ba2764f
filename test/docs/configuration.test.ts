import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfiguration } from '../../lib/config.ts';
import { codeBlocks, readPage } from './pages.ts';

const pages = ['README.md', 'docs/configuration.md', 'docs/migrating.md', 'docs/security.md'];

const examples = pages.flatMap((page) => {
	const blocks = codeBlocks(readPage(page));
	return blocks.flatMap(({ language, text, line }, index) => {
		const next = blocks[index + 1];
		const problems = language === 'yaml' && next?.language === 'text' ? next.text : undefined;
		const isOurs = ['yaml', 'json'].includes(language) && /^\W*custodian\W*:/m.test(text);
		return isOurs ? [{ at: `${page}:${line}`, text, problems: problems?.trim().split('\n') ?? [] }] : [];
	});
});

test('there are examples to hold to the parser', () => {
	expect(examples.length).toBeGreaterThan(10);
	expect(examples.some(({ problems }) => problems.length > 0)).toBe(true);
});

test.each(examples)('the example at $at means what the page says', ({ text, problems }) => {
	const written: { custodian: unknown } = parse(text);
	expect(Object.keys(written)).toEqual(['custodian']);
	expect(problemsOf(written.custodian)).toEqual(problems);
});

describe('the tables of keys', () => {
	const { metrics } = parseConfiguration(undefined).configuration;
	const rows = (page: string) =>
		[...readPage(page).matchAll(/^\| \[?`metrics\.(\w+)`.*?\| +([^|]*?) +\| +([^|]*?) +\|/gm)].map(
			([, key = '', , byDefault = '']) => ({ key, byDefault: byDefault.replaceAll('`', '') })
		);

	test.each(['README.md', 'docs/configuration.md'])('%s names every key there is, and its default', (page) => {
		const expected = { port: 'none', ...metrics };
		expect(Object.fromEntries(rows(page).map(({ key, byDefault }) => [key, byDefault]))).toEqual(
			Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, shown(value)]))
		);
	});

	test.each(['README.md', 'docs/configuration.md'])('%s names every other key', (page) => {
		const { protection } = parseConfiguration(undefined).configuration;
		const named = [...readPage(page).matchAll(/^\| \[`(\w+)`\]/gm)].map(([, key]) => key);
		expect(new Set(named)).toEqual(new Set(['repository', 'encryption', ...Object.keys(protection ?? {})]));
	});

	test('docs/configuration.md has a section for every key', () => {
		const sections = [...readPage('docs/configuration.md').matchAll(/^### `metrics\.(\w+)`$/gm)].map(([, key]) => key);
		expect(new Set(sections)).toEqual(new Set(Object.keys({ port: undefined, ...metrics })));
	});

	test('every key of a schedule is described', () => {
		const [, section = ''] = readPage('docs/configuration.md').split('### `snapshots`');
		const keys = [...section.matchAll(/^\| `(\w+)` +\|/gm)].map(([, key]) => key);
		const [problem] = problemsOf({ snapshots: [{}] });
		const [, shape = ''] = /expected \{(.*)\}/.exec(problem ?? '') ?? [];
		expect(shape).toContain('name');
		for (const key of shape.split(/[,|]/)) expect(keys).toContain(key.trim().replace('?', ''));
	});

	test('every key of a mapping is described', () => {
		const keys = [...readPage('docs/configuration.md').matchAll(/^\| `(\w+)` +\|/gm)].map(([, key]) => key);
		const [problem] = problemsOf({ metrics: { custom: [{ name: 'a', help: 'b' }] } });
		const [, shape = ''] = /expected \{(.*)\}/.exec(problem ?? '') ?? [];
		for (const key of shape.split(',')) expect(keys).toContain(key.trim().replace('?', ''));
	});
});

function shown(value: unknown): string {
	return Array.isArray(value) && value.length === 0 ? 'empty' : String(value);
}

function problemsOf(value: unknown): string[] {
	const parsed = parseConfiguration(value);
	return parsed.valid
		? []
		: parsed.problems.map(({ key, expected, got }) => `${key}: expected ${expected}, got ${got}`);
}
