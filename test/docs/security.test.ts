import { expect, test } from 'vitest';
import { principalOf } from '../../lib/http/access.ts';
import { match, respond, type Endpoint } from '../../lib/http/endpoint.ts';
import { bookmarksEndpoints } from '../../lib/http/bookmarks.ts';
import { LiveLogs } from '../../lib/audit/live-logs.ts';
import { auditEndpoints } from '../../lib/http/audit.ts';
import { withFeeds } from '../../lib/http/audit-feed.ts';
import { downloadEndpoint } from '../../lib/http/download.ts';
import { healthEndpoint } from '../../lib/http/health.ts';
import { jobsEndpoints } from '../../lib/http/jobs.ts';
import { metricsEndpoint } from '../../lib/http/metrics.ts';
import { recordsEndpoint } from '../../lib/http/records.ts';
import { scheduleEndpoint } from '../../lib/http/schedule.ts';
import { snapshotsEndpoints } from '../../lib/http/snapshots.ts';
import { revertsEndpoints } from '../../lib/http/reverts.ts';
import { upkeepEndpoints } from '../../lib/http/upkeep.ts';
import { parseConfiguration } from '../../lib/config.ts';
import { chunked } from '../support/bytes.ts';
import { MemoryBookmarks } from '../support/memory-bookmarks.ts';
import { systemClock } from '../../lib/time.ts';
import { MemoryAuditLog, memoryAuditLogs } from '../support/memory-audit-log.ts';
import { job, MemoryJobs } from '../support/memory-jobs.ts';
import { revertPorts } from '../support/memory-reverts.ts';
import { manifestOf, idOf } from '../support/snapshots.ts';
import { readPage } from './pages.ts';

const users: Readonly<Record<string, unknown>> = {
	'anonymous': undefined,
	'no role': { username: 'u', role: { permission: { super_user: false } } },
	'scraper': { username: 'u', role: { permission: {}, access: { custodian: 'scraper' } } },
	'viewer': {
		username: 'u',
		role: { permission: { shop: { tables: { Thing: { read: true } } } }, access: { custodian: 'viewer' } },
	},
	'operator': { username: 'u', role: { permission: {}, access: { custodian: 'operator' } } },
	'super_user': { username: 'u', role: { permission: { super_user: true } } },
};

const rows = tables(readPage('docs/security.md'));

test('the page names every table of ours, and says of those that are replicated that they are', () => {
	const page = readPage('docs/security.md');
	for (const [, name, options] of readPage('schema.graphql').matchAll(/^type (\w+) @table\((.*)\)/gm)) {
		expect(page).toContain(`\`custodian.${name}\``);
		const isReplicated = options?.includes('replicate: false') !== true;
		expect(page.includes(`\`custodian.${name}\`, is replicated`), name).toBe(isReplicated);
	}
});

test('the table names every path that protection adds', () => {
	const named = new Set(rows.map(({ path }) => path.replace(/\/Thing\b/, '/{table}').replace(/\/a$/, '/{id}')));
	expect(protectionEndpoints().filter(({ path }) => !named.has(`/${path}`))).toEqual([]);
});

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

/** What a request must bring to be understood. */
const bodies: Readonly<Record<string, unknown>> = {
	'PATCH': { pin: true },
	'POST /custodian/bookmarks': { name: 'new' },
	'POST /custodian/reverts': { database: 'd', select: { users: ['u'] }, reason: 'r', dryRun: true },
	'POST /custodian/reverts/{id}/apply': { plan: 'a'.repeat(64) },
};

const BOOKMARK = 'before-the-import';
const ID = '20261123T020000000Z-0000000a';

async function statusOf(written: string, verb: string, user: string, anonymous: boolean): Promise<number> {
	const path = written.replace('{id}', ID).replace('{name}', BOOKMARK).replace('{database}', 'shop');
	const all = endpoints(anonymous);
	// Harper asks the first endpoint of a place for what fits none of them.
	const place = (one: Endpoint) => `/${one.path.replace(/\/\{.*/, '')}/`;
	const endpoint = all.find((one) => match(one, path)) ?? all.find((one) => `${path}/`.startsWith(place(one)));
	if (!endpoint || !(user in users)) throw new Error(`Nobody knows ${path} or ${user}`);
	const principal = principalOf(users[user]);
	const nothing = {
		query: new URLSearchParams(),
		header: () => undefined,
		body: async () => bodies[`${verb} ${written}`] ?? bodies[verb],
	};
	const request = { verb, path, principal, ...nothing };
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
			snapshotTroubles: async () => [],
			unsavedForMs: () => undefined,
		}),
		...protectionEndpoints(),
	];
}

/** There is one snapshot, one job and one bookmark, and they are called as the page calls them. */
function protectionEndpoints(): readonly Endpoint[] {
	const id = ID;
	const data = { sizeBytes: 1, sha256: '0'.repeat(64) };
	const manifest = manifestOf(idOf(0), { objects: [{ name: 'data.mdb', plain: data, stored: data }] });
	const entry = {
		id,
		node: 'n',
		database: 'd',
		prefix: '',
		problem: undefined,
		pinned: false,
		storedBytes: 1,
		verification: undefined,
		verifiedAt: undefined,
		deeplyVerifiedAt: undefined,
		summary: { ...manifest, totals: undefined },
	};
	const place = { name: 'main', cache: new Map(), open: () => Promise.reject(new Error('Nobody opens it')) };
	const log = new MemoryAuditLog(['Thing', 'Secret'], 'shop');
	for (const table of ['Thing', 'Secret']) log.write({ table, action: 'put', id: 'a', values: { id: 'a' } });
	const jobs = new MemoryJobs();
	void jobs.save(job({ id }));
	const bookmarks = new MemoryBookmarks();
	void bookmarks.create({ name: BOOKMARK, at: 0, createdAt: 0, automatic: false, positions: {} });
	const ports = {
		holdings: async () => ({ snapshots: [{ id, copies: [{ place, entry }] }], unread: [] }),
		manifest: async () => manifest,
		databases: () => [],
		keys: async () => ({ ids: new Set<string>() }),
		submit: async () => job(),
		pin: async () => {},
		protectionsOf: () => [],
		remove: async () => {},
		now: () => 0,
	};
	const auditPorts = { logs: memoryAuditLogs(log), pause: async () => {}, clock: systemClock };
	const quiet = { commits: { subscribe: () => () => {} }, sleep: () => new Promise<void>(() => {}), warn: () => {} };
	const live = new LiveLogs({ ...auditPorts, ...quiet });
	return [
		...snapshotsEndpoints(ports),
		downloadEndpoint({ ...ports, readStored: async () => chunked('x'), readPlain: async () => chunked('x') }),
		...upkeepEndpoints({ ...ports, prunePlans: async () => [], cleaningPlans: async () => [] }),
		scheduleEndpoint({ schedules: [], load: async () => undefined, now: () => 0 }),
		...jobsEndpoints(jobs),
		...bookmarksEndpoints({ store: bookmarks, positionsAt: () => ({}), now: () => 0 }),
		...withFeeds(auditEndpoints(auditPorts), { ...auditPorts, live }),
		recordsEndpoint(auditPorts),
		...revertsEndpoints(revertPorts(id, jobs)),
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
