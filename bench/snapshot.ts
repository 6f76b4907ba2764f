// What a snapshot costs the Harper that it is taken of. docs/benchmarks.md says how to read the figures.
//   --records <n>   in the one table, with one index and the audit log (100,000; two million make about 1 GB)
//   --writes <n>    a second, over eight connections, before, during and after (50)
//   --quiet <s>     how long before and after (10)
import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, readFileSync, rmSync, statSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createBrotliDecompress } from 'node:zlib';
import { inspectFile } from '../lib/adapters/lmdb/inspect-file.ts';
import { packComponent } from '../test/support/component.ts';
import { admin, installTemplate, type Harper } from '../test/support/harper.ts';
import { ask, endedJob, type ShownJob, type TakenResult } from '../test/support/jobs.ts';
import { openRun, runDirectory } from '../test/support/run.ts';
import { Client, clientPerWorker } from './support/client.ts';
import { startMeasured } from './support/host.ts';
import { steadily } from './support/load.ts';
import { watchMemory } from './support/memory.ts';

const { values: flags } = parseArgs({
	options: {
		records: { type: 'string', default: '100000' },
		writes: { type: 'string', default: '50' },
		quiet: { type: 'string', default: '10' },
	},
});
const records = Number(flags.records);
const quietMs = Number(flags.quiet) * 1000;

/** Of one write: when it was sent, wall clock, and how long it took. */
interface Write {
	readonly at: number;
	readonly tookMs: number;
}

interface Manifest {
	readonly takenAt: number;
	readonly tookMs: { readonly copy: number; readonly store: number };
	readonly objects: readonly [
		{ readonly plain: { readonly sizeBytes: number }; readonly stored: { sizeBytes: number } },
	];
}

await main();

async function main(): Promise<void> {
	const run = await openRun();
	try {
		await Promise.all([packComponent(), installTemplate()]);
		console.log(`${new Date().toISOString()}, Node ${process.version}, load average ${loadAverage()}`);
		await using harper = await startMeasured(1);
		const workers = await clientPerWorker(harper, admin);
		await fill(harper, workers);
		await measure(harper, workers);
		for (const worker of workers) worker.close();
		console.log(`load average at the end ${loadAverage()}`);
	} finally {
		await run.close();
	}
}

async function fill(harper: Harper, workers: readonly Client[]): Promise<void> {
	const startedAt = performance.now();
	const share = Math.ceil(records / workers.length);
	await Promise.all(
		workers.map((worker, index) =>
			worker.send('/Fill/', {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ from: index * share, to: Math.min(records, (index + 1) * share) }),
			})
		)
	);
	const seconds = (performance.now() - startedAt) / 1000;
	const sizeBytes = statSync(databaseOf(harper)).size;
	console.log(`${records} records in ${seconds.toFixed(0)} s: a file of ${mb(sizeBytes)}`);
}

async function measure(harper: Harper, workers: readonly Client[]): Promise<void> {
	const writes: Write[] = [];
	const writers = Array.from({ length: 8 }, () => new Client(harper.httpUrl, admin));
	const stop = steadily(Number(flags.writes), async (n) => {
		const at = Date.now();
		const { status, tookMs } = await write(writers[n % writers.length]!, n);
		if (status >= 400) throw new Error(`A write met status ${status}`);
		writes.push({ at, tookMs });
	});
	await delay(2000);
	const phases = { before: 0, during: 0, after: 0 };
	const stalls: Record<keyof typeof phases, number> = { before: 0, during: 0, after: 0 };
	const bounds: number[] = [Date.now()];
	stalls.before = await longestStall(workers, () => delay(quietMs));
	bounds.push(Date.now());
	const memory = watchMemory(harper);
	let job: ShownJob<TakenResult> | undefined;
	stalls.during = await longestStall(workers, async () => {
		job = await take(harper);
	});
	const used = memory.stop();
	bounds.push(Date.now());
	stalls.after = await longestStall(workers, () => delay(quietMs));
	bounds.push(Date.now());
	await stop();
	for (const writer of writers) writer.close();

	const manifest = manifestOf(harper, job?.result?.taken[0]?.id ?? '');
	const [{ plain, stored }] = manifest.objects;
	const jobMs = bounds[2]! - bounds[1]!;
	const plainFile = await unpack(harper, job?.result?.taken[0]?.id ?? '');
	const copyRate = rate(plain.sizeBytes, manifest.tookMs.copy);
	const copied = copyByCommand(databaseOf(harper));
	const compressor = compressAlone(plainFile);
	const startedAt = performance.now();
	await inspectFile(plainFile);
	const inspector = rate(plain.sizeBytes, performance.now() - startedAt);
	const storeRate = rate(plain.sizeBytes, manifest.tookMs.store);
	console.log(
		`copy      ${perSecond(copyRate)} (${mb(plain.sizeBytes)} in ${manifest.tookMs.copy} ms), cp and sync ${perSecond(copied)}: ` +
			against(copyRate / copied, 0.5, 'at least')
	);
	console.log(
		`pipeline  ${perSecond(storeRate)} (to ${mb(stored.sizeBytes)} in ${manifest.tookMs.store} ms), ` +
			`brotli alone ${perSecond(compressor)}: ${against(storeRate / compressor, 0.9, 'at least')}`
	);
	console.log(`inspection alone, which the pipeline does beside compressing: ${perSecond(inspector)}`);
	console.log(
		`whole job ${jobMs} ms: copy, store and verification, until it is seen to have ended; ${perSecond(rate(plain.sizeBytes, jobMs))}`
	);
	console.log(
		`memory    Harper ${mb(used.host.before.anonymous)} of its own before, ${mb(used.host.most.anonymous)} at most: ` +
			`${against((used.host.most.anonymous - used.host.before.anonymous) / 2 ** 20, 64, 'at most')} MiB more; ` +
			`with the pages of the database ${mb(used.host.before.resident)} and ${mb(used.host.most.resident)}; ` +
			`the child ${mb(used.child.resident)} at most`
	);
	const inPhase = (from: number, to: number) => writes.filter(({ at }) => at >= from && at < to);
	const during = inPhase(bounds[1]!, bounds[2]!);
	const copyEndsAt = manifest.takenAt + Math.max(1000, manifest.tookMs.copy);
	const inCopy = ({ at }: Write) => at >= manifest.takenAt && at < copyEndsAt;
	const before = inPhase(bounds[0]!, bounds[1]!);
	const outside = during.filter((one) => !inCopy(one));
	const rows: readonly (readonly [string, readonly Write[]])[] = [
		['before', before],
		['copying', during.filter(inCopy)],
		['storing', outside],
		['after', inPhase(bounds[2]!, bounds[3]!)],
	];
	for (const [name, some] of rows) console.log(`writes    ${name.padEnd(8)} ${percentiles(some)}`);
	console.log(
		`p99 of writes outside of the second of the copy, against before: ${against(p99(outside) / p99(before), 1.2, 'at most')}`
	);
	console.log(
		`longest event-loop stall: ${stalls.before.toFixed(1)} ms before, ${stalls.during.toFixed(1)} ms during, ${stalls.after.toFixed(1)} ms after`
	);
}

async function take(harper: Harper): Promise<ShownJob<TakenResult>> {
	const request = { method: 'POST', body: { databases: ['bench'] } };
	const { body } = await ask<ShownJob>(harper, '/custodian/snapshots', request);
	const job = await endedJob<TakenResult>(harper, body.id, 600_000);
	if (job.state !== 'succeeded') throw new Error(`The job ${job.state}: ${JSON.stringify(job.error)}`);
	return job;
}

function write(client: Client, n: number) {
	const id = `steady-${n % 1000}`;
	const headers = { 'content-type': 'application/json' };
	return client.send(`/T0/${id}`, { method: 'PUT', headers, body: JSON.stringify({ id, name: `name ${n}` }) });
}

/** The longest time that a worker did not come to its event loop. */
async function longestStall(workers: readonly Client[], during: () => Promise<unknown>): Promise<number> {
	for (const worker of workers) await worker.send('/Inside/watch');
	await during();
	const stalls: number[] = [];
	for (const worker of workers) stalls.push((await worker.json<{ longestMs: number }>('/Inside/stall')).longestMs);
	return Math.max(...stalls);
}

function databaseOf({ root }: Harper): string {
	return join(root, 'database/bench.mdb');
}

function folderOf({ root, address }: Harper, id: string): string {
	return join(root, 'custodian/repository', address, 'bench/snapshots', id);
}

function manifestOf(harper: Harper, id: string): Manifest {
	return JSON.parse(readFileSync(join(folderOf(harper, id), 'manifest.json'), 'utf8'));
}

/** The same file that the pipeline read. */
async function unpack(harper: Harper, id: string): Promise<string> {
	const path = join(runDirectory(), 'plain.mdb');
	const stored = createReadStream(join(folderOf(harper, id), 'data.mdb.br'));
	await pipeline(stored, createBrotliDecompress(), createWriteStream(path));
	return path;
}

/** Bytes a millisecond. The first run warms the cache, as the copy finds it. */
function copyByCommand(path: string): number {
	const target = join(runDirectory(), 'copied.mdb');
	let tookMs = Infinity;
	for (let round = 0; round < 2; round++) {
		const startedAt = performance.now();
		spawnSync('cp', ['--reflink=never', path, target]);
		spawnSync('sync', [target]);
		tookMs = performance.now() - startedAt;
		rmSync(target);
	}
	return rate(statSync(path).size, tookMs);
}

/** Bytes a millisecond of the compressor in a process that does nothing else, and waits for others as ours does. */
function compressAlone(path: string): number {
	const code = `
		import { createReadStream } from 'node:fs';
		import { Writable } from 'node:stream';
		import { pipeline } from 'node:stream/promises';
		import { constants, createBrotliCompress } from 'node:zlib';
		const startedAt = performance.now();
		const nowhere = new Writable({ write: (chunk, encoding, done) => done() });
		const params = { [constants.BROTLI_PARAM_QUALITY]: 1 };
		const source = createReadStream(process.argv[1], { highWaterMark: 1 << 20 });
		await pipeline(source, createBrotliCompress({ chunkSize: 256 * 1024, params }), nowhere);
		console.log(performance.now() - startedAt);
	`;
	const { stdout } = spawnSync('nice', ['-n', '10', process.execPath, '--input-type=module', '-e', code, path], {
		encoding: 'utf8',
	});
	return rate(statSync(path).size, Number(stdout));
}

function rate(bytes: number, ms: number): number {
	return bytes / ms;
}

function perSecond(bytesPerMs: number): string {
	return `${(bytesPerMs / 1000).toFixed(0)} MB/s`;
}

function against(value: number, aim: number, relation: 'at least' | 'at most'): string {
	const reached = relation === 'at least' ? value >= aim : value <= aim;
	return `${value.toFixed(2)} (aim: ${relation} ${aim}; ${reached ? 'reached' : 'missed'})`;
}

function percentiles(some: readonly Write[]): string {
	return `p50 ${quantile(some, 0.5).toFixed(1)}, p99 ${p99(some).toFixed(1)} ms of ${some.length}`;
}

function p99(some: readonly Write[]): number {
	return quantile(some, 0.99);
}

function quantile(some: readonly Write[], share: number): number {
	const sorted = some.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

function mb(bytes: number): string {
	return `${(bytes / 1e6).toFixed(0)} MB`;
}

function loadAverage(): string {
	return loadavg()
		.map((load) => load.toFixed(2))
		.join(' ');
}
