import { expect, test } from 'vitest';
import { principalOf } from '../../lib/http/access.ts';
import { respond, type Endpoint } from '../../lib/http/endpoint.ts';
import { healthEndpoint } from '../../lib/http/health.ts';
import { metricsEndpoint } from '../../lib/http/metrics.ts';
import { parseConfiguration } from '../../lib/config.ts';
import { readPage } from './pages.ts';

const users: Readonly<Record<string, unknown>> = {
	'anonymous': undefined,
	'no role': { username: 'u', role: { permission: { super_user: false } } },
	'scraper': { username: 'u', role: { permission: {}, access: { custodian: 'scraper' } } },
	'viewer': { username: 'u', role: { permission: {}, access: { custodian: 'viewer' } } },
	'operator': { username: 'u', role: { permission: {}, access: { custodian: 'operator' } } },
	'super_user': { username: 'u', role: { permission: { super_user: true } } },
};

const rows = tables(readPage('docs/security.md'));

test('the tables cover both ways of scraping', () => {
	expect(rows.filter(({ anonymous }) => anonymous).length).toBeGreaterThan(2);
	expect(rows.filter(({ anonymous }) => !anonymous).length).toBeGreaterThan(5);
});

test.each(rows)(
	'$verbs of $path, anonymous scrapes $anonymous: as the page says',
	async ({ path, verbs, anonymous, statuses }) => {
		for (const [user, status] of Object.entries(statuses)) {
			for (const verb of verbs)
				expect(`${user} ${verb} ${await statusOf(path, verb, user, anonymous)}`).toBe(`${user} ${verb} ${status}`);
		}
	}
);

async function statusOf(path: string, verb: string, user: string, anonymous: boolean): Promise<number> {
	const endpoint = endpoints(anonymous).find((one) => `${path}/`.startsWith(`/${one.path}/`));
	if (!endpoint || !(user in users)) throw new Error(`Nobody knows ${path} or ${user}`);
	const principal = principalOf(users[user]);
	const request = { verb, path, query: new URLSearchParams(), header: () => undefined, principal };
	return (await respond(endpoint, request)).status;
}

function endpoints(anonymous: boolean): readonly Endpoint[] {
	const ports = { scrape: async () => [], render: () => new Uint8Array(), gzip: async (bytes: Uint8Array) => bytes };
	return [
		metricsEndpoint('metrics', anonymous, ports),
		metricsEndpoint('custodian/metrics', anonymous, ports),
		healthEndpoint({
			version: '',
			parsed: parseConfiguration(undefined),
			hasLeader: () => true,
			missingState: () => undefined,
			unsavedForMs: () => undefined,
		}),
	];
}

interface Row {
	readonly path: string;
	readonly verbs: readonly string[];
	readonly anonymous: boolean;
	readonly statuses: Readonly<Record<string, string>>;
}

function tables(page: string): readonly Row[] {
	let columns: readonly string[] = [];
	return page.split('\n').flatMap((line) => {
		const cells = line
			.split('|')
			.map((cell) => cell.trim())
			.slice(1, -1);
		if (cells[0]?.startsWith('Path')) columns = cells;
		if (!cells[0]?.startsWith('`/')) return [];
		const [path = '', verbs = '', ...statuses] = cells;
		const named = statuses.map((status, index) => [columns[index + 2] ?? '', status] as const);
		const anonymous = columns[0] !== 'Path';
		return [
			{ path: path.replaceAll('`', ''), verbs: verbs.split(', '), anonymous, statuses: Object.fromEntries(named) },
		];
	});
}
