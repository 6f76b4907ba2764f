import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { deadMan } from '../../lib/adapters/dead-man.ts';
import { hmacSha256 } from '../../lib/adapters/hmac.ts';
import { webhook, type WebhookPorts } from '../../lib/adapters/webhook.ts';
import { CustodianError } from '../../lib/errors.ts';
import { receiver } from '../support/receiver.ts';

const signal = new AbortController().signal;
const BODY = '{"message":"größer"}';
const secret = Buffer.from('0123456789abcdef');

test('a notification arrives as it is, and says what it is about and when it was sent', async () => {
	const { origin, got } = await receiver({ status: 202 });
	await hook(`${origin}/hook?k=1`)('snapshot_failed', BODY, signal);
	expect(got).toHaveLength(1);
	expect(got[0]).toMatchObject({
		method: 'POST',
		path: '/hook?k=1',
		body: BODY,
		headers: {
			'content-type': 'application/json',
			'user-agent': 'harper-custodian/1',
			'x-custodian-event': 'snapshot_failed',
			'x-custodian-timestamp': '1700000000',
		},
	});
	expect(got[0]?.headers).not.toHaveProperty('x-custodian-signature');
});

test('a signed one carries the signature of its moment and its bytes', async () => {
	const { origin, got } = await receiver({ status: 200 });
	await hook(origin, { secret: async () => secret })('schedule_late', BODY, signal);
	const signed = `${String(got[0]?.headers['x-custodian-timestamp'])}.${got[0]?.body}`;
	expect(got[0]?.headers['x-custodian-signature']).toBe(
		`sha256=${createHmac('sha256', secret).update(signed).digest('hex')}`
	);
});

test('nothing is posted where the secret cannot be read', async () => {
	const { origin, got } = await receiver({ status: 200 });
	const unreadable = async () => Promise.reject(new CustodianError('secret_exposed', '/s', 'Others can read it.'));
	await expect(hook(origin, { secret: unreadable })('schedule_late', BODY, signal)).rejects.toMatchObject({
		code: 'secret_exposed',
	});
	expect(got).toEqual([]);
});

describe('what may pass is tried again:', () => {
	test.each([
		['an error of the server', { status: 503 } as const],
		['too many requests', { status: 429 } as const],
		['a connection that breaks', 'reset' as const],
		['silence', 'silence' as const],
	])('%s', async (_, answer) => {
		const { origin, got } = await receiver(answer, answer, { status: 200 });
		const waits: number[] = [];
		await hook(origin, { sleep: async (ms) => void waits.push(ms), timeoutMs: 500 })('schedule_late', BODY, signal);
		expect(got.map(({ body }) => body)).toEqual([BODY, BODY, BODY]);
		expect(waits).toEqual([1000, 5000]);
	});

	test('three times in all, each signed as of its moment', async () => {
		const { origin, got } = await receiver({ status: 500 });
		let at = 1_700_000_000_000;
		const clock = { now: () => (at += 60_000) };
		const failing = hook(origin, { clock, secret: async () => secret })('schedule_late', BODY, signal);
		await expect(failing).rejects.toMatchObject({
			code: 'notify_unreachable',
			message: expect.stringContaining('500'),
		});
		expect(got).toHaveLength(3);
		expect(new Set(got.map(({ headers }) => headers['x-custodian-timestamp'])).size).toBe(3);
		expect(new Set(got.map(({ headers }) => headers['x-custodian-signature'])).size).toBe(3);
	});
});

test.each([400, 401, 404, 410])('%s is an answer, and not asked for again', async (status) => {
	const { origin, got } = await receiver({ status });
	const refused = hook(origin)('schedule_late', BODY, signal);
	await expect(refused).rejects.toMatchObject({
		code: 'notify_refused',
		message: expect.stringContaining(String(status)),
	});
	expect(got).toHaveLength(1);
});

test.each([301, 302, 307, 308])('a redirect (%s) is not followed', async (status) => {
	const { origin: elsewhere, got: strayed } = await receiver({ status: 200 });
	const { origin, got } = await receiver({ status, headers: { location: elsewhere } });
	await expect(hook(origin)('schedule_late', BODY, signal)).rejects.toMatchObject({ code: 'notify_refused' });
	expect(got).toHaveLength(1);
	expect(strayed).toEqual([]);
});

test('a signal ends it, and its reason is passed on', async () => {
	const { origin, got } = await receiver('silence');
	const stop = new AbortController();
	const sleep = async () => expect.unreachable('it is over');
	const posting = hook(origin, { sleep })('schedule_late', BODY, stop.signal);
	await expect.poll(() => got.length).toBe(1);
	stop.abort(new Error('shutting down'));
	await expect(posting).rejects.toThrow('shutting down');
});

describe('of the address an error tells only the host:', () => {
	test.each([
		['refused', { status: 403 } as const],
		['unreachable', { status: 500 } as const],
		['a broken connection', 'reset' as const],
	])('%s', async (_, answer) => {
		const { origin, got } = await receiver(answer);
		const url = `${origin.replace('//', '//us%40er:pass%3Aword@')}/services/T0KEN?key=S3CRET`;
		const error = await hook(url)('schedule_late', BODY, signal).then(
			() => expect.unreachable(),
			(thrown: unknown) => thrown
		);
		expect(got[0]?.path).toBe('/services/T0KEN?key=S3CRET');
		expect(got[0]?.headers.authorization).toBe(`Basic ${Buffer.from('us@er:pass:word').toString('base64')}`);
		expect(told(error)).toContain('127.0.0.1');
		expect(told(error)).not.toMatch(/us%40er|us@er|pass|T0KEN|S3CRET/);
	});

	test('nobody there', async () => {
		const error = await hook('http://u:p4ss@127.0.0.1:1/T0KEN')('schedule_late', BODY, signal).catch(
			(thrown: unknown) => thrown
		);
		expect(error).toMatchObject({ code: 'notify_unreachable' });
		expect(told(error)).not.toMatch(/p4ss|T0KEN/);
	});

	test.each(['not a url with S3CRET', 'file:///S3CRET', 'ftp://h/S3CRET'])('%s', async (url) => {
		const error = await hook(url)('schedule_late', BODY, signal).catch((thrown: unknown) => thrown);
		expect(error).toMatchObject({ code: 'notify_refused' });
		expect(told(error)).not.toContain('S3CRET');
	});
});

test('the sign of life is a plain GET', async () => {
	const { origin, got } = await receiver({ status: 503 }, { status: 200 });
	await deadMan(`${origin}/uuid`, { sleep: async () => undefined, userAgent: 'harper-custodian/1' })(signal);
	expect(got.map(({ method, path, body }) => [method, path, body])).toEqual([
		['GET', '/uuid', ''],
		['GET', '/uuid', ''],
	]);
});

function hook(url: string, changes: Partial<WebhookPorts> = {}) {
	return webhook(url, {
		clock: { now: () => 1_700_000_000_123 },
		sleep: async () => undefined,
		sign: hmacSha256,
		secret: undefined,
		userAgent: 'harper-custodian/1',
		...changes,
	});
}

/** All that a log could show of an error. */
function told(error: unknown): string {
	if (!(error instanceof CustodianError)) throw new Error(`No CustodianError but ${String(error)}`);
	return [error.message, error.subject, error.hint, String(error.cause), error.stack].join('\n');
}
