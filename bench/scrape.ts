// What a scrape costs the Harper that answers it. docs/benchmarks.md says how to read the figures.
//   --only <text>      scenarios whose name contains the text
//   --rounds <n>       more rounds, less noise (6)
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

/** Longer than any reading of a collector is kept for a second scrape, so that each scrape reads afresh. */
const CYCLE_MS = 1100;
/** In a cycle: a scrape of each worker, nothing, empty requests to each worker, nothing. */
const WINDOW_MS = 200;
const CYCLES_PER_ROUND = 5;
/** One alone would drown in what an idle Harper does. */
const EMPTIES = 10;
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
	loads: [atRest, (harper) => publishing(harper, TOPICS, 100)],
});
const subjects: Readonly<Record<string, Subject>> = {
	'6 tables': http(6),
	'200 tables': http(200),
	'3,000 topics, first level (default)': mqtt({}),
	'3,000 topics, each a label': mqtt({ topicLevels: 4, maxSeriesPerFamily: 5000 }),
};

const { values: flags } = parseArgs({
	options: { only: { type: 'string', default: '' }, rounds: { type: 'string' }, profile: { type: 'string' } },
});
const rounds = Number(flags.rounds ?? 6);

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
	for (const encoding of ['identity', 'gzip'] as const) {
		const { perScrapeMs, latencies } = await measureBackToBack(pid, workers, encoding);
		console.log(
			`back to back   ${encoding.padEnd(9)} CPU ${perScrapeMs.toFixed(2)} ms; latency ${percentiles(latencies)}`
		);
	}
	const stalls = await measureStalls(pid, workers);
	console.log(
		`longest event-loop stall: ${stalls.without.toFixed(1)} ms without scrapes, ${stalls.with.toFixed(1)} ms with; ` +
			`child processes seen ${stalls.children}, spawn calls in the workers ${await spawnCalls(workers)}`
	);
}

interface Spaced {
	/** Of each cycle: CPU of a scrape, over that of nothing. */
	readonly scrapes: Readonly<Record<Encoding, number[]>>;
	readonly empties: number[];
	/** Of each round: the same over whole rounds with and without scrapes, which takes in what comes after the window. */
	readonly rounds: number[];
	readonly latencies: Readonly<Record<Encoding, number[]>>;
}

/** Rounds with requests and rounds without take turns. */
async function measureSpaced(pid: number, workers: readonly Client[]): Promise<Spaced> {
	const spaced: Spaced = {
		scrapes: { identity: [], gzip: [] },
		empties: [],
		rounds: [],
		latencies: { identity: [], gzip: [] },
	};
	const empty = async () => {
		for (const worker of workers) {
			for (let n = 0; n < EMPTIES; n++) await checked(worker.send('/Empty/'));
		}
	};
	for (let round = 0; round < rounds; round++) {
		const scrapeAll = async (encoding: Encoding) => {
			for (const worker of workers) spaced.latencies[encoding].push((await scrape(worker, encoding)).tookMs);
		};
		const emptyBefore = spaced.empties.length;
		const withRequests = await cpuDuring(pid, CYCLES_PER_ROUND * CYCLE_MS, async () => {
			for (let cycle = 0; cycle < CYCLES_PER_ROUND; cycle++) {
				const startedAt = performance.now();
				const encoding: Encoding = (round + cycle) % 2 === 0 ? 'identity' : 'gzip';
				const during: number[] = [];
				for (const [index, act] of [() => scrapeAll(encoding), nothing, empty, nothing].entries()) {
					await delay(startedAt + (index * CYCLE_MS) / 4 - performance.now());
					during.push(await cpuDuring(pid, WINDOW_MS, act));
				}
				const [scraping, before, emptying, after] = during as [number, number, number, number];
				spaced.scrapes[encoding].push((scraping - before) / workers.length);
				spaced.empties.push((emptying - after) / workers.length / EMPTIES);
				await delay(startedAt + CYCLE_MS - performance.now());
			}
		});
		const without = await cpuDuring(pid, CYCLES_PER_ROUND * CYCLE_MS, nothing);
		const scrapes = CYCLES_PER_ROUND * workers.length;
		spaced.rounds.push((withRequests - without) / scrapes - EMPTIES * mean(spaced.empties.slice(emptyBefore)));
	}
	return spaced;
}

function printSpaced({ scrapes, empties, rounds: wholeRounds, latencies }: Spaced): void {
	const empty = median(empties);
	console.log(`empty request            CPU ${empty.toFixed(2)} ms (median of ${empties.length})`);
	for (const encoding of ['identity', 'gzip'] as const) {
		const cost = median(scrapes[encoding]);
		console.log(
			`1.1 s apart    ${encoding.padEnd(9)} CPU ${cost.toFixed(2)} ms median, ${mean(scrapes[encoding]).toFixed(2)} mean, ` +
				`${(cost / empty).toFixed(1)} x empty; latency ${percentiles(latencies[encoding])}`
		);
	}
	console.log(`over whole rounds        CPU ${median(wholeRounds).toFixed(2)} ms median, both encodings`);
}

async function measureBackToBack(
	pid: number,
	workers: readonly Client[],
	encoding: Encoding
): Promise<{ perScrapeMs: number; latencies: number[] }> {
	const costs: number[] = [];
	const latencies: number[] = [];
	for (let round = 0; round < 3; round++) {
		const startedAt = performance.now();
		let scrapesDone = 0;
		const before = cpuMs(pid);
		while (performance.now() - startedAt < 1000) {
			latencies.push((await scrape(workers[scrapesDone++ % workers.length]!, encoding)).tookMs);
		}
		const elapsed = performance.now() - startedAt;
		const busy = cpuMs(pid) - before;
		costs.push((busy - (await cpuDuring(pid, elapsed, nothing))) / scrapesDone);
	}
	return { perScrapeMs: median(costs), latencies };
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
	const without = await longestStall(workers, () => delay(8 * CYCLE_MS));
	const scraping = await longestStall(workers, () => spacedScrapes(workers, 8));
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
			await checked(worker.send('/Empty/'));
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
