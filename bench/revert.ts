// The drill: among many good writes one user has made bad ones, and others have edited some of those since. They are
// planned, taken back and counted. docs/benchmarks.md says how to read the figures.
//   --writes <n>    good writes (200,000); bad ones are a fortieth of them, later edits a tenth of those
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { packComponent } from '../test/support/component.ts';
import { admin, installTemplate, type Harper } from '../test/support/harper.ts';
import { ask } from '../test/support/jobs.ts';
import { endedRevert, type ShownRevert } from '../test/support/reverts.ts';
import { openRun } from '../test/support/run.ts';
import { clientPerWorker, type Client } from './support/client.ts';
import { startMeasured } from './support/host.ts';
import { watchMemory } from './support/memory.ts';

const { values: flags } = parseArgs({ options: { writes: { type: 'string', default: '200000' } } });
const good = Number(flags.writes);
const bad = Math.floor(good / 40);
const edits = Math.floor(bad / 10);
/** The bad writes are spread over all records. */
const spread = { first: 3, step: 40 };

await main();

async function main(): Promise<void> {
	const run = await openRun();
	try {
		await Promise.all([packComponent(), installTemplate()]);
		console.log(`${new Date().toISOString()}, Node ${process.version}, load average ${loadAverage()}`);
		await using harper = await startMeasured(1);
		const workers = await clientPerWorker(harper, admin);
		await play(workers);
		await drill(harper, workers);
		for (const worker of workers) worker.close();
		console.log(`load average at the end ${loadAverage()}`);
	} finally {
		await run.close();
	}
}

async function play([worker]: readonly Client[]): Promise<void> {
	const startedAt = performance.now();
	const half = Math.floor(good / 2);
	const write = (body: object) => post(worker!, '/Play/', body);
	await write({ as: 'good', first: 0, step: 1, count: half });
	await write({ as: 'good', first: half, step: 1, count: good - half });
	await write({ as: 'bad', ...spread, count: bad, change: { name: 'spoilt', size: -1 } });
	await write({ as: 'good', ...spread, count: edits, change: { note: 'edited by somebody else' } });
	console.log(
		`${good} good writes, ${bad} bad ones, ${edits} edits of what was bad: ${seconds(performance.now() - startedAt)}`
	);
}

async function drill(harper: Harper, workers: readonly Client[]): Promise<void> {
	const memory = watchMemory(harper);
	const startedAt = performance.now();
	let planned: ShownRevert | undefined;
	const planStall = await longestStall(workers, async () => {
		planned = await plan(harper);
	});
	const plannedAt = performance.now();
	let done: ShownRevert | undefined;
	const applyStall = await longestStall(workers, async () => {
		done = await apply(harper, planned!);
	});
	const endedAt = performance.now();
	const used = memory.stop();
	const applyMs = await applyingMs(harper, done!);
	const { body } = await post(workers[0]!, '/Raw/', { first: spread.first + 1, step: 40, count: bad, each: 250 });
	const { tookMs: rawMs }: { tookMs: number } = JSON.parse(body.toString());
	const { intact } = await workers[0]!.json<{ intact: number }>(
		`/Intact/?records=${good}&first=${spread.first}&step=${spread.step}&edits=${edits}`
	);
	const counts = done?.receipt?.counts;
	const planMs = planned?.plan?.tookMs ?? NaN;
	console.log(`plan      ${planned?.plan?.totals.records} records in ${against(planMs / 1000, 5, 'at most')} s`);
	console.log(
		`apply     ${JSON.stringify(counts)} in ${seconds(applyMs)}, ${perSecond(bad, applyMs)}; ` +
			`the same puts in a raw loop ${perSecond(bad, rawMs)}: ${against(rawMs / applyMs, 0.7, 'at least')}`
	);
	console.log(
		`drill     ${against((endedAt - startedAt) / 1000, 60, 'at most')} s, of which ${seconds(plannedAt - startedAt)} until the plan was seen`
	);
	console.log(
		`memory    ${against((used.host.most.anonymous - used.host.before.anonymous) / 2 ** 20, 64, 'at most')} MiB more of its own`
	);
	console.log(
		`stall     ${against(planStall, 20, 'at most')} ms planning, ${against(applyStall, 20, 'at most')} ms applying`
	);
	console.log(`intact    ${intact} of ${good} records are what they should be`);
}

async function plan(harper: Harper): Promise<ShownRevert> {
	const body = { database: 'bench', select: { users: ['bad'] }, reason: 'the drill', dryRun: true };
	const { body: asked } = await ask<ShownRevert>(harper, '/custodian/reverts', { method: 'POST', body });
	return endedRevert(harper, asked.id, 600_000);
}

async function apply(harper: Harper, { id, hash }: ShownRevert): Promise<ShownRevert> {
	await ask(harper, `/custodian/reverts/${id}/apply`, { method: 'POST', body: { plan: hash } });
	return endedRevert(harper, id, 600_000);
}

/** From the first batch to the receipt; until then the job waits to be seen. */
async function applyingMs(harper: Harper, { id }: ShownRevert): Promise<number> {
	const { body } = await ask<{ receipt: { startedAt: string; endedAt: string } }>(harper, `/custodian/reverts/${id}`);
	return Date.parse(body.receipt.endedAt) - Date.parse(body.receipt.startedAt);
}

async function post(worker: Client, path: string, body: object) {
	const headers = { 'content-type': 'application/json' };
	const answer = await worker.send(path, { method: 'POST', headers, body: JSON.stringify(body) });
	if (answer.status >= 400) throw new Error(`${path} answered ${answer.status}: ${answer.body.toString()}`);
	return answer;
}

/** The longest time that a worker did not come to its event loop. */
async function longestStall(workers: readonly Client[], during: () => Promise<unknown>): Promise<number> {
	for (const worker of workers) await worker.send('/Inside/watch');
	await during();
	const stalls: number[] = [];
	for (const worker of workers) stalls.push((await worker.json<{ longestMs: number }>('/Inside/stall')).longestMs);
	return Math.max(...stalls);
}

function perSecond(count: number, ms: number): string {
	return `${Math.round((count / ms) * 1000)} records/s`;
}

function seconds(ms: number): string {
	return `${(ms / 1000).toFixed(1)} s`;
}

function against(value: number, aim: number, relation: 'at least' | 'at most'): string {
	const reached = relation === 'at least' ? value >= aim : value <= aim;
	return `${value.toFixed(2)} (aim: ${relation} ${aim}; ${reached ? 'reached' : 'missed'})`;
}

function loadAverage(): string {
	return loadavg()
		.map((load) => load.toFixed(2))
		.join(' ');
}
