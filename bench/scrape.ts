// What a scrape costs the Harper that answers it. docs/benchmarks.md says how to read the figures.
//   --only <text>      scenarios whose name contains the text
//   --rounds <n>       more rounds, less noise (3)
//   --every <seconds>  between scrapes, from 1.1
//   --profile <prefix> CPU profiles of a worker during spaced scrapes, instead of figures
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packComponent } from '../test/support/component.ts';
import { installTemplate, type Harper } from '../test/support/harper.ts';
import { openRun } from '../test/support/run.ts';
import { clientPerWorker, type Answer, type Client } from './support/client.ts';
import { childrenOf, cpuMs, scraper, startMeasured } from './support/host.ts';
import { idle, publishing, requestsTo, touch, type Load } from './support/load.ts';

/** Longer than a reading of a collector is kept for the next scrape, so that each scrape reads afresh. */
const CYCLE_MS = 1100;
/** In a cycle: a scrape of each worker, nothing, an empty request to each worker. */
const WINDOW_MS = 200;
const PAUSE_MS = 50;
const CYCLES_PER_ROUND = 5;
const TOPICS = 3000;

const encodings = { identity: {}, gzip: { 'accept-encoding': 'gzip' } } as const;
type Encoding = keyof typeof encodings;

interface Subject {
	readonly tables: number;
	readonly metrics?: Readonly<Record<string, unknown>>;
	readonly prepare: (harper: Harper) => Promise<void>;
	readonly loads: readonly ((harper: Harper) => Promise<Load> | Load)[];
}

const atRest = () => idle;
const http = (tables: number): Subject => ({
	tables,
	prepare: (harper) => touch(harper, tables),
	loads: [atRest, (harper) => requestsTo(harper, tables, 100)],
});
const mqtt = (metrics: Readonly<Record<string, unknown>>): Subject => ({
	tables: 6,
	metrics,
	prepare: async (harper) => (await publishing(harper, TOPICS, 1)).stop(),
	loads: [(harper) => publishing(harper, TOPICS, 100)],
});
const subjects: Readonly<Record<string, Subject>> = {
	'6 tables': http(6),
	'200 tables': http(200),
	'3,000 topics, first level (default)': mqtt({}),
	'3,000 topics, each a label': mqtt({ topicLevels: 4, maxSeriesPerFamily: 5000 }),
};

const { values: flags } = parseArgs({
	options: {
		only: { type: 'string', default: '' },
		rounds: { type: 'string', default: '3' },
		every: { type: 'string', default: '1.1' },
		profile: { type: 'string' },
	},
});
const rounds = Number(flags.rounds);
const cycleMs = Number(flags.every) * 1000;

await main();

async function main(): Promise<void> {
	const run = await openRun();
	try {
		await Promise.all([packComponent(), installTemplate()]);
		console.log(`${new Date().toISOString()}, Node ${process.version}, load average ${loadAverage()}`);
		for (const [name, subject] of Object.entries(subjects)) {
			if (name.includes(flags.only)) await measureSubject(name, subject);
		}
		console.log(`load average at the end ${loadAverage()}`);
	} finally {
		await run.close();
	}
}

async function measureSubject(name: string, { tables, metrics, prepare, loads }: Subject): Promise<void> {
	await using harper = await startMeasured(tables, metrics);
	await prepare(harper);
	const workers = await clientPerWorker(harper, scraper);
	for (const start of loads) {
		const load = await start(harper);
		await delay(2000);
		console.log(`\n## ${name}, ${load.description}`);
		await warmUp(workers);
		if (flags.profile === undefined) await measure(harper, workers);
		else
			await profile(
				workers[0]!,
				`${flags.profile}${name} ${load.description}.cpuprofile`.replaceAll(/[ ,]+|(?<=\w)\/s/g, '-')
			);
		await load.stop();
	}
	for (const worker of workers) worker.close();
}

async function measure(harper: Harper, workers: readonly Client[]): Promise<void> {
	const pid = harper.pid!;
	const body = (await scrape(workers[0]!, 'identity')).body;
	const compressed = (await scrape(workers[0]!, 'gzip')).body;
	const lines = body.toString().split('\n').length - 1;
	console.log(`${lines} lines, ${kilobytes(body)}, ${kilobytes(compressed)} with gzip`);
	printSpaced(await measureSpaced(pid, workers));
	await printBackToBack(pid, workers);
	const stalls = await measureStalls(pid, workers);
	console.log(
		`longest event-loop stall: ${stalls.without.toFixed(1)} ms without scrapes, ${stalls.with.toFixed(1)} ms with; ` +
			`child processes seen ${stalls.children}, spawn calls in the workers ${await spawnCalls(workers)}`
	);
}

interface Spaced {
	/** Of each cycle, CPU over that of nothing: of a scrape, of an empty request, and of the one over the other. */
	readonly scrapes: Readonly<Record<Encoding, number[]>>;
	readonly empties: number[];
	readonly own: Readonly<Record<Encoding, number[]>>;
	/** Of each round: what one scrape and one empty request add to it, with all that comes after they are answered. */
	readonly rounds: number[];
	readonly latencies: Readonly<Record<Encoding, number[]>>;
}

/** Rounds with requests and rounds without take turns. */
async function measureSpaced(pid: number, workers: readonly Client[]): Promise<Spaced> {
	const spaced: Spaced = {
		scrapes: { identity: [], gzip: [] },
		empties: [],
		own: { identity: [], gzip: [] },
		rounds: [],
		latencies: { identity: [], gzip: [] },
	};
	for (let round = 0; round < rounds; round++) {
		const withRequests = await cpuDuring(pid, CYCLES_PER_ROUND * cycleMs, async () => {
			for (let cycle = 0; cycle < CYCLES_PER_ROUND; cycle++) {
				await measureCycle(pid, workers, (round + cycle) % 2 === 0 ? 'identity' : 'gzip', spaced);
			}
		});
		const without = await cpuDuring(pid, CYCLES_PER_ROUND * cycleMs, nothing);
		spaced.rounds.push((withRequests - without) / CYCLES_PER_ROUND / workers.length);
	}
	return spaced;
}

/** Harper writes what it counted of a request a second after; the cycle is arranged so that this falls between windows. */
async function measureCycle(
	pid: number,
	workers: readonly Client[],
	encoding: Encoding,
	{ scrapes, empties, own, latencies }: Spaced
): Promise<void> {
	const endsAt = performance.now() + cycleMs;
	const scraping = await cpuDuring(pid, WINDOW_MS, async () => {
		for (const worker of workers) latencies[encoding].push((await scrape(worker, encoding)).tookMs);
	});
	await delay(PAUSE_MS);
	const resting = await cpuDuring(pid, WINDOW_MS, nothing);
	await delay(PAUSE_MS);
	const emptying = await cpuDuring(pid, WINDOW_MS, async () => {
		for (const worker of workers) await empty(worker);
	});
	scrapes[encoding].push((scraping - resting) / workers.length);
	empties.push((emptying - resting) / workers.length);
	own[encoding].push((scraping - emptying) / workers.length);
	await delay(endsAt - performance.now());
}

function printSpaced({ scrapes, empties, own, rounds: wholeRounds, latencies }: Spaced): void {
	const apart = `${cycleMs / 1000} s apart`;
	const baseline = median(empties);
	console.log(`${apart}   empty     CPU ${show(empties)}`);
	for (const encoding of ['identity', 'gzip'] as const) {
		const ratio = (median(scrapes[encoding]) / baseline).toFixed(1);
		console.log(
			`${apart}   ${encoding.padEnd(9)} CPU ${show(scrapes[encoding])}, ${ratio} x empty, ` +
				`${median(own[encoding]).toFixed(2)} above empty; latency ${percentiles(latencies[encoding])}`
		);
	}
	console.log(`over whole rounds      CPU ${show(wholeRounds)} for a scrape and an empty request`);
}

function show(values: readonly number[]): string {
	return `${median(values).toFixed(2)} ms median, ${mean(values).toFixed(2)} mean`;
}

async function printBackToBack(pid: number, workers: readonly Client[]): Promise<void> {
	const kinds: [string, (worker: Client) => Promise<Answer>][] = [
		['empty', empty],
		['identity', (worker) => scrape(worker, 'identity')],
		['gzip', (worker) => scrape(worker, 'gzip')],
	];
	let baseline = 0;
	for (const [kind, send] of kinds) {
		const { costMs, latencies } = await measureBackToBack(pid, workers, send);
		baseline ||= costMs;
		const ratio = (costMs / baseline).toFixed(1);
		console.log(
			`back to back  ${kind.padEnd(9)} CPU ${costMs.toFixed(2)} ms, ${ratio} x empty; latency ${percentiles(latencies)}`
		);
	}
}

async function measureBackToBack(
	pid: number,
	workers: readonly Client[],
	send: (worker: Client) => Promise<Answer>
): Promise<{ costMs: number; latencies: number[] }> {
	const costs: number[] = [];
	const latencies: number[] = [];
	for (let round = 0; round < 2; round++) {
		const startedAt = performance.now();
		const before = cpuMs(pid);
		let sent = 0;
		while (performance.now() - startedAt < 1000) {
			latencies.push((await send(workers[sent++ % workers.length]!)).tookMs);
		}
		const elapsed = performance.now() - startedAt;
		const busy = cpuMs(pid) - before;
		costs.push((busy - (await cpuDuring(pid, elapsed, nothing))) / sent);
	}
	return { costMs: mean(costs), latencies };
}

/** The longest time that a worker did not come to its event loop, and every child process that appeared meanwhile. */
async function measureStalls(
	pid: number,
	workers: readonly Client[]
): Promise<{ without: number; with: number; children: number }> {
	const children = new Set<string>();
	const watch = setInterval(() => {
		for (const child of childrenOf(pid)) children.add(child);
	}, 20);
	const without = await longestStall(workers, () => delay(6 * CYCLE_MS));
	const scraping = await longestStall(workers, () => spacedScrapes(workers, 6));
	clearInterval(watch);
	return { without, with: scraping, children: children.size };
}

async function longestStall(workers: readonly Client[], during: () => Promise<void>): Promise<number> {
	for (const worker of workers) await worker.send('/Inside/watch');
	await during();
	const stalls: number[] = [];
	for (const worker of workers) stalls.push((await worker.json<{ longestMs: number }>('/Inside/stall')).longestMs);
	return Math.max(...stalls);
}

async function spawnCalls(workers: readonly Client[]): Promise<number> {
	let calls = 0;
	for (const worker of workers) calls += (await worker.json<{ spawned: number }>('/Inside/who')).spawned;
	return calls;
}

/** Until the code is compiled as it is in a Harper that has been scraped for a day. */
async function warmUp(workers: readonly Client[]): Promise<void> {
	const endsAt = performance.now() + 3000;
	while (performance.now() < endsAt) {
		for (const worker of workers) {
			for (const encoding of ['identity', 'gzip'] as const) await scrape(worker, encoding);
			await empty(worker);
		}
	}
	await spacedScrapes(workers, 6);
}

async function spacedScrapes(workers: readonly Client[], cycles: number): Promise<void> {
	for (let cycle = 0; cycle < cycles; cycle++) {
		await delay(CYCLE_MS);
		for (const worker of workers) await scrape(worker, cycle % 2 === 0 ? 'identity' : 'gzip');
	}
}

async function profile(worker: Client, file: string): Promise<void> {
	await worker.send('/Inside/profile');
	await spacedScrapes([worker], 40);
	writeFileSync(file, (await worker.send('/Inside/profiled')).body);
}

async function cpuDuring(pid: number, milliseconds: number, act: () => Promise<void>): Promise<number> {
	const endsAt = performance.now() + milliseconds;
	const before = cpuMs(pid);
	await act();
	await delay(endsAt - performance.now());
	return cpuMs(pid) - before;
}

async function nothing(): Promise<void> {}

function empty(client: Client): Promise<Answer> {
	return checked(client.send('/Empty/'));
}

function scrape(client: Client, encoding: Encoding): Promise<Answer> {
	return checked(client.send('/custodian/metrics', { headers: encodings[encoding] }));
}

async function checked(answer: Promise<Answer>): Promise<Answer> {
	const { status } = await answer;
	if (status !== 200) throw new Error(`Status ${status}`);
	return answer;
}

function percentiles(values: readonly number[]): string {
	const sorted = [...values].sort((a, b) => a - b);
	const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1);
	return `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)} ms of ${sorted.length}`;
}

function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length / 2;
	return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle - 1)]!) / 2;
}

function mean(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function kilobytes(bytes: Uint8Array): string {
	return `${(bytes.length / 1024).toFixed(0)} KB`;
}

function loadAverage(): string {
	return loadavg()
		.map((load) => load.toFixed(2))
		.join(' ');
}
