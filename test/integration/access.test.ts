import { connect } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtComponent } from '../support/component.ts';
import { admin, startHarper, type Credentials, type Harper } from '../support/harper.ts';
import { Line, type Answer, type Question } from '../support/line.ts';
import { parse } from '../support/openmetrics.ts';

const PORT = 9464;
const json = { 'content-type': 'application/json' };
const components = [
	{ name: 'harper-custodian', source: builtComponent() },
	{ name: 'witness', source: join(import.meta.dirname, '../support/fixtures/witness') },
];

/** The value of `access` in the role of each user, and whether its holder may scrape. */
const roles: readonly (readonly [user: string, access: unknown, allowed: boolean])[] = [
	['scraper', { custodian: 'scraper' }, true],
	['viewer', { custodian: 'viewer' }, true],
	['operator', { custodian: 'operator' }, true],
	['without', undefined, false],
	['empty', {}, false],
	['upper', { custodian: 'SCRAPER' }, false],
	['padded', { custodian: 'scraper ' }, false],
	['nothing', { custodian: '' }, false],
	['number', { custodian: 1 }, false],
	['yes', { custodian: true }, false],
	['list', { custodian: ['scraper'] }, false],
	['nested', { custodian: { scraper: true } }, false],
	['inherited', { custodian: 'constructor' }, false],
	['text', 'scraper', false],
	['elsewhere', { metrics: 'scraper' }, false],
];
const user = (username: string): Credentials => ({ username, password: 'pw' });
type Who = readonly [name: string, credentials: Credentials | null, rights: 'none' | 'denied' | 'allowed'];
const everyone: readonly Who[] = [
	['nobody', null, 'none'],
	['a super_user', admin, 'allowed'],
	...roles.map(([name, , allowed]): Who => [name, user(name), allowed ? 'allowed' : 'denied']),
];

const VERBS = 'GET HEAD POST PUT PATCH DELETE QUERY COPY MOVE OPTIONS TRACE SEARCH'.split(' ');
const REST = ['/custodian/metrics', '/custodian/metrics/', '/custodian/health', '/custodian/health/'];
const REST_BELOW = [
	'/custodian/metrics/x',
	'/custodian/metrics.json',
	'/custodian/health/1/2',
	'/custodian/health.csv',
];
const SHORT = ['/metrics', '/metrics/'];
/** Names that only look like ours: Harper says what it says to any other. */
const NOT_OURS = [
	'/metrics/x',
	'/metrics.json',
	'/Metrics',
	'/custodian',
	'/custodian/',
	'/custodian/Metrics',
	'//metrics',
];

let harper: Harper;
let own: string;

beforeAll(async () => {
	harper = await startHarper({ components, config: { custodian: { metrics: { port: PORT } } } });
	own = `http://127.0.0.1:${PORT}`;
	for (const [role, access] of roles) {
		await harper.operation({
			operation: 'add_role',
			role,
			permission: { super_user: false },
			...(access === undefined ? {} : { access }),
		});
		await harper.operation({ operation: 'add_user', role, username: role, password: 'pw', active: true });
	}
});

afterAll(() => harper[Symbol.asyncDispose]());

describe.each(everyone)('%s', (_name, credentials, rights) => {
	const denial = rights === 'none' ? 401 : 403;
	const expected = (verb: string, found: number) => {
		if (rights !== 'allowed') return denial;
		return verb === 'GET' || verb === 'HEAD' ? found : 405;
	};

	test.each(REST)('asks for %s with every verb', async (path) => {
		expect(await statuses(harper.httpUrl, path, credentials)).toEqual(
			Object.fromEntries(VERBS.map((verb) => [verb, byHarper(verb) ?? expected(verb, 200)]))
		);
	});

	test.each(REST_BELOW)('asks for %s with every verb', async (path) => {
		expect(await statuses(harper.httpUrl, path, credentials)).toEqual(
			Object.fromEntries(VERBS.map((verb) => [verb, byHarper(verb) ?? expected(verb, 404)]))
		);
	});

	test.each(SHORT)('asks for %s with every verb', async (path) => {
		expect(await statuses(harper.httpUrl, path, credentials)).toEqual(
			Object.fromEntries(VERBS.map((verb) => [verb, expected(verb, 200)]))
		);
	});

	test.each([...SHORT, '/custodian/metrics'])('asks for %s with every verb on our own port', async (path) => {
		expect(await statuses(own, path, credentials)).toEqual(
			Object.fromEntries(VERBS.map((verb) => [verb, expected(verb, 200)]))
		);
	});

	test('asks our own port for what is not there', async () => {
		for (const path of ['/', '/custodian/health', '/Thing/', '/metrics/x', '/custodian/metrics/x']) {
			expect(await statuses(own, path, credentials), path).toEqual(
				Object.fromEntries(VERBS.map((verb) => [verb, 404]))
			);
		}
	});

	test('asks for names that only look like ours', async () => {
		for (const path of NOT_OURS) {
			expect(await statuses(harper.httpUrl, path, credentials), path).toEqual(
				Object.fromEntries(VERBS.map((verb) => [verb, 404]))
			);
		}
	});

	test('asks for a stream of events', async () => {
		for (const path of [...SHORT, ...REST, ...REST_BELOW]) {
			const question = { user: credentials, headers: { accept: 'text/event-stream' } };
			const { status, body } = await once(harper.httpUrl, path, question);
			// A stream is a verb of its own to REST, and nothing but an odd Accept to us.
			expect(status, path).toBe(rights === 'allowed' ? (SHORT.includes(path) ? 406 : 405) : denial);
			expect(revealed(body)).toBe(false);
		}
	});

	test('opens no WebSocket', async () => {
		for (const path of SHORT) expect(await upgrade(path, credentials), path).toBe(1011);
		// The code tells 401 and 403 from 404 and 405.
		const code = { none: 3000, denied: 3003, allowed: 1011 }[rights];
		for (const path of [...REST, ...REST_BELOW]) expect(await upgrade(path, credentials), path).toBe(code);
	});
});

describe('bad input', () => {
	test.each<[what: string, path: string, question: Question, status: number, code: string]>([
		['an unknown query parameter', '/metrics?name=up', {}, 400, 'unknown_parameter'],
		['an unknown query parameter', '/custodian/metrics?name[]=up', {}, 400, 'unknown_parameter'],
		['an unknown query parameter', '/custodian/health?verbose', {}, 400, 'unknown_parameter'],
		['a query that does not decode', '/metrics?%zz=%ff', {}, 400, 'unknown_parameter'],
		['a query that does not decode', '/custodian/metrics?%', {}, 400, 'unknown_parameter'],
		['a query of Harper', '/custodian/metrics?select(a,b)&limit(1)', {}, 400, 'unknown_parameter'],
		['no format of ours', '/metrics', { headers: { accept: 'image/png' } }, 406, 'not_acceptable'],
		['no format of ours', '/custodian/metrics', { headers: { accept: 'application/json' } }, 406, 'not_acceptable'],
		['a refusal of both formats', '/metrics', { headers: { accept: '*/*;q=0' } }, 406, 'not_acceptable'],
		['nonsense to accept', '/metrics', { headers: { accept: ';;,,q=x' } }, 406, 'not_acceptable'],
		['a huge Accept', '/metrics', { headers: { accept: 'a/b,'.repeat(3000) } }, 406, 'not_acceptable'],
		['a body that is no JSON', '/metrics', { method: 'POST', headers: json, body: '{"a' }, 405, 'method_not_allowed'],
		[
			'a body that is no JSON',
			'/custodian/metrics',
			{ method: 'POST', headers: json, body: '{"a' },
			405,
			'method_not_allowed',
		],
		[
			'a body that is no JSON',
			'/custodian/health',
			{ method: 'PUT', headers: json, body: '{"a' },
			405,
			'method_not_allowed',
		],
		[
			'a body of no known type',
			'/custodian/metrics',
			{ method: 'PUT', headers: { 'content-type': 'x/y' }, body: 'z' },
			405,
			'method_not_allowed',
		],
		[
			'a body that is no CBOR',
			'/custodian/metrics',
			{ method: 'PUT', headers: { 'content-type': 'application/cbor' }, body: '\u00ff' },
			405,
			'method_not_allowed',
		],
		[
			'a body that is not awaited',
			'/custodian/metrics',
			{ method: 'QUERY', headers: json, body: '[' },
			405,
			'method_not_allowed',
		],
	])('%s: %s', async (_what, path, question, status, code) => {
		const answer = await once(harper.httpUrl, path, { ...question, user: user('scraper') });
		expect(answer.status).toBe(status);
		expect(answer.headers['content-type']).toBe('application/json');
		const { error }: { error: Record<string, unknown> } = JSON.parse(answer.body.toString());
		expect(error).toMatchObject({ code, message: expect.any(String), hint: expect.any(String) });
	});

	test('a content type that does not parse is refused by Harper itself', async () => {
		const question = { method: 'PATCH', headers: { 'content-type': ';;' }, body: 'z', user: user('scraper') };
		expect((await once(harper.httpUrl, '/custodian/metrics', question)).status).toBe(400);
	});

	test('headers of almost 16 KB are read, and longer ones refused by the server', async () => {
		const ask = (length: number) =>
			once(harper.httpUrl, '/metrics', { user: user('scraper'), headers: { 'x-long': 'x'.repeat(length) } });
		expect((await ask(15_000)).status).toBe(200);
		const longer = await ask(20_000).then(
			({ status }) => status,
			(error: unknown) => String(error)
		);
		expect([431, 'Error: read ECONNRESET', 'Error: socket hang up']).toContain(longer);
	});
});

describe('a scrape', () => {
	const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
	const PROMETHEUS =
		'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
	const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
	const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

	test.each([
		['a browser', BROWSER, TEXT],
		['curl', '*/*', TEXT],
		['an empty Accept', '', TEXT],
		['Prometheus', PROMETHEUS, OPENMETRICS],
	])('by %s is answered in its format', async (_who, accept, type) => {
		for (const [origin, path] of [
			[harper.httpUrl, '/metrics'],
			[harper.httpUrl, '/custodian/metrics'],
			[own, '/metrics'],
		]) {
			const plain = await once(origin!, path!, { headers: { accept }, user: user('scraper') });
			expect([plain.status, plain.headers['content-type']]).toEqual([200, type]);
			expect(plain.body.toString().endsWith('# EOF\n')).toBe(type === OPENMETRICS);
			parse(plain.body, type === OPENMETRICS ? 'openmetrics' : 'text');
			const zipped = await once(origin!, path!, {
				headers: { accept, 'accept-encoding': 'gzip' },
				user: user('scraper'),
			});
			expect([zipped.headers['content-encoding'], zipped.headers['content-type']]).toEqual(['gzip', type]);
			parse(gunzipSync(zipped.body), type === OPENMETRICS ? 'openmetrics' : 'text');
		}
	});
});

test('with `anonymous: true` anybody may scrape, and do nothing else', async () => {
	await using open = await startHarper({ components, config: { custodian: { metrics: { anonymous: true } } } });
	const found = (verb: string) => (verb === 'GET' || verb === 'HEAD' ? 200 : 405);
	for (const path of SHORT) {
		expect(await statuses(open.httpUrl, path, null)).toEqual(
			Object.fromEntries(VERBS.map((verb) => [verb, found(verb)]))
		);
	}
	for (const [path, expected] of [
		['/custodian/metrics', found],
		['/custodian/health', () => 401],
	] as const) {
		expect(await statuses(open.httpUrl, path, null)).toEqual(
			Object.fromEntries(VERBS.map((verb) => [verb, byHarper(verb) ?? expected(verb)]))
		);
	}
	expect((await once(open.httpUrl, '/metrics', { user: { username: 'nobody', password: 'wrong' } })).status).toBe(401);
});

/** Harper answers these by itself before it looks for a resource's verb: CORS, an empty echo, and what it cannot name. */
function byHarper(verb: string): number | undefined {
	return { OPTIONS: 204, TRACE: 200, SEARCH: 501 }[verb];
}

async function statuses(origin: string, path: string, who: Credentials | null): Promise<Record<string, number>> {
	const found: Record<string, number> = {};
	for (const method of VERBS) {
		const body = ['POST', 'PUT', 'PATCH', 'QUERY'].includes(method) ? { headers: json, body: '{"a":1}' } : {};
		const answer = await once(origin, path, { method, user: who, ...body });
		found[method] = answer.status;
		if (revealed(answer.body) && !(answer.status === 200 && method === 'GET')) found[`${method} reveals a metric`] = 1;
		if (answer.status === 405 && answer.headers.allow !== 'GET, HEAD') found[`${method} allows nothing`] = 1;
	}
	return found;
}

/** Over a connection of its own, so that no answer can spoil another. */
async function once(origin: string, path: string, question: Question): Promise<Answer> {
	using line = new Line(origin);
	return await line.ask(path, { timeoutMs: 5000, ...question });
}

function revealed(body: Buffer): boolean {
	return body.includes('harper_') || body.includes('"reasons"');
}

/** The code with which a WebSocket is closed before it said anything; otherwise what was received. */
function upgrade(path: string, who: Credentials | null): Promise<number | string> {
	const credentials = who
		? [`Authorization: Basic ${Buffer.from(`${who.username}:${who.password}`).toString('base64')}`]
		: [];
	const upgrading = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
	const lines = [
		`GET ${path} HTTP/1.1`,
		`Host: ${harper.address}`,
		...upgrading,
		'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
	];
	return new Promise((resolve) => {
		const socket = connect(9926, harper.address);
		let received = Buffer.alloc(0);
		const answer = (outcome: number | string) => {
			socket.destroy();
			resolve(outcome);
		};
		socket.setTimeout(5000, () => answer(`silent after ${received.toString()}`));
		socket.on('error', (error) => answer(error.message));
		socket.on('close', () => answer(received.toString()));
		socket.on('data', (data) => {
			received = Buffer.concat([received, data]);
			const frame = received.indexOf('\r\n\r\n') + 4;
			if (frame < 4 || received.length < frame + 4) return;
			answer(received[frame] === CLOSE_FRAME ? received.readUInt16BE(frame + 2) : received.toString());
		});
		socket.write([...lines, ...credentials, '', ''].join('\r\n'));
	});
}

const CLOSE_FRAME = 0x88;
