import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { S3Location } from '../../../lib/adapters/s3/client.ts';
import { s3Repository, type S3Tuning } from '../../../lib/adapters/s3/repository.ts';
import type { Repository } from '../../../lib/repository/repository.ts';
import { retrying } from '../../../lib/repository/retrying.ts';
import { all, bytesOf, chunked, noise, stuckAfter, textOf } from '../../support/bytes.ts';
import { FakeTime } from '../../support/fake-sleep.ts';
import { withCredentials } from '../../support/s3-credentials.ts';
import { answerError, BUCKET, S3Server } from '../../support/s3-server.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const PART = 5 * 1024 * 1024;
const IMPATIENT = { connectMs: 200, idleMs: 200 };
let server: S3Server;
let places = 0;
let time: FakeTime;

withCredentials();
beforeAll(async () => {
	server = await S3Server.start();
});
afterAll(() => server.stop());
beforeEach(() => {
	server.trouble = () => false;
	server.knowsUploads = true;
	server.conditions = 'heeded';
	server.requests.length = 0;
	time = new FakeTime();
});

function locationOf(changes: Partial<S3Location> = {}): S3Location {
	return { bucket: BUCKET, prefix: `place-${places++}`, endpoint: server.endpoint, pathStyle: true, ...changes };
}

function opened(changes: Partial<S3Location> = {}, tuning: S3Tuning = {}): Repository {
	return s3Repository(locationOf(changes), {
		partBytes: PART,
		timeouts: { connectMs: 10_000, idleMs: 10_000 },
		retryWrites: policy(),
		...tuning,
	});
}

function policy() {
	return { attempts: 3, sleep: time.sleep, random: () => 0 };
}

const everything: Readonly<Record<string, (repository: Repository) => Promise<unknown>>> = {
	'write': (repository) => repository.write('n/new', chunked('x')),
	'write in parts': (repository) => repository.write('n/new', chunked(noise(PART), noise(10))),
	'read': (repository) => bytesOf(repository.read('n/x')),
	'read nothing': (repository) => bytesOf(repository.read('n/x', { start: 1, end: 1 })),
	'stat': (repository) => repository.stat('n/x'),
	'list': (repository) => all(repository.list('')),
	'remove': (repository) => repository.remove('n/x'),
	'leftovers': (repository) => all(repository.leftovers()),
	'removeLeftover': (repository) => repository.removeLeftover({ name: 'n/x 1', startedAt: 0, sizeBytes: undefined }),
};

describe.each([
	[500, 'InternalError', 'repository_unreachable'],
	[503, 'SlowDown', 'repository_unreachable'],
	[429, 'TooManyRequests', 'repository_unreachable'],
	[403, 'AccessDenied', 'repository_refused'],
	[403, 'SignatureDoesNotMatch', 'repository_refused'],
	[403, 'RequestTimeTooSkewed', 'repository_unreachable'],
	[301, 'PermanentRedirect', 'repository_refused'],
	[400, 'AuthorizationHeaderMalformed', 'repository_refused'],
	[507, 'XMinioStorageFull', 'repository_full'],
])('a store that answers %d %s', (status, code, expected) => {
	test.each(Object.entries(everything))(`is ${expected}: %s`, async (_, work) => {
		server.trouble = ({ method }, answer) => {
			// An answer to HEAD has no body, and so no code.
			if (method === 'HEAD') answer.writeHead(status).end();
			return method === 'HEAD' || answerError(answer, status, code);
		};
		const failure: unknown = await work(opened()).catch((error: unknown) => error);
		const bare = status === 403 ? 'repository_refused' : expected;
		expect([expected, bare]).toContain(Reflect.get(Object(failure), 'code'));
		expect(failure).toMatchObject({ name: 'CustodianError', hint: expect.any(String) });
	});
});

describe('a store that is in trouble', () => {
	test('while it is written is asked again, part by part', async () => {
		const repository = opened();
		const whole = noise(2 * PART + 3);
		const seen = new Map<string, number>();
		server.trouble = ({ method, url = '' }, answer) => {
			const count = (seen.get(`${method} ${url}`) ?? 0) + 1;
			seen.set(`${method} ${url}`, count);
			if (method === 'HEAD' && count <= 2) {
				answer.writeHead(503).end();
				return true;
			}
			return count <= 2 && answerError(answer, 503, 'SlowDown');
		};
		expect(await repository.write('n/x', chunked(whole))).toBe(whole.length);
		server.trouble = () => false;
		expect(Buffer.compare(await bytesOf(repository.read('n/x')), whole)).toBe(0);
		expect(time.slept.length).toBe(12);
		expect(await all(repository.leftovers())).toEqual([]);
	});

	test('for too long leaves no upload where it can be abandoned, and says what failed', async () => {
		const repository = opened();
		server.trouble = ({ method, url = '' }, answer) =>
			method === 'PUT' && url.includes('partNumber=2') && answerError(answer, 500, 'InternalError');
		await expect(repository.write('n/x', chunked(noise(2 * PART)))).rejects.toMatchObject({
			code: 'repository_unreachable',
			message: expect.stringContaining('write n/x'),
		});
		expect(await all(repository.leftovers())).toEqual([]);
		expect(await repository.stat('n/x')).toBeUndefined();
	});

	test('leaves an upload where it cannot be abandoned, as a leftover', async () => {
		const before = Date.now();
		const repository = opened();
		server.trouble = ({ method, url = '' }, answer) =>
			((method === 'PUT' && url.includes('partNumber=2')) || method === 'DELETE') &&
			answerError(answer, 500, 'InternalError');
		for (const key of ['n/x', 'n/y']) {
			await expect(repository.write(key, chunked(noise(2 * PART)))).rejects.toMatchObject({
				code: 'repository_unreachable',
			});
		}
		server.trouble = () => false;
		const leftovers = await all(repository.leftovers());
		expect(leftovers.map(({ name }) => name.split(' ')[0])).toEqual(['n/x', 'n/y']);
		for (const leftover of leftovers) {
			expect(leftover.startedAt).toBeGreaterThanOrEqual(before);
			await repository.removeLeftover(leftover);
			await repository.removeLeftover(leftover);
		}
		expect(await all(repository.leftovers())).toEqual([]);
	});

	test('may have written all the same: an answer that got lost is no failure', async () => {
		const repository = opened();
		let cut = true;
		server.trouble = async ({ method, url = '' }, answer) => {
			if (method !== 'PUT' || !url.includes('/n/x') || !cut) return false;
			cut = false;
			answer.end = (() => answer.destroy()) as ServerResponse['end'];
			return false;
		};
		expect(await repository.write('n/x', chunked('whole'))).toBe(5);
		expect(await textOf(repository.read('n/x'))).toBe('whole');
	});

	test('may have completed an upload all the same', async () => {
		const repository = opened();
		server.trouble = ({ method, url = '' }, answer) => {
			const completes = method === 'POST' && url.includes('uploadId=');
			if (completes) answer.end = (() => answer.destroy()) as ServerResponse['end'];
			return false;
		};
		expect(await repository.write('n/x', chunked(noise(PART), noise(3)))).toBe(PART + 3);
	});

	test('that never answers is given up after a silence', async () => {
		server.trouble = () => true;
		for (const work of Object.values(everything)) {
			const tuning = { timeouts: IMPATIENT, retryWrites: { ...policy(), attempts: 1 } };
			await expect(work(opened({}, tuning))).rejects.toMatchObject({
				code: 'repository_unreachable',
			});
		}
	});

	test('that falls silent in the midst of an object is given up', async () => {
		const repository = opened({}, { timeouts: IMPATIENT });
		await repository.write('n/x', chunked(noise(1000)));
		server.trouble = ({ method }, answer) => {
			if (method !== 'GET') return false;
			answer.writeHead(200, { 'content-length': 1000 });
			answer.write(noise(500));
			return true;
		};
		await expect(bytesOf(repository.read('n/x'))).rejects.toMatchObject({ code: 'repository_unreachable' });
	});

	test('that is slow, and not silent, is waited for', async () => {
		const repository = opened({}, { timeouts: { connectMs: 500, idleMs: 500 } });
		await repository.write('n/x', chunked(noise(8)));
		server.trouble = ({ method }, answer) => {
			if (method !== 'GET') return false;
			answer.writeHead(200, { 'content-length': 8 });
			let sent = 0;
			const timer = setInterval(() => {
				answer.write(noise(8).subarray(sent, ++sent));
				if (sent === 8) clearInterval(timer);
			}, 90);
			return true;
		};
		expect(await bytesOf(repository.read('n/x'))).toEqual(noise(8));
	});

	test.each(['cut', 'reset'])('and cuts an answer short is found out, and read on: %s', async (how) => {
		const repository = opened();
		const whole = noise(100_000);
		await repository.write('n/x', chunked(whole));
		let left = 3;
		server.trouble = ({ method, headers }, answer) => {
			if (method !== 'GET' || left-- <= 0) return false;
			const start = Number(/=(\d+)/.exec(headers.range ?? '')?.[1] ?? 0);
			answer.writeHead(headers.range === undefined ? 200 : 206, {
				'content-length': whole.length - start,
				'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}`,
			});
			answer.write(whole.subarray(start, start + 10_000), () => {
				if (how === 'cut') answer.destroy();
				else answer.socket?.resetAndDestroy();
			});
			return true;
		};
		await expect(bytesOf(repository.read('n/x'))).rejects.toMatchObject({ code: 'repository_unreachable' });
		expect(Buffer.compare(await bytesOf(retrying(repository, policy()).read('n/x')), whole)).toBe(0);
	});

	test('and is not there at all is unreachable', async () => {
		const repository = opened({ endpoint: 'http://127.0.0.1:1' });
		await expect(repository.stat('n/x')).rejects.toMatchObject({
			code: 'repository_unreachable',
			message: expect.stringContaining('ECONNREFUSED'),
		});
	});

	test('and gives the whole for a part is refused, and never believed', async () => {
		const repository = opened();
		await repository.write('n/x', chunked('abcdef'));
		server.trouble = ({ method }, answer) => {
			if (method === 'GET') answer.writeHead(200, { 'content-length': 6 }).end('abcdef');
			return method === 'GET';
		};
		await expect(bytesOf(repository.read('n/x', { start: 2 }))).rejects.toMatchObject({ code: 'repository_refused' });
	});

	test('and lists out of order is refused', async () => {
		server.trouble = ({ method }, answer) => {
			const contents = ['b', 'a'].map(
				(key) => `<Contents><Key>place-${places - 1}/${key}</Key><Size>1</Size></Contents>`
			);
			if (method === 'GET') answer.end(`<ListBucketResult>${contents.join('')}</ListBucketResult>`);
			return method === 'GET';
		};
		await expect(all(opened().list(''))).rejects.toMatchObject({ code: 'repository_refused' });
	});

	test('and answers what is no XML is unreachable', async () => {
		server.trouble = (_, answer) => {
			answer.writeHead(200, { 'content-type': 'text/html' }).end('<html><p>Please log in</html>');
			return true;
		};
		await expect(all(opened().list(''))).rejects.toMatchObject({ code: 'repository_unreachable' });
	});
});

describe.each([
	['at once', (mark: number) => chunked(Buffer.alloc(9, mark))],
	['in parts', (mark: number) => chunked(Buffer.alloc(PART, mark), Buffer.alloc(9, mark))],
])('a key that several write at the same moment, %s', (_, bytes) => {
	const bothLooked = () => {
		let release = () => {};
		const both = new Promise<void>((resolve) => (release = resolve));
		let looks = 0;
		server.trouble = async ({ method }) => {
			if (method !== 'HEAD' || looks >= 2) return false;
			if (++looks === 2) release();
			await both;
			return false;
		};
	};

	test('is made by one of them, and stays as that one made it', async () => {
		const location = locationOf();
		bothLooked();
		const written = [1, 2].map((mark) => opened(location).write('n/x', bytes(mark)));
		const ends = await Promise.allSettled(written);
		const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
		expect(failed).toEqual([expect.objectContaining({ code: 'object_exists' })]);
		const winner = ends[0]?.status === 'fulfilled' ? 1 : 2;
		expect(new Set(await bytesOf(opened(location).read('n/x')))).toEqual(new Set([winner]));
	});

	test('is not taken for one’s own where the answer got lost, though it is as large', async () => {
		const location = locationOf();
		const rival = opened(location);
		let isFirst = true;
		server.trouble = async ({ method, headers }, answer) => {
			if (headers['if-none-match'] !== '*' || !isFirst || method === 'HEAD') return false;
			isFirst = false;
			await rival.write('n/x', bytes(2));
			answer.destroy();
			return true;
		};
		await expect(opened(location).write('n/x', bytes(1))).rejects.toMatchObject({ code: 'object_exists' });
		expect((await bytesOf(rival.read('n/x')))[0]).toBe(2);
	});

	test.each(['ignored', 'refused'] as const)('is written where the condition is %s by the store', async (how) => {
		server.conditions = how;
		const repository = opened();
		await repository.write('n/x', bytes(1));
		await expect(repository.write('n/x', bytes(2))).rejects.toMatchObject({ code: 'object_exists' });
		expect((await bytesOf(repository.read('n/x')))[0]).toBe(1);
	});
});

describe('a bucket', () => {
	test('that is missing is not an empty one', async () => {
		const repository = opened({ bucket: 'never-made' });
		for (const work of ['write', 'write in parts', 'read', 'stat', 'list']) {
			await expect(everything[work]?.(repository)).rejects.toMatchObject({
				code: 'repository_refused',
				hint: expect.stringContaining('Create it'),
			});
		}
	});

	test('whose store knows no unfinished uploads has no leftovers', async () => {
		server.knowsUploads = false;
		expect(await all(opened().leftovers())).toEqual([]);
	});

	test('may be used whole, or below any prefix', async () => {
		const name = `place-${places++}`;
		await opened({ prefix: `/${name}/a/` }).write('x', chunked('x'));
		expect(await textOf(opened({ prefix: undefined }).read(`${name}/a/x`))).toBe('x');
		expect(await all(opened({ prefix: name }).list('a/'))).toEqual([{ key: 'a/x', sizeBytes: 1 }]);
		expect(await all(opened({ prefix: name.slice(0, -1) }).list(''))).toEqual([]);
	});

	test('is sent the hash of what it is sent', async () => {
		const hashes: (readonly [string | undefined, string])[] = [];
		server.trouble = (incoming) => {
			if (incoming.method !== 'PUT') return false;
			// It flows when the gate passes it on, not before.
			incoming.pause();
			const chunks: Buffer[] = [];
			incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
			incoming.on('end', () => hashes.push([hashHeaderOf(incoming), sha256(Buffer.concat(chunks))]));
			return false;
		};
		const repository = opened();
		await repository.write('n/small', chunked('x'));
		await repository.write('n/large', chunked(noise(PART), noise(3)));
		expect(hashes).toHaveLength(3);
		for (const [sent, expected] of hashes) expect(sent).toBe(expected);
	});

	test('takes parts in memory that does not grow with the object', async () => {
		const repository = opened();
		let unsent = 0;
		let most = 0;
		server.trouble = (incoming) => {
			if (incoming.method === 'PUT') unsent -= Number(incoming.headers['content-length']);
			return false;
		};
		async function* source(): AsyncGenerator<Uint8Array> {
			const chunk = noise(1024 * 1024);
			for (let count = 0; count < 42; count++) {
				unsent += chunk.length;
				most = Math.max(most, unsent);
				yield chunk;
			}
		}
		expect(await repository.write('n/large', source())).toBe(42 * 1024 * 1024);
		expect(most).toBeLessThanOrEqual(2 * PART + 1024 * 1024);
	});

	test('is left at once when it is told to, in the midst of an upload', async () => {
		const repository = opened();
		const controller = new AbortController();
		const reason = new Error('enough');
		const { bytes, waiting } = stuckAfter('x'.repeat(PART), 'x'.repeat(PART), 'x');
		const written = repository.write('n/x', bytes, controller.signal);
		await waiting;
		controller.abort(reason);
		await expect(written).rejects.toBe(reason);
		expect(await repository.stat('n/x')).toBeUndefined();
	});

	test.each(['HEAD', 'PUT', 'GET'])('is left at once while it does not answer: %s', async (silent) => {
		const repository = opened({}, { timeouts: { connectMs: 60_000, idleMs: 60_000 } });
		const controller = new AbortController();
		const reason = new Error('enough');
		server.trouble = ({ method }) => {
			if (method === silent) controller.abort(reason);
			return method === silent;
		};
		const work =
			silent === 'GET'
				? bytesOf(repository.read('n/x', undefined, controller.signal))
				: repository.write('n/x', chunked('x'), controller.signal);
		await expect(work).rejects.toBe(reason);
	});
});

describe('a location that leads nowhere', () => {
	test.each<[string, Partial<S3Location>]>([
		['without a region', { endpoint: undefined }],
		['with an endpoint that is no URL', { endpoint: 'not a url' }],
		['with an endpoint that names no protocol', { endpoint: 'localhost:9000' }],
		['with a name that no bucket has', { bucket: 'B_ad/x', pathStyle: false }],
	])('is refused: %s', async (_, location) => {
		forget('AWS_REGION', 'AWS_DEFAULT_REGION');
		await expect(opened(location).stat('n/x')).rejects.toMatchObject({
			code: 'repository_refused',
			hint: expect.stringContaining('region, endpoint'),
		});
	});
});

describe('credentials', () => {
	const secret = 'wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY';

	test('come from a file and a profile', async () => {
		const file = join(await temporaryDirectory(), 'credentials');
		await writeFile(file, '[backup]\naws_access_key_id = S3RVER\naws_secret_access_key = S3RVER\n');
		forget('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY');
		const repository = opened({ credentialsFile: file, profile: 'backup' });
		expect(await repository.write('n/x', chunked('x'))).toBe(1);
		await expect(opened({ credentialsFile: file, profile: 'other' }).stat('n/x')).rejects.toMatchObject({
			code: 'repository_refused',
			hint: expect.stringContaining('credentials'),
		});
	});

	test('that are nowhere are asked for', async () => {
		forget('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY');
		await expect(opened().stat('n/x')).rejects.toMatchObject({
			code: 'repository_refused',
			hint: expect.stringContaining('credentials'),
		});
	});

	test('are never part of an error', async () => {
		forget('AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID');
		Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: secret });
		server.trouble = (incoming, answer) => {
			const told = `<Code>SignatureDoesNotMatch</Code><Message>${secret}</Message><AWSAccessKeyId>S3RVER</AWSAccessKeyId>`;
			answer.writeHead(403, { 'content-type': 'application/xml' });
			answer.end(incoming.method === 'HEAD' ? '' : `<Error>${told}<StringToSign>S3RVER</StringToSign></Error>`);
			return true;
		};
		for (const work of Object.values(everything)) {
			const failure: unknown = await work(opened()).catch((error: unknown) => error);
			const shown = inspect(failure, { depth: 9, showHidden: true }).replaceAll(/\bat .*/g, '');
			expect(shown).toContain('repository_refused');
			expect(shown).not.toMatch(/S3RVER|wJalr/);
		}
	});
});

/** For this test alone. */
function forget(...names: readonly string[]): void {
	const before = names.map((name) => [name, process.env[name]] as const);
	for (const name of names) delete process.env[name];
	onTestFinished(() => {
		for (const [name, value] of before) {
			if (value !== undefined) process.env[name] = value;
		}
	});
}

function hashHeaderOf({ headers }: IncomingMessage): string | undefined {
	const header = headers['x-amz-content-sha256'];
	return typeof header === 'string' ? header : undefined;
}

function sha256(bytes: Buffer): string {
	return createHash('sha256').update(bytes).digest('hex');
}
