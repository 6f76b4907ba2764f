import { threadId } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseCertificates } from '../../../lib/adapters/harper/certificates.ts';
import { harperComponents } from '../../../lib/adapters/harper/components.ts';
import { harperDatabases, parseReaderList } from '../../../lib/adapters/harper/databases.ts';
import { harperJobs } from '../../../lib/adapters/harper/jobs.ts';
import { harperLicenses } from '../../../lib/adapters/harper/licenses.ts';
import { harperTables } from '../../../lib/adapters/harper/tables.ts';
import { harperThreads, livingThreads } from '../../../lib/adapters/harper/threads.ts';

const operation = vi.fn<(request: object, context: object, authorize: boolean) => Promise<unknown>>();
afterEach(() => {
	vi.unstubAllGlobals();
	operation.mockReset();
});

function harperAnswers(answer: unknown): void {
	operation.mockResolvedValue(answer);
	vi.stubGlobal('server', { operation });
}

/** A search that knows whether it was read to its end. */
function lazily(rows: readonly unknown[]) {
	const search = {
		finished: false,
		async *[Symbol.asyncIterator]() {
			yield* rows;
			search.finished = true;
		},
	};
	return search;
}

const tree = (pages: number, entryCount = 0) => ({
	pageSize: 4096,
	treeBranchPageCount: 0,
	treeLeafPageCount: pages,
	overflowPages: 0,
	entryCount,
});
const store = (pages: number, entryCount = 0) => ({ db: { stat: () => tree(pages, entryCount) } });

/** A global `databases` like Harper's: `system` is there and not enumerable. */
function stubDatabases(tableCount = 1) {
	let statsTaken = 0;
	const info = { lastPageNumber: 99, lastTxnId: 12, timeSync: 0.5, puts: 0 };
	const rootStore = {
		path: '/nowhere/data.mdb',
		getStats: () => {
			statsTaken++;
			return { ...tree(1), root: tree(1), free: tree(1), ...info };
		},
		env: { info: () => info },
		readerList: () => '\t\tpid\t\t thread\t\t txnid\n      6239 7f9dd7699c80 -\n      6239 7f9d5cdfd6c0 7\n',
		dbisDb: store(1),
	};
	const table = {
		primaryStore: { ...store(2, 30), rootStore },
		auditStore: store(3, 40),
		indices: { name: store(1), vector: {} },
	};
	const databases = {
		data: Object.fromEntries(Array.from({ length: tableCount }, (_, i) => [`t"${i}`, table])),
		empty: {},
	};
	Object.defineProperty(databases, 'system', { value: { hdb_info: table }, enumerable: false });
	vi.stubGlobal('databases', databases);
	return { info, statsTaken: () => statsTaken };
}

test('a lazy answer is read to its end, or it would pin pages of the database', async () => {
	const systemStatus = lazily([
		{ id: 'primary', status: 'up' },
		{ id: 'x', status: 5 },
	]);
	harperAnswers({ systemStatus, componentStatus: [], restartRequired: false });
	expect((await harperComponents().read()).reported).toEqual([{ id: 'primary', status: 'up' }]);
	expect(systemStatus.finished).toBe(true);
});

test('components stand once each, and one without a status is unknown', async () => {
	harperAnswers({
		componentStatus: [{ name: 'a"b', status: 'healthy' }, { name: 'c' }, { name: 'c' }, {}],
		restartRequired: true,
	});
	expect(await harperComponents().read()).toEqual({
		components: [
			{ name: 'a"b', status: 'healthy' },
			{ name: 'c', status: 'unknown' },
		],
		reported: [],
		restartRequired: true,
	});
});

test('thread information is asked for narrowly: the whole would spawn processes', async () => {
	harperAnswers({
		threads: [
			{ threadId: 1, name: 'http', heapUsed: 5, utilization: 0.5, sinceLastUpdate: 10 },
			{ threadId: 2, name: 'http', sinceLastUpdate: Number.NaN },
			{ threadId: -1, name: 'http' },
		],
	});
	expect(await harperThreads().read()).toMatchObject([
		{ id: 1, name: 'http', heapUsedBytes: 5, eventLoopUtilization: 0.5, reportAgeMs: 10 },
		{ id: 2, reportAgeMs: undefined, heapUsedBytes: undefined },
	]);
	expect(operation.mock.calls).toEqual([[{ operation: 'system_information', attributes: ['threads'] }, {}, false]]);
});

test('the living threads are this one, the main thread and those that Harper has a port to', () => {
	vi.stubGlobal('threads', [{ threadId: 4 }, {}, { threadId: 7 }]);
	expect(livingThreads()).toEqual(new Set([0, threadId, 4, 7]));
});

test('certificates expire when their details say so, and a date that is none is unknown', () => {
	const rows = [
		{ name: 'a', details: { valid_to: 'Nov 19 19:44:39 2036 GMT' } },
		{ name: 'b', details: { valid_to: 'soon' } },
		{ name: 'c' },
		{},
	];
	expect(parseCertificates(rows)).toEqual([
		{ name: 'a', expiresAt: Date.UTC(2036, 10, 19, 19, 44, 39) },
		{ name: 'b', expiresAt: undefined },
		{ name: 'c', expiresAt: undefined },
	]);
	expect(parseCertificates(undefined)).toEqual([]);
});

test('a license shows what it used from the start, hours as seconds, and no limit for -1', async () => {
	const rows = lazily([
		{ id: 'L', reads: 10, usedReads: 3, writes: -1, cpuTime: 2, usedCpuTime: 0.5, expiration: '1970-01-01T00:00:09Z' },
		{},
	]);
	harperAnswers(rows);
	expect(await harperLicenses().read()).toEqual([
		{
			id: 'L',
			expiresAt: 9_000,
			reads: { used: 3, limit: 10 },
			writes: { used: 0 },
			realTimeMessages: { used: 0 },
			readBytes: { used: 0 },
			writeBytes: { used: 0 },
			realTimeBytes: { used: 0 },
			cpuSeconds: { used: 1800, limit: 7200 },
		},
	]);
	expect(rows.finished).toBe(true);
});

test('jobs are counted in the status index, and are unknown without the table', () => {
	const getValuesCount = (status: string): number => (status === 'ERROR' ? 2 : 0);
	vi.stubGlobal('databases', { system: { hdb_job: { indices: { status: { getValuesCount } } } } });
	expect([harperJobs().count('error'), harperJobs().count('created')]).toEqual([2, 0]);
	vi.stubGlobal('databases', { system: {} });
	expect(harperJobs().count('error')).toBeUndefined();
});

describe('databases', () => {
	test('all with tables are read, the hidden system included, and a missing file has no size', async () => {
		stubDatabases();
		const readings = harperDatabases().read();
		expect(readings.map(({ name }) => name)).toEqual(['data', 'system']);
		expect(readings[0]).toMatchObject({
			fileBytes: undefined,
			auditBytes: 3 * 4096,
			auditEntries: 40,
			lastTransactionId: 12,
			syncSeconds: 0.5,
			puts: 0,
			writes: undefined,
			readers: [{ id: '6239/7f9dd7699c80' }, { id: '6239/7f9d5cdfd6c0', transactionId: 7 }],
		});
	});

	test('sizes are looked at again only after another write transaction, the rest each time', () => {
		const { info, statsTaken } = stubDatabases();
		const facts = harperDatabases();
		facts.read();
		info.puts = 5;
		expect(facts.read()[0]).toMatchObject({ auditEntries: 40, puts: 5 });
		// Both databases of the stub are one environment.
		expect(statsTaken()).toBe(1);
		info.lastTxnId = 13;
		expect(facts.read()[0]).toMatchObject({ auditEntries: 40, lastTransactionId: 13 });
		expect(statsTaken()).toBe(2);
	});

	test.each(['', '(no active readers)\n', '\t\tpid\t\t thread\t\t txnid\n'])('the reader list %j is empty', (text) => {
		expect(parseReaderList(text)).toEqual([]);
	});

	test('tables show records and indexes apart, and the rest of the file is free', async () => {
		stubDatabases();
		const [data] = await harperTables().read();
		expect(data?.tables).toEqual([{ name: 't"0', sizeBytes: 2 * 4096, indexBytes: 4096, entries: 30 }]);
		// Two meta pages, main and free tree, audit log, list of stores, records, index.
		expect(data?.usedBytes).toBe((2 + 1 + 1 + 3 + 1 + 2 + 1) * 4096);
		expect(data?.freeBytes).toBe((100 - 11) * 4096);
	});

	test('over many tables each turn of the event loop takes a read transaction of its own', async () => {
		const { statsTaken } = stubDatabases(60);
		const readings = await harperTables().read();
		expect(readings[0]?.tables).toHaveLength(60);
		// Three turns and the sum for `data`, one and the sum for `system`.
		expect(statsTaken()).toBe(6);
	});
});
