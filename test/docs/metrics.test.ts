import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { describe, expect, test } from 'vitest';
import type { FamilyDefinition } from '../../lib/metrics/family.ts';
import { Scraper } from '../../lib/metrics/scraper.ts';
import { everyCollector, everyDefinition } from './every-collector.ts';
import { documented, familiesPart, GENERATED } from './metrics-page.ts';
import { checkout, readPage } from './pages.ts';

const path = 'docs/metrics.md';

test('every collector of the folder is held to its definitions', () => {
	const files = readdirSync(join(checkout, 'lib/metrics/collectors')).map((file) => file.replace(/\.ts$/, ''));
	expect(Object.keys(everyCollector).sort()).toEqual(files.sort());
});

describe('a collector yields each family of its definitions once, and no other', () => {
	test.each(Object.entries(everyCollector))('%s', async (_, collector) => {
		const yielded = (await collector.collect()).map(({ definition }) => definition);
		expect(namesOf(yielded)).toEqual(namesOf(collector.definitions));
		for (const definition of yielded) expect(collector.definitions).toContain(definition);
	});
});

test('a scrape of all collectors yields every family once', async () => {
	const scraper = new Scraper(Object.values(everyCollector), 1000, {
		clock: { now: () => 0, monotonic: () => 0 },
		within: (work) => work,
		warn: (message) => expect.unreachable(message),
		turns: () => ({ current: () => 0, take: () => 0 }),
	});
	const yielded = (await scraper.scrape()).map(({ definition }) => definition);
	expect(namesOf(yielded)).toEqual(namesOf(everyDefinition));
});

test('every family stands in one section of the page', () => {
	expect(namesOf(documented)).toEqual(namesOf(everyDefinition));
});

test('the page says what the definitions say', async () => {
	const file = join(checkout, path);
	const [head = ''] = readPage(path).split(GENERATED);
	const expected = await format(head + familiesPart(), { ...(await resolveConfig(file)), parser: 'markdown' });
	if (process.env['WRITE_DOCS'] === '1') writeFileSync(file, expected);
	expect(readPage(path), 'npm run docs:metrics writes it anew').toBe(expected);
});

function namesOf(definitions: Iterable<FamilyDefinition>): string[] {
	return [...definitions].map(({ name }) => name).sort();
}
