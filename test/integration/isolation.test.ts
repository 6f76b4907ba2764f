import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { builtComponent, copyOfBuiltComponent } from '../support/component.ts';
import { startHarper, type Harper, type HarperOptions, type HarperRequest } from '../support/harper.ts';

const fixture = (name: string) => join(import.meta.dirname, '../support/fixtures', name);
const shop = { name: 'shop', source: fixture('shop') };

const json = { 'content-type': 'application/json' };
const accepting = (accept: string): HarperRequest => ({ headers: { accept } });

/** What the users of another application do, in this order; each of its answers must not depend on us. */
const requests: readonly (readonly [path: string, request?: HarperRequest])[] = [
	['/Product/1', { method: 'PUT', headers: json, body: JSON.stringify({ id: '1', name: 'Lamp', price: 12.5 }) }],
	['/Product/2', { method: 'PUT', headers: json, body: JSON.stringify({ id: '2', name: 'Chair', price: 40 }) }],
	['/Product/2', { method: 'PATCH', headers: json, body: JSON.stringify({ price: 41 }) }],
	['/Product/1', accepting('application/json')],
	['/Product/1'],
	['/Product/', accepting('text/csv')],
	['/Product/', accepting('application/x-msgpack')],
	['/Product/1', accepting('application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5')],
	['/Product/1', accepting('image/png')],
	['/Product/1', accepting('nonsense')],
	['/Product/?name=Chair'],
	['/Product/1', { user: null }],
	['/Product/1', { user: { username: 'admin', password: 'wrong' } }],
	['/Product/3', {}],
	['/Product/1', { method: 'PUT', headers: json, body: '{"broken' }],
	['/Product/2', { method: 'DELETE' }],
	['/Product/2'],
	['/Product/1', { method: 'OPTIONS' }],
	['/Greeting'],
	['/Greeting/you', { user: null }],
	['/Greeting', { method: 'POST', headers: json, body: '{}' }],
	['/'],
	['/nothing'],
	['/nothing', { user: null }],
	['/nothing/at/all?really=1'],
	['/nothing', { method: 'POST', headers: json, body: '{}' }],
	['/nothing', { method: 'OPTIONS' }],
	['/product/1'],
	['/metricsandmore'],
	['/custodians'],
];

let alone: readonly string[];

beforeAll(async () => {
	await using harper = await startHarper({ components: [shop] });
	alone = await answers(harper);
});

test('the application really is there without us', () => {
	const statuses = (line: string) => alone.find((answer) => answer.startsWith(line));
	expect(statuses('GET /Product/1 ')).toContain('200 application/json');
	expect(statuses('GET /Product/ accept text/csv')).toContain('200 text/csv');
	expect(statuses('GET /Greeting ')).toContain('{"greeting":"Hello world"}');
	expect(statuses('GET /nothing ')).toContain('404');
});

test('an application answers the same with us as without us', async () => {
	await using harper = await startHarper({ components: [shop, intact()] });
	expect(await answers(harper)).toEqual(alone);
	expect((await harper.fetch('/custodian/metrics')).status).toBe(200);
});

test('an application is described the same with us as without us', async () => {
	await using without = await startHarper({ components: [shop] });
	await using withUs = await startHarper({ components: [shop, intact()] });
	const theirs = await describedPaths(without);
	expect(Object.keys(theirs)).toContain('/Product/');
	expect(await describedPaths(withUs)).toMatchObject(theirs);
});

describe.each([
	['table', 'rival-table', '[]'],
	['resource', 'rival-resource', '{"rival":true}'],
])('an application that exports a %s named metrics', (_kind, source, body) => {
	// Harper loads components in the order of their names.
	test.each(['a-rival', 'z-rival'])('keeps it, as %s', async (name) => {
		await using harper = await startHarper({ components: [{ name, source: fixture(source) }, intact()] });
		const response = await harper.fetch('/metrics/');
		expect([response.status, await response.text()]).toEqual([200, body]);
		expect(await (await harper.fetch('/custodian/metrics')).text()).toContain('harper_up 1');
	});
});

test.each<[what: string, custodian: unknown]>([
	['a port that is no number', { metrics: { port: 'banana' } }],
	['a number where the options should be', 7],
	['an unknown option', { metrisc: {} }],
])('configured with %s, we leave the application alone', async (_what, custodian) => {
	expect(await answersBeside({ components: [shop, intact()], config: { custodian } })).toEqual(alone);
});

test.each<[what: string, damage: (component: string) => Promise<void>]>([
	['a module that does not parse', (component) => writeFile(join(component, 'dist/lib/compose.js'), 'export {')],
	['a module that throws', (component) => writeFile(join(component, 'dist/lib/compose.js'), 'throw new Error("no")')],
	['its dependencies gone', (component) => rm(join(component, 'node_modules'), { recursive: true })],
	['its code gone', (component) => rm(join(component, 'dist/lib'), { recursive: true })],
])('failing to start with %s, we leave the application alone', async (_what, damage) => {
	const source = await copyOfBuiltComponent();
	await damage(source);
	expect(await answersBeside({ components: [shop, { name: 'harper-custodian', source }] })).toEqual(alone);
});

function intact(): { name: string; source: string } {
	return { name: 'harper-custodian', source: builtComponent() };
}

async function answersBeside(options: HarperOptions): Promise<string[]> {
	await using harper = await startHarper(options);
	return await answers(harper);
}

async function answers(harper: Harper): Promise<string[]> {
	const lines: string[] = [];
	for (const [path, request = {}] of requests) {
		const response = await harper.fetch(path, request);
		const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
		const accept = request.headers?.['accept'];
		const allow = response.headers.get('allow');
		lines.push(
			`${request.method ?? 'GET'} ${path} ${accept === undefined ? '' : `accept ${accept} `}→ ` +
				`${response.status} ${response.headers.get('content-type') ?? 'without type'} ${allow ?? ''} ${body}`
		);
	}
	return lines;
}

async function describedPaths(harper: Harper): Promise<object> {
	const response = await harper.fetch('/openapi');
	expect(response.status).toBe(200);
	const { paths }: { paths: object } = JSON.parse(await response.text());
	return paths;
}
