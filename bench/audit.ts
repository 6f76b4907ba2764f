// What querying the audit log costs, beside Harper's own history. docs/benchmarks.md says how to read the figures.
//   --entries <n>   in the log, of one table (1,000,000)
//   --seconds <s>   for how long Harper's own history is read (10)
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packComponent } from '../test/support/component.ts';
import { admin, installTemplate, type Harper } from '../test/support/harper.ts';
import { openRun } from '../test/support/run.ts';
import { clientPerWorker, type Client } from './support/client.ts';
import { cpuMs, startMeasured } from './support/host.ts';

const { values: flags } = parseArgs({
	options: { entries: { type: 'string', default: '1000000' }, seconds: { type: 'string', default: '10' } },
});
const entries = Number(flags.entries);
const EDITED = 50;
const EDITS = 50;
/** They lie far apart, and so do their entries. */
const edited = Array.from({ length: EDITED }, (_, i) => `record-${i * Math.floor(entries / 2 / EDITED)}`);

await main();

async function main(): Promise<void> {
	const run = await openRun();
	try {
		await Promise.all([packComponent(), installTemplate()]);
		console.log(`${new Date().toISOString()}, Node ${process.version}, load average ${loadAverage()}`);
		await using harper = await startMeasured(1);
		const [client, other] = await clientPerWorker(harper, admin);
		if (client === undefined || other === undefined) throw new Error('There are no two workers');
		await fill(client, other);
		await scans(harper, client);
		await oneRecord(client);
		await harpersOwn(harper, client);
		for (const one of [client, other]) one.close();
		console.log(`load average at the end ${loadAverage()}`);
	} finally {
		await run.close();
	}
}

async function fill(client: Client, other: Client): Promise<void> {
	const startedAt = performance.now();
	const puts = entries - EDITED * EDITS;
	const half = Math.floor(puts / 2);
	const quarter = Math.floor(half / 2);
	await Promise.all([
		post(client, '/Fill/', { from: 0, to: quarter }),
		post(other, '/Fill/', { from: quarter, to: half }),
	]);
	await Promise.all([
		post(client, '/Fill/', { from: half, to: puts }),
		post(other, '/Edit/', { ids: edited, times: EDITS }),
	]);
	console.log(`${entries} entries in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
}

async function scans(harper: Harper, client: Client): Promise<void> {
	await client.send('/Inside/watch');
	await delay(3000);
	const quiet = await client.json<{ longestMs: number; p99Ms: number }>('/Inside/stall');
	console.log(`idle: event loop p99 ${quiet.p99Ms.toFixed(1)} ms, longest ${quiet.longestMs.toFixed(1)} ms`);
	// Nobody wrote this attribute, so that the values of every entry are looked at.
	await scan(harper, client, 'values    ', 'field=nobody&format=ndjson', 150_000);
	await scan(harper, client, 'headers   ', 'user=nobody&format=ndjson');
	await scan(harper, client, 'JSON Lines', 'format=ndjson');
	await scan(harper, client, 'summary   ', 'group=user');
}

async function scan(harper: Harper, client: Client, name: string, query: string, aim?: number): Promise<void> {
	await client.send('/Inside/watch');
	const before = cpuMs(harper.pid!);
	const { status, body, tookMs } = await client.send(`/custodian/audit/bench?${query}`);
	const usedMs = cpuMs(harper.pid!) - before;
	const { longestMs, p99Ms } = await client.json<{ longestMs: number; p99Ms: number }>('/Inside/stall');
	if (status !== 200) throw new Error(`The scan answered ${status}`);
	const looked = query.startsWith('group') ? countIn(body) : entries;
	// Of a core that others use as well, Harper got but a share.
	const perCore = looked / (usedMs / 1000);
	const rate = aim === undefined ? perCore.toFixed(0) : against(perCore, aim, 'at least');
	console.log(
		`scan, ${name} ${rate} entries/s of CPU time, ${(looked / (tookMs / 1000)).toFixed(0)} entries/s by the clock, ` +
			`${(body.length / 1e6).toFixed(1)} MB; ` +
			`event loop p99 ${against(p99Ms, 17, 'at most')} ms, longest ${longestMs.toFixed(1)} ms`
	);
}

/** A summary may end before the log does. */
function countIn(body: Buffer): number {
	const summary: { readonly entries: number } = JSON.parse(body.toString());
	return summary.entries;
}

async function oneRecord(client: Client): Promise<void> {
	const tookMs: number[] = [];
	for (let round = 0; round < 4; round++) {
		for (const id of edited) {
			const { body, tookMs: took } = await client.send(`/custodian/audit/bench/T0/${id}?limit=1000`);
			const found: { entries: unknown[]; complete: boolean } = JSON.parse(body.toString());
			if (found.entries.length !== EDITS + 1 || !found.complete) throw new Error(`There are ${found.entries.length}`);
			tookMs.push(took);
		}
	}
	console.log(
		`one record, ${EDITS + 1} entries of it: p50 ${quantile(tookMs, 0.5).toFixed(1)}, ` +
			`p95 ${against(quantile(tookMs, 0.95), 20, 'at most')} ms of ${tookMs.length}, over HTTP`
	);
}

async function harpersOwn(harper: Harper, client: Client): Promise<void> {
	interface Own {
		readonly entries: number;
		readonly ms: number;
		readonly tookMs: readonly number[];
	}
	await client.send('/Inside/watch');
	const table: Own = JSON.parse(await post(client, '/OwnHistory/', { forMs: Number(flags.seconds) * 1000 }));
	const { p99Ms } = await client.json<{ p99Ms: number }>('/Inside/stall');
	console.log(
		`Harper's getHistory ${((table.entries / table.ms) * 1000).toFixed(0)} entries/s; event loop p99 ${p99Ms.toFixed(1)} ms`
	);
	const records: Own = JSON.parse(await post(client, '/OwnHistory/', { ids: edited }));
	console.log(
		`Harper's getHistoryOfRecord p50 ${quantile(records.tookMs, 0.5).toFixed(1)}, ` +
			`p95 ${quantile(records.tookMs, 0.95).toFixed(1)} ms of ${records.tookMs.length}, within the worker`
	);
	const startedAt = performance.now();
	const about = { operation: 'read_audit_log', schema: 'bench', table: 'T0' };
	try {
		await harper.operation({ ...about, search_type: 'hash_value', search_values: [edited[0]] });
		console.log(`Harper's read_audit_log of one record ${(performance.now() - startedAt).toFixed(0)} ms`);
	} catch (error) {
		const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
		console.log(`Harper's read_audit_log of one record failed after ${seconds} s: ${String(error)}`);
	}
}

async function post(client: Client, path: string, body: object): Promise<string> {
	const headers = { 'content-type': 'application/json' };
	const answer = await client.send(path, { method: 'POST', headers, body: JSON.stringify(body) });
	if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.body.toString()}`);
	return answer.body.toString();
}

function against(value: number, aim: number, relation: 'at least' | 'at most'): string {
	const reached = relation === 'at least' ? value >= aim : value <= aim;
	return `${value >= 1000 ? value.toFixed(0) : value.toFixed(1)} (aim: ${relation} ${aim}; ${reached ? 'reached' : 'missed'})`;
}

function quantile(some: readonly number[], share: number): number {
	const sorted = some.toSorted((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

function loadAverage(): string {
	return loadavg()
		.map((load) => load.toFixed(2))
		.join(' ');
}
