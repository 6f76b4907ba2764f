import { afterAll, beforeAll, expect, test } from 'vitest';
import { admin, startHarper, type Harper } from '../support/harper.ts';
import { Line, lineToEachWorker, type WorkerLine } from '../support/line.ts';
import { total, value, type Parsed } from '../support/openmetrics.ts';
import { scrapeOf, withWitness } from '../support/truth.ts';
import { eventually } from '../support/wait.ts';

const json = { 'content-type': 'application/json' };

let here: Harper;
let peer: Harper;

beforeAll(async () => {
	here = await startHarper({ components: withWitness(), workers: 2 });
	peer = await startHarper({ components: withWitness() });
	const authorization = { username: admin.username, password: admin.password };
	await here.operation({ operation: 'add_node', hostname: peer.address, verify_tls: false, authorization });
	await write('first');
});

afterAll(async () => {
	await peer[Symbol.asyncDispose]();
	await here[Symbol.asyncDispose]();
});

test('a standing connection is shown by peer and database, from every worker', async () => {
	for (const line of await lineToEachWorker(here)) {
		const scrape = await connected(line, 1);
		expect(value(scrape, 'harper_cluster_peers')).toBe(1);
		expect(value(scrape, 'harper_cluster_peer_up', { peer: peer.address })).toBe(1);
		expect(of(scrape, 'harper_cluster_latency_seconds')).toBeGreaterThan(0);
		line[Symbol.dispose]();
	}
});

test('what is replicated is counted, in bytes and in latency', async () => {
	await write('counted');
	const [line, other] = await lineToEachWorker(here);
	const scrape = await eventually(
		async () => {
			const candidate = await scrapeOf(line!);
			const received = total(candidate, 'harper_replication_received_bytes_total', { peer: peer.address });
			return received > 0 && total(candidate, 'harper_replication_latency_seconds_count') > 0 && candidate;
		},
		{ describe: 'received bytes and their latency are counted' }
	);
	expect(total(scrape, 'harper_replication_received_messages_total', { peer: peer.address })).toBeGreaterThan(0);
	expect(total(scrape, 'harper_replication_latency_seconds_count', labels)).toBeGreaterThan(0);
	expect(of(scrape, 'harper_cluster_last_received_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000 - 60);
	for (const each of [line!, other!]) each[Symbol.dispose]();
});

test('clients that ask for the cluster status while we scrape wait no longer than ever, and neither do we', async () => {
	const lines = await lineToEachWorker(here);
	const enough = new AbortController();
	let scrapes = 0;
	const scraping = lines.map(async (line) => {
		while (!enough.signal.aborted) {
			await scrapeOf(line);
			scrapes++;
		}
	});
	// One client at a time: with two, Harper itself forgets to answer one of them now and then.
	using operations = new Line(here.operationsUrl);
	const body = JSON.stringify({ operation: 'cluster_status' });
	for (let call = 0; call < 300; call++) {
		const { status } = await operations.ask('/', { method: 'POST', headers: json, body, timeoutMs: 10_000 });
		expect(status).toBe(200);
	}
	enough.abort();
	await Promise.all(scraping);
	for (const line of lines) {
		expect(value(await scrapeOf(line), 'harper_custodian_collector_success', { collector: 'cluster' })).toBe(1);
		line[Symbol.dispose]();
	}
	expect(scrapes).toBeGreaterThan(20);
});

test('a peer that was killed looks dead, and alive when it is back', async () => {
	const [line, other] = await lineToEachWorker(here);
	await peer.kill();
	const killedAt = performance.now();
	const dead = await connected(line!, 0);
	console.log(`cluster: shown dead ${((performance.now() - killedAt) / 1000).toFixed(1)} s after the kill`);
	expect(value(dead, 'harper_cluster_peers')).toBe(1);
	expect(value(dead, 'harper_cluster_peer_up', { peer: peer.address })).toBe(0);
	for (const frozen of ['latency_seconds', 'behind_seconds', 'back_pressure_ratio']) {
		expect(of(dead, `harper_cluster_${frozen}`)).toBeUndefined();
	}
	await peer.start();
	await write('again');
	const alive = await connected(line!, 1);
	expect(value(alive, 'harper_cluster_peer_up', { peer: peer.address })).toBe(1);
	await connected(other!, 1);
	for (const each of [line!, other!]) each[Symbol.dispose]();
});

const labels = {
	get peer() {
		return peer.address;
	},
	database: 'witness',
};

function of(scrape: Parsed, name: string): number | undefined {
	return value(scrape, name, { ...labels });
}

function connected(line: WorkerLine, expected: 0 | 1): Promise<Parsed> {
	return eventually(
		async () => {
			const scrape = await scrapeOf(line);
			return of(scrape, 'harper_cluster_connected') === expected && scrape;
		},
		{ describe: `worker ${line.threadId} shows the peer as connected: ${expected}`, timeoutMs: 60_000, intervalMs: 200 }
	);
}

/** Writes at the peer, and resolves when the record is here. */
async function write(id: string): Promise<void> {
	const body = JSON.stringify({ id, name: 'Replicated' });
	await eventually(
		async () => {
			await peer.fetch(`/Thing/${id}`, { method: 'PUT', headers: json, body });
			return (await here.fetch(`/Thing/${id}`)).status === 200;
		},
		{ describe: `${id} is replicated`, timeoutMs: 60_000, intervalMs: 200 }
	);
}
