import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { hmacSha256 } from '../../lib/adapters/hmac.ts';
import { webhook } from '../../lib/adapters/webhook.ts';
import { parseConfiguration } from '../../lib/config.ts';
import { eventKinds, type Event } from '../../lib/notify/event.ts';
import { notificationOf } from '../../lib/notify/notification.ts';
import { eventsOf, runOutcomeOf, shouldPing, type RunOutcome } from '../../lib/notify/outcome.ts';
import { receiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { codeBlocks, readPage } from './pages.ts';

const page = readPage('docs/notifications.md');
const blocks = codeBlocks(page);
const block = (language: string) => blocks.find((one) => one.language === language)?.text ?? '';

const events: Readonly<Record<Event['kind'], Event>> = {
	snapshot_failed: {
		kind: 'snapshot_failed',
		schedule: 'nightly',
		database: 'shop',
		error: {
			code: 'repository_full',
			message: 'There is no space for data.mdb.br.',
			hint: 'Make room in the repository.',
		},
	},
	schedule_late: {
		kind: 'schedule_late',
		schedule: 'nightly',
		occurrence: 'nightly@2026-11-23T01:00:00.000Z',
		dueAt: Date.parse('2026-11-23T01:00:00Z'),
		graceMs: 8_640_000,
		lastSuccessAt: Date.parse('2026-11-22T01:02:41Z'),
	},
	verification_failed: {
		kind: 'verification_failed',
		snapshot: '20261120T010000000Z-9b1f22c0',
		place: 'offsite',
		error: { code: 'object_damaged', message: 'The object data.mdb.br was changed or cut short.' },
	},
	mass_change: {
		kind: 'mass_change',
		change: 'delete',
		database: 'shop',
		table: 'Order',
		user: 'importer',
		reason: 'rate',
		limit: 1000,
		changes: 1001,
		records: 1001,
		beganAt: Date.parse('2026-11-23T06:14:59.500Z'),
		bookmark: 'before-mass-delete-20261123T061459499Z',
	},
	upkeep_failed: {
		kind: 'upkeep_failed',
		job: 'copy',
		error: { code: 'repository_unreachable', message: 'The bucket does not answer.' },
	},
};

test('the example of the configuration is one', () => {
	expect(parseConfiguration(parse(block('yaml')).custodian)).toMatchObject({ valid: true });
});

test('the page tells of a snapshot that lacks a copy as the code does: as incomplete, and without a ping', () => {
	const request = { schedule: { name: 'nightly' } };
	const taken = [{ database: 'shop', problems: ['No copy in offsite: Full.'] }];
	const ended = { kind: 'snapshot', state: 'succeeded', request, result: { taken, failed: [] } };
	expect(eventsOf(ended)).toMatchObject([{ kind: 'snapshot_failed', error: { code: 'incomplete' } }]);
	expect(runOutcomeOf(ended)).toSatisfy((outcome: RunOutcome) => !shouldPing(outcome));
	expect(page).toMatch(/### `snapshot_failed`\n\n.*`incomplete`/);
	const notCalled = /It is not called:\n\n((?:- .*\n)+)/.exec(page)?.[1];
	expect(notCalled).toMatch(/copy .* could not be made/);
	expect(page).not.toContain('does not keep it from being called');
});

describe('the page shows', () => {
	const shown = blocks.filter(({ language }) => language === 'json').map(({ text }) => JSON.parse(text));

	test.each(eventKinds)('%s as it is posted', (kind) => {
		const example = shown.find(({ event }) => event === kind);
		const { id, at, node, custodian } = example;
		expect(notificationOf(events[kind], { id, at: Date.parse(at), node, custodian })).toEqual(example);
		expect(page).toContain(`### \`${kind}\``);
	});

	test('no other event, and every field', () => {
		expect(shown.map(({ event }) => event)).toEqual(eventKinds);
		const [, section = ''] = /## What is posted\n(.*?)\n### /s.exec(page) ?? [];
		const rows = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, field]) => field);
		expect(rows).toEqual(Object.keys(shown[0]));
	});
});

test('what is unknown is absent from what is posted', () => {
	const error = { code: 'internal', message: 'Oh.', hint: undefined, stack: 'secret' };
	const facts = { id: 'i', at: 0, node: 'n', custodian: '1' };
	const details = (event: Event) => JSON.parse(JSON.stringify(notificationOf(event, facts).details));
	expect(details({ kind: 'snapshot_failed', error })).toEqual({ error: { code: 'internal', message: 'Oh.' } });
	expect(details({ kind: 'verification_failed', snapshot: 's', error })).toEqual({
		snapshot: 's',
		error: { code: 'internal', message: 'Oh.' },
	});
	const { schedule_late: late } = events;
	expect(details({ ...late, lastSuccessAt: undefined } as Event)).not.toHaveProperty('lastSuccessAt');
});

describe('the function of the page', () => {
	const secret = Buffer.from('a secret of some length');
	const sentAt = 1_700_000_000;

	test('takes what is posted for genuine, and nothing else', async () => {
		const { origin, got } = await receiver({ status: 204 });
		const post = webhook(origin, {
			clock: { now: () => sentAt * 1000 },
			sleep: async () => undefined,
			sign: hmacSha256,
			secret: async () => secret,
			userAgent: 'harper-custodian/1',
		});
		await post('schedule_late', '{"message":"größer"}', new AbortController().signal);
		const [{ headers, body } = expect.unreachable('nothing came')] = got;
		const isGenuine = await functionOfThePage();
		expect(isGenuine(headers, body, secret, sentAt + 5)).toBe(true);
		expect(isGenuine(headers, Buffer.from(body), secret, sentAt + 5)).toBe(true);
		expect(isGenuine(headers, `${body} `, secret, sentAt + 5)).toBe(false);
		expect(isGenuine(headers, body, Buffer.from('another secret'), sentAt + 5)).toBe(false);
		expect(isGenuine(headers, body, secret, sentAt + 301)).toBe(false);
		expect(isGenuine({ ...headers, 'x-custodian-timestamp': String(sentAt + 1) }, body, secret, sentAt)).toBe(false);
		expect(isGenuine({}, body, secret, sentAt)).toBe(false);
		expect(isGenuine({ ...headers, 'x-custodian-signature': 'sha256=é' }, body, secret, sentAt)).toBe(false);
	});
});

type IsGenuine = (headers: object, body: string | Uint8Array, secret: Uint8Array, nowSeconds: number) => boolean;

async function functionOfThePage(): Promise<IsGenuine> {
	const file = join(await temporaryDirectory(), 'verify.mjs');
	await writeFile(file, block('js'));
	const { isGenuine }: { isGenuine: IsGenuine } = await import(pathToFileURL(file).href);
	return isGenuine;
}
