import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkout, codeSpans, readPage } from './pages.ts';

const pages = [
	'README.md',
	'AGENTS.md',
	'CHANGELOG.md',
	'docs/architecture.md',
	'docs/benchmarks.md',
	'docs/command.md',
	'docs/configuration.md',
	'docs/decisions/cluster-schedules.md',
	'docs/harper.md',
	'docs/hooks.md',
	'docs/metrics.md',
	'docs/migrating.md',
	'docs/notifications.md',
	'docs/repository-format.md',
	'docs/retention.md',
	'docs/security.md',
	'docs/snapshots.md',
];
/** The folders and files of this repository, by the beginning of their paths; `dist/` is built. */
const OURS = /^(?:lib|bin|test|docs|bench|\.ci)\/[\w./-]*$|^[\w.-]+\.(?:ts|md|json|jsonc|graphql)$/;
/** Of Harper, of Prometheus, of an operator, of a repository of snapshots. */
const THEIRS = ['harperdb-config.yaml', 'prometheus.yml', 'custodian.json', 'manifest.json', 'pin.json'];

describe.each(pages)('%s', (path) => {
	const page = readPage(path);

	test('names only paths that exist', () => {
		const named = codeSpans(page).filter((span) => OURS.test(span) && !THEIRS.includes(span));
		const places = [checkout, join(checkout, 'lib'), join(checkout, 'lib/metrics')];
		expect(named.filter((name) => !places.some((place) => existsSync(join(place, name))))).toEqual([]);
	});

	test('links only to what is there', () => {
		const links = [...page.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
		const local = links.filter((link) => !/^https?:/.test(link));
		expect(local.filter((link) => !leadsSomewhere(path, link))).toEqual([]);
	});
});

test('AGENTS.md names only scripts that exist', () => {
	const { scripts }: { scripts: Record<string, string> } = JSON.parse(readPage('package.json'));
	const named = codeSpans(readPage('AGENTS.md')).flatMap((span) => /^npm run ([\w:]+)/.exec(span)?.[1] ?? []);
	expect(named.length).toBeGreaterThan(5);
	expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test('the layout in docs/architecture.md is the one that is there', () => {
	const [, layout = ''] = /```text\n(resources\.ts.*?)```/s.exec(readPage('docs/architecture.md')) ?? [];
	const folders: string[] = [];
	const named = layout.split('\n').flatMap((line) => {
		const depth = line.search(/\S/) / 2;
		const names = /^\s*((?:[\w.-]+(?:\.ts|\/)\s?)+)/.exec(line)?.[1]?.trim().split(' ') ?? [];
		folders.splice(depth);
		const paths = names.map((name) => [...folders, name].join(''));
		if (names[0]?.endsWith('/')) folders.push(names[0]);
		return paths;
	});
	expect(named).toContain('lib/metrics/fold/rules/');
	expect(named.filter((name) => !existsSync(join(checkout, name)))).toEqual([]);
});

function leadsSomewhere(page: string, link: string): boolean {
	const [file = '', anchor] = link.split('#');
	const target = file === '' ? page : join(dirname(page), file);
	if (!existsSync(join(checkout, target))) return false;
	return anchor === undefined || anchors(readPage(target)).includes(anchor);
}

/** As GitHub makes them: lower case, without punctuation, dashes for spaces. */
function anchors(page: string): string[] {
	return [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
		title
			.toLowerCase()
			.replaceAll(/[^\w\- ]/g, '')
			.replaceAll(' ', '-')
	);
}
