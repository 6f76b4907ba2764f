import { describe, expect, it, vi } from 'vitest';
import { anonymous, type Access, type Principal } from '../../lib/http/access.ts';
import { respond, type Endpoint, type Handler, type HttpRequest } from '../../lib/http/endpoint.ts';

const scraper: Principal = { kind: 'user', name: 's', access: 'scrape' };
const roleless: Principal = { kind: 'user', name: 'r', access: undefined };

function endpoint(access: Access | 'anyone' = 'scrape') {
	const get = vi.fn<Handler>(() => ({ status: 200, headers: {}, body: 'secret' }));
	const served: Endpoint = { path: 'custodian/thing', access, parameters: ['known'], verbs: { GET: get } };
	return { served, get };
}

function request(overrides: Partial<HttpRequest> = {}): HttpRequest {
	return {
		verb: 'GET',
		path: '/custodian/thing',
		query: new URLSearchParams(),
		header: () => undefined,
		body: async () => undefined,
		principal: scraper,
		...overrides,
	};
}

describe('a request to an endpoint', () => {
	it.each([
		['is served', {}, 200],
		['is served with a known parameter', { query: new URLSearchParams('known=1') }, 200],
		['is served as HEAD like GET', { verb: 'HEAD' }, 200],
		['is served with a slash behind it', { path: '/custodian/thing/' }, 200],
		['needs a user', { principal: anonymous }, 401],
		['needs a user that is allowed to', { principal: roleless }, 403],
		['needs a verb that exists', { verb: 'PUT' }, 405],
		['finds no verb among the properties of objects', { verb: 'constructor' }, 405],
		['needs the very path', { path: '/custodian/thing/below' }, 404],
		['needs the path without a suffix', { path: '/custodian/thing.json' }, 404],
		['needs parameters that exist', { query: new URLSearchParams('other=1') }, 400],
		[
			'without a user learns nothing of verbs, paths and parameters',
			{ principal: anonymous, verb: 'PUT', path: '/x' },
			401,
		],
		['without the right learns nothing either', { principal: roleless, query: new URLSearchParams('other=1') }, 403],
	])('%s', async (_, overrides, status) => {
		const { served, get } = endpoint();
		const response = await respond(served, request(overrides));
		expect(response.status).toBe(status);
		expect(get).toHaveBeenCalledTimes(status === 200 ? 1 : 0);
	});

	it('is refused with one shape of error, and with the verbs that are possible', async () => {
		const response = await respond(endpoint().served, request({ verb: 'PUT' }));
		expect(JSON.parse(textOf(response))).toEqual({
			error: { code: 'method_not_allowed', message: '"PUT" is not possible here.', hint: 'Use GET, HEAD.' },
		});
		expect(response.headers).toMatchObject({ 'Allow': 'GET, HEAD', 'Content-Type': 'application/json' });
	});

	it('is not repeated at length in the error', async () => {
		const query = new URLSearchParams({ ['x'.repeat(10_000)]: '1' });
		const response = await respond(endpoint().served, request({ query }));
		expect(textOf(response).length).toBeLessThan(400);
	});

	it('needs nobody where anyone may ask', async () => {
		expect((await respond(endpoint('anyone').served, request({ principal: anonymous }))).status).toBe(200);
	});
});

/** Endpoints that answer in text. */
function textOf({ body }: { readonly body: unknown }): string {
	if (typeof body !== 'string') throw new Error('The body is no text');
	return body;
}
