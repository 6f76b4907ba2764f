import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';

const checkout = dirname(import.meta.dirname);

/** Source text by path from the root of the repository. */
type Sources = ReadonlyMap<string, string>;

/** Who may import whom, downwards. The longest entry that a path begins with is its own. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
	'lib/time.ts': [],
	'lib/errors.ts': [],
	'lib/pause.ts': [],
	'lib/recent-keys.ts': [],
	'lib/span.ts': [],
	'lib/calendar.ts': ['lib/errors.ts'],
	'lib/metrics/family.ts': [],
	'lib/metrics/fold/': [
		'lib/metrics/family.ts',
		'lib/metrics/in-turn.ts',
		'lib/metrics/fold/',
		'lib/recent-keys.ts',
		'lib/time.ts',
		'lib/errors.ts',
		'lib/pause.ts',
	],
	'lib/metrics/collectors/': [
		'lib/metrics/collector.ts',
		'lib/metrics/family.ts',
		'lib/metrics/fold/',
		'lib/metrics/log/',
		'lib/time.ts',
		'lib/errors.ts',
	],
	'lib/metrics/log/': ['lib/metrics/in-turn.ts', 'lib/metrics/log/', 'lib/time.ts', 'lib/errors.ts', 'lib/pause.ts'],
	'lib/metrics/': ['lib/metrics/', 'lib/time.ts', 'lib/errors.ts', 'lib/pause.ts'],
	'lib/repository/': ['lib/repository/', 'lib/time.ts', 'lib/errors.ts', 'lib/pause.ts'],
	'lib/jobs/': ['lib/jobs/', 'lib/time.ts', 'lib/errors.ts'],
	'lib/record/': ['lib/record/', 'lib/time.ts'],
	'lib/audit/': [
		'lib/audit/',
		'lib/record/',
		'lib/recent-keys.ts',
		'lib/pause.ts',
		'lib/span.ts',
		'lib/time.ts',
		'lib/errors.ts',
	],
	'lib/bookmark/': ['lib/bookmark/', 'lib/audit/', 'lib/time.ts', 'lib/errors.ts'],
	'lib/revert/': [
		'lib/revert/',
		'lib/audit/',
		'lib/record/',
		'lib/jobs/',
		'lib/pause.ts',
		'lib/span.ts',
		'lib/time.ts',
		'lib/errors.ts',
	],
	'lib/snapshot/': [
		'lib/snapshot/',
		'lib/audit/entry.ts',
		'lib/record/',
		'lib/pause.ts',
		'lib/jobs/',
		'lib/repository/',
		'lib/calendar.ts',
		'lib/span.ts',
		'lib/time.ts',
		'lib/errors.ts',
	],
	'lib/config/': ['lib/config/', 'lib/metrics/', 'lib/span.ts'],
	'lib/config.ts': ['lib/config/'],
	'lib/election.ts': [],
	'lib/schedule/': ['lib/schedule/', 'lib/time.ts', 'lib/errors.ts', 'lib/pause.ts'],
	'lib/notify/': ['lib/notify/', 'lib/schedule/', 'lib/time.ts', 'lib/errors.ts'],
	'lib/command/': ['lib/command/', 'lib/jobs/', 'lib/snapshot/', 'lib/repository/', 'lib/time.ts', 'lib/errors.ts'],
	'lib/http/': [
		'lib/http/',
		'lib/audit/',
		'lib/bookmark/',
		'lib/record/',
		'lib/pause.ts',
		'lib/metrics/',
		'lib/jobs/',
		'lib/schedule/',
		'lib/record/',
		'lib/revert/',
		'lib/snapshot/',
		'lib/config.ts',
		'lib/time.ts',
		'lib/errors.ts',
	],
	'lib/adapters/': [
		'lib/adapters/',
		'lib/audit/',
		'lib/bookmark/',
		'lib/command/',
		'lib/record/',
		'lib/jobs/',
		'lib/revert/',
		'lib/schedule/',
		'lib/snapshot/',
		'lib/notify/',
		'lib/http/',
		'lib/metrics/',
		'lib/repository/',
		'lib/election.ts',
		'lib/time.ts',
		'lib/errors.ts',
		'lib/pause.ts',
	],
	'lib/compose/': ['lib/'],
	'lib/compose.ts': ['lib/'],
};

/** The packages that a feature may import: they compute, and touch nothing. */
const PURE_PACKAGES = ['valibot'];

/** The packages that one adapter each may import: a file, or a folder of files. */
const ADAPTED_PACKAGES: Readonly<Record<string, string>> = {
	'croner': 'lib/adapters/cron.ts',
	'tar-stream': 'lib/adapters/tar.ts',
	'yaml': 'lib/adapters/configuration-file.ts',
	'@aws-sdk/client-s3': 'lib/adapters/s3/',
	'@aws-sdk/credential-provider-ini': 'lib/adapters/s3/',
};

/** What reaches out of the process, or into its clock. Lint knows the scopes and holds Harper's globals as well. */
const OUTSIDE =
	/(?<![\w.#'])(?:new Date\b|Date\.\w+|performance\.\w+|process\.(?:env|pid|version|argv|uptime|hrtime|memoryUsage|resourceUsage|cwd|exit)|setTimeout\(|setInterval\(|setImmediate\(|queueMicrotask\(|fetch\(|console\.\w+|globalThis\b)/g;
const MAY_TOUCH_OUTSIDE = ['lib/adapters/', 'lib/compose/', 'lib/compose.ts', 'lib/time.ts'];

describe('the repository', () => {
	const lib = readSources('lib');

	test('imports point down', () => {
		expect(wrongDirections(lib)).toEqual([]);
	});

	test('no import goes round in a circle', () => {
		expect(cycle(lib)).toBeUndefined();
	});

	test('features know no technology', () => {
		expect(technologies(lib)).toEqual([]);
	});

	test('lint keeps the globals of Node.js and Harper to the adapters', () => {
		const { overrides } = JSON.parse(read('.oxlintrc.json').replaceAll(/^\s*\/\/.*$/gm, ''));
		const restricting = overrides.filter(
			(override: { rules: Record<string, unknown> }) => 'no-restricted-globals' in override.rules
		);
		expect(restricting.map(({ files }: { files: string[] }) => files)).toEqual([
			['lib/**/*.ts'],
			['lib/adapters/**/*.ts', 'lib/compose/**/*.ts', 'lib/compose.ts'],
			['lib/time.ts'],
		]);
		expect(restricting[0].rules['no-restricted-globals']).toEqual(
			expect.arrayContaining(['Date', 'process', 'setTimeout', 'fetch', 'databases', 'server', 'threads', 'logger'])
		);
	});

	test('every collector has a test of its own', () => {
		const tests = [...readSources('test')].filter(([path]) => /^test\/(?!docs\/).*\.test\.ts$/.test(path));
		const imported = new Set(tests.flatMap(([path, source]) => importsOf(path, source)));
		const collectors = [...lib.keys()].filter((path) => path.startsWith('lib/metrics/collectors/'));
		expect(collectors.filter((path) => !imported.has(path))).toEqual([]);
	});

	test('the entry module exports nothing, since Harper would serve it, and imports nothing that could fail to load', () => {
		expect(entryFaults(read('resources.ts'))).toEqual([]);
	});

	test('the package carries what it needs, at one version', () => {
		expect(packageFaults(JSON.parse(read('package.json')), [...lib].flatMap(packagesOf))).toEqual([]);
	});

	test('the package holds what Harper is told to load', () => {
		const { files }: { files: string[] } = JSON.parse(read('package.json'));
		const named = [...read('config.yaml').matchAll(/files: (\S+)/g)].map(([, file = '']) => file);
		expect(named).toEqual(['schema.graphql', 'dist/resources.js']);
		for (const file of named) expect(files.some((one) => file === one || file.startsWith(`${one}/`))).toBe(true);
	});
});

describe('a violation is found:', () => {
	const sources = (files: Record<string, string>): Sources => new Map(Object.entries(files));

	test.each([
		['metrics that know http', 'lib/metrics/scraper.ts', "import { json } from '../http/endpoint.ts';"],
		[
			'a collector that knows an adapter',
			'lib/metrics/collectors/x.ts',
			"import { gzip } from '../../adapters/gzip.ts';",
		],
		['a collector that knows another', 'lib/metrics/collectors/x.ts', "import type { Y } from './y.ts';"],
		['a fold that knows the scraper', 'lib/metrics/fold/x.ts', "export { Scraper } from '../scraper.ts';"],
		['an adapter that knows the composition', 'lib/adapters/x.ts', "import { compose } from '../compose.ts';"],
		['a late import', 'lib/http/x.ts', "const { gzip } = await import('../adapters/gzip.ts');"],
		['an import over several lines', 'lib/http/x.ts', "import {\n\tgzip,\n} from '../adapters/gzip.ts';"],
		['an import for its effects', 'lib/errors.ts', "import './time.ts';"],
		['a file that is in no layer', 'lib/new/x.ts', "import { toIso } from '../time.ts';"],
	])('%s', (_, path, source) => {
		expect(wrongDirections(sources({ [path]: source }))).toHaveLength(1);
	});

	test('a circle', () => {
		const a = "import { b } from './b.ts';";
		const b = "import type { c } from './c.ts';";
		const c = "import { a } from './a.ts';";
		expect(cycle(sources({ 'lib/a.ts': a, 'lib/b.ts': b, 'lib/c.ts': c }))).toEqual([
			'lib/a.ts',
			'lib/b.ts',
			'lib/c.ts',
		]);
		expect(cycle(sources({ 'lib/a.ts': a, 'lib/b.ts': b, 'lib/c.ts': '' }))).toBeUndefined();
	});

	test.each([
		"import { readFile } from 'node:fs/promises';",
		"import type { Table } from 'harperdb';",
		"import { Registry } from 'prom-client';",
		"import { Cron } from 'croner';",
		'const now = Date.now();',
		'const at = new Date(0);',
		'const name = process.env.HOME;',
		'setTimeout(() => {}, 1);',
		'const { databases } = globalThis;',
	])('a feature with `%s`', (source) => {
		expect(technologies(sources({ 'lib/metrics/x.ts': source }))).toHaveLength(1);
		expect(technologies(sources({ 'lib/adapters/x.ts': source })).length).toBe(
			/harperdb|prom-client|croner/.test(source) ? 1 : 0
		);
	});

	test('and what only looks like one is not', () => {
		const source = `
			// import { x } from 'node:fs'; new Date()
			/* setTimeout(later) */
			const { process } = ports;
			const text = 'Date.now() and console.log';
			clock.fetch(process.id, this.#setTimeout(1));`;
		expect(technologies(sources({ 'lib/metrics/x.ts': source }))).toEqual([]);
		expect(importsOf('lib/metrics/x.ts', source)).toEqual([]);
	});

	test.each([
		'export default class Metrics {}',
		'export const metrics = 1;',
		'export { compose };',
		"import { compose } from './lib/compose.ts';",
		"import './lib/compose.ts';",
		"import type { Host } from './lib/compose.ts';",
	])('an entry module with `%s`', (source) => {
		expect(entryFaults(`try {\n\tawait import('./lib/compose.ts');\n} catch {}\n${source}`)).toHaveLength(1);
	});

	test.each([
		['a range', { dependencies: { valibot: '^1.5.0' } }],
		['a dependency that is not bundled', { bundleDependencies: [] }],
		['a bundle of something else', { bundleDependencies: ['valibot', 'harperdb'] }],
		['a tool at any version', { devDependencies: { vitest: 'latest' } }],
		['no engine', { engines: {} }],
		['nothing published', { files: [] }],
	])('a package with %s', (_, changes) => {
		const sound = JSON.parse(read('package.json'));
		expect(packageFaults({ ...sound, ...changes }, ['valibot']).length).toBeGreaterThan(0);
		expect(packageFaults(sound, ['valibot'])).toEqual([]);
	});

	test('a package that imports what it does not carry', () => {
		expect(packageFaults(JSON.parse(read('package.json')), ['left-pad'])).toEqual(['left-pad is no dependency']);
	});
});

function wrongDirections(sources: Sources): string[] {
	return [...sources].flatMap(([path, source]) =>
		importsOf(path, source)
			.filter((target) => target.startsWith('lib/'))
			.filter((target) => !allowed(path).some((prefix) => target.startsWith(prefix)))
			.map((target) => `${path} imports ${target}`)
	);
}

function allowed(path: string): readonly string[] {
	const layer = Object.keys(LAYERS)
		.filter((prefix) => path.startsWith(prefix))
		.sort((a, b) => b.length - a.length)[0];
	return layer === undefined ? [] : (LAYERS[layer] ?? []);
}

function cycle(sources: Sources): string[] | undefined {
	const done = new Set<string>();
	const visit = (path: string, trail: readonly string[]): string[] | undefined => {
		if (trail.includes(path)) return trail.slice(trail.indexOf(path));
		if (done.has(path)) return undefined;
		for (const target of importsOf(path, sources.get(path) ?? '')) {
			const found = visit(target, [...trail, path]);
			if (found) return found;
		}
		done.add(path);
		return undefined;
	};
	for (const path of sources.keys()) {
		const found = visit(path, []);
		if (found) return found;
	}
	return undefined;
}

function technologies(sources: Sources): string[] {
	return [...sources].flatMap(([path, source]) => {
		const free = MAY_TOUCH_OUTSIDE.some((prefix) => path.startsWith(prefix));
		const imported = importsOf(path, source).filter(
			(target) =>
				!target.startsWith('lib/') &&
				!PURE_PACKAGES.includes(target) &&
				!path.startsWith(ADAPTED_PACKAGES[target] ?? '(none)') &&
				!(free && target.startsWith('node:'))
		);
		const touched = free ? [] : [...withoutText(source).matchAll(OUTSIDE)].map(([use]) => use);
		return [...imported, ...touched].map((what) => `${path} uses ${what}`);
	});
}

function packagesOf([path, source]: readonly [string, string]): string[] {
	return importsOf(path, source).filter((target) => !target.startsWith('lib/') && !target.startsWith('node:'));
}

/** What a module imports or passes on: files by their path from the root, packages by name. */
function importsOf(path: string, source: string): string[] {
	const statements = /\b(?:import|export)\b(?:[^'"`;()]*?\bfrom)?\s*\(?\s*['"]([^'"\n]+)['"]/g;
	return [...withoutComments(source).matchAll(statements)].map(([, target = '']) =>
		target.startsWith('.') ? posix.join(posix.dirname(path), target) : target
	);
}

function entryFaults(source: string): string[] {
	return [...withoutComments(source).matchAll(/^[\t ]*(?:export\b|import\b(?!\s*\()).*/gm)].map(([line]) => line);
}

interface Manifest {
	readonly dependencies: Readonly<Record<string, string>>;
	readonly devDependencies: Readonly<Record<string, string>>;
	readonly bundleDependencies: readonly string[];
	readonly engines: { readonly node?: string };
	readonly files: readonly string[];
}

function packageFaults(manifest: Manifest, imported: readonly string[]): string[] {
	const { dependencies, devDependencies, bundleDependencies, engines, files } = manifest;
	const pinned = Object.entries({ ...dependencies, ...devDependencies });
	return [
		...pinned.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)).map(([name]) => `${name} is not pinned`),
		...Object.keys(dependencies)
			.filter((name) => !bundleDependencies.includes(name))
			.map((name) => `${name} is not bundled`),
		...bundleDependencies.filter((name) => !(name in dependencies)).map((name) => `${name} is bundled for nobody`),
		...[...new Set(imported)].filter((name) => !(name in dependencies)).map((name) => `${name} is no dependency`),
		...(engines.node === '>=20.19' ? [] : ['the engine is not Node.js 20.19 or later']),
		...['dist', 'config.yaml', 'schema.graphql'].filter((file) => !files.includes(file)).map((file) => `no ${file}`),
	];
}

function withoutComments(source: string): string {
	return source.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|[\s;{}(,])\/\/.*/g, '');
}

function withoutText(source: string): string {
	return withoutComments(source).replaceAll(/'[^'\n]*'|"[^"\n]*"|`[^`]*`/g, "''");
}

function readSources(folder: string): Sources {
	const paths = readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' })
		.map((path) => posix.join(folder, path))
		.filter((path) => path.endsWith('.ts') && !path.includes('/dist/'));
	return new Map(paths.map((path) => [path, read(path)]));
}

function read(path: string): string {
	return readFileSync(join(checkout, path), 'utf8');
}
