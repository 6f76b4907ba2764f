import { expect, test } from 'vitest';
import { publishResources } from '../../../lib/adapters/harper/endpoints.ts';
import type { Host } from '../../../lib/adapters/harper/host.ts';
import { CustodianError } from '../../../lib/errors.ts';
import type { Endpoint } from '../../../lib/http/endpoint.ts';

const endpoint = (path: string, verb = 'GET'): Endpoint => ({
	path,
	access: 'view',
	parameters: [],
	verbs: {
		[verb]: async ({ parts, body }) => ({
			status: 200,
			headers: {},
			body: JSON.stringify([path, parts, await body()]),
		}),
	},
});

const user = { username: 'u', role: { permission: { super_user: true } } };

function published(...endpoints: Endpoint[]) {
	const resources = new Map<string, unknown>([['custodian/taken', 'of another component']]);
	const host = { server: { resources }, logger: { error() {}, warn() {} } } as unknown as Host;
	publishResources(host, endpoints);
	const ask = async (place: string, verb: string, url: string, ...before: unknown[]) => {
		const resource = resources.get(place) as Record<
			string,
			(...all: unknown[]) => Promise<{ status: number; body: string }>
		>;
		const request = { method: verb.toUpperCase(), url, headers: { asObject: {} }, user };
		const { status, body } = (await resource[verb]?.(...before, request)) ?? { status: 0, body: '' };
		return [status, status === 200 ? JSON.parse(body) : undefined];
	};
	return { resources, ask };
}

test('endpoints of one place are one resource, and each is asked for its own paths', async () => {
	const { resources, ask } = published(
		endpoint('custodian/things'),
		endpoint('custodian/things/{id}', 'PATCH'),
		endpoint('custodian/things/{id}/part'),
		endpoint('custodian/taken/{id}')
	);
	expect([...resources.keys()]).toEqual(['custodian/taken', 'custodian/things']);
	expect(resources.get('custodian/taken')).toBe('of another component');
	const place = 'custodian/things';
	expect(await ask(place, 'get', '/custodian/things')).toEqual([200, ['custodian/things', {}, null]]);
	expect(await ask(place, 'get', '/custodian/things/a/part?')).toEqual([
		200,
		['custodian/things/{id}/part', { id: 'a' }, null],
	]);
	expect(await ask(place, 'patch', '/custodian/things/a', Promise.resolve({ x: 1 }))).toEqual([
		200,
		['custodian/things/{id}', { id: 'a' }, { x: 1 }],
	]);
	expect(await ask(place, 'get', '/custodian/things/a')).toEqual([405, undefined]);
	expect(await ask(place, 'get', '/custodian/things/a/b/c')).toEqual([404, undefined]);
	expect(await ask(place, 'delete', '/custodian/things/a')).toEqual([405, undefined]);
});

test.each([
	['repository_unreachable', 503],
	['queue_full', 429],
	['anything else', 500],
])('what an endpoint throws as %s is answered with %i', async (code, status) => {
	const failing = async () => {
		throw new CustodianError(code, 's', 'Not now.');
	};
	const { ask } = published({ ...endpoint('custodian/things'), verbs: { GET: failing } });
	expect(await ask('custodian/things', 'get', '/custodian/things')).toEqual([status, undefined]);
});
