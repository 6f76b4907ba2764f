import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../lib/config.ts';
import type { Access, Principal } from '../../lib/http/access.ts';
import { respond, type HttpRequest } from '../../lib/http/endpoint.ts';
import { healthEndpoint } from '../../lib/http/health.ts';
import { metricsEndpoint } from '../../lib/http/metrics.ts';

const user = (access: Access | undefined): Principal => ({ kind: 'user', name: 'u', access });
const anybody: Principal = { kind: 'anonymous' };

function request(path: string, principal: Principal, headers: Record<string, string> = {}): HttpRequest {
	const body = async () => undefined;
	return { verb: 'GET', path, query: new URLSearchParams(), header: (name) => headers[name], body, principal };
}

const exposed = new TextEncoder().encode('x'.repeat(5000));
const metrics = (anonymous = false) =>
	metricsEndpoint('metrics', anonymous, {
		scrape: async () => [],
		render: () => exposed,
		gzip: async () => new Uint8Array([31, 139]),
	});

const sound = {
	version: '1',
	parsed: parseConfiguration({}),
	hasLeader: () => true,
	missingState: () => undefined,
	snapshotTroubles: async () => [],
	unsavedForMs: () => 60_000,
};

describe.each([
	['/metrics', metrics()],
	['/custodian/health', healthEndpoint(sound)],
])('%s', (path, endpoint) => {
	it.each<[string, Principal, number]>([
		['nobody', anybody, 401],
		['a user without the role', user(undefined), 403],
		['a scraper', user('scrape'), 200],
		['a super user', user('administer'), 200],
	])('answers %s', async (_, principal, status) => {
		expect((await respond(endpoint, request(path, principal))).status).toBe(status);
	});
});

describe('/metrics', () => {
	it('is open to anybody only where the configuration says so', async () => {
		expect((await respond(metrics(true), request('/metrics', anybody))).status).toBe(200);
	});

	it.each([
		[{}, 200, 'text/plain; version=0.0.4; charset=utf-8', undefined],
		[{ 'accept-encoding': 'gzip' }, 200, 'text/plain; version=0.0.4; charset=utf-8', 'gzip'],
		[
			{ accept: 'application/openmetrics-text' },
			200,
			'application/openmetrics-text; version=1.0.0; charset=utf-8',
			undefined,
		],
		[{ accept: 'application/json' }, 406, 'application/json', undefined],
	])('answers headers %j', async (headers, status, contentType, contentEncoding) => {
		const response = await respond(metrics(), request('/metrics', user('scrape'), headers));
		expect(response.status).toBe(status);
		expect(response.headers['Content-Type']).toBe(contentType);
		expect(response.headers['Content-Encoding']).toBe(contentEncoding);
	});
});

describe('/custodian/health', () => {
	it.each([
		['all is well', {}, 200, []],
		[
			'the configuration is wrong',
			{ parsed: parseConfiguration({ metrics: { port: 0 } }) },
			503,
			['custodian.metrics.port'],
		],
		['nobody is elected', { hasLeader: () => false }, 503, ['No worker is elected']],
		['the counters are not saved', { unsavedForMs: () => 300_000 }, 503, ['not been saved for 5 minutes']],
		['a schedule failed', { snapshotTroubles: async () => ['It failed.'] }, 503, ['It failed.']],
		['there is no place for state', { missingState: () => 'The table is missing.' }, 503, ['The table is missing.']],
	])('says so when %s', async (_, facts, status, reasons) => {
		const response = await respond(
			healthEndpoint({ ...sound, ...facts }),
			request('/custodian/health', user('scrape'))
		);
		expect(response.status).toBe(status);
		const body: unknown = JSON.parse(textOf(response));
		expect(body).toMatchObject({
			status: status === 200 ? 'ok' : 'degraded',
			reasons: reasons.map((reason) => expect.stringContaining(reason)),
		});
	});
});

/** Endpoints that answer in text. */
function textOf({ body }: { readonly body: unknown }): string {
	if (typeof body !== 'string') throw new Error('The body is no text');
	return body;
}
