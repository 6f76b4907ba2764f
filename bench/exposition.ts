// What rendering a scrape costs, beside prom-client rendering the same samples, in one run.
import { gzipSync } from 'node:zlib';
import { Exposition } from '../lib/metrics/exposition.ts';
import type { Family, FamilyDefinition, FamilyType, Series } from '../lib/metrics/family.ts';
import { promClient } from '../test/support/prom-client.ts';

const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];

await main();

async function main(): Promise<void> {
	console.log(
		`Node ${process.version}. CPU milliseconds per scrape: the mean of a batch, the median of the batches.\n`
	);
	console.log('workload          lines     KB  case              ours   prom-client  ratio');
	for (const [name, make] of [
		['700 lines', () => workload(700)],
		['5,000 lines', () => workload(5_000)],
		['7,000 lines', () => workload(7_000)],
		['10,000 lines', () => workload(10_000)],
		['3,000 topics', () => topics(3_000)],
	] as const) {
		await compare(name, make);
	}
	console.log('\ngzip, CPU milliseconds (zlib, one call)   level 1          level 6');
	for (const lines of [700, 7_000]) {
		const body = new Exposition().render(workload(lines).families(), 'text').body;
		const cost = (level: number) => `${milliseconds(() => gzipSync(body, { level }))} ms`.padStart(9);
		const size = (level: number) => `${(gzipSync(body, { level }).length / 1024).toFixed(0)} KB`;
		console.log(
			`${lines} lines, ${(body.length / 1024).toFixed(0)} KB`.padEnd(42) +
				`${cost(1)} ${size(1)}  ${cost(6)} ${size(6)}`
		);
	}
}

async function compare(name: string, make: () => Workload): Promise<void> {
	const { families, change } = make();
	const exposition = new Exposition();
	const registry = promClient(families());
	const { body } = exposition.render(families(), 'text');
	const lines = body.toString().split('\n').length - 1;
	const theirs = await millisecondsAsync(() => registry.metrics());
	const cases: [string, () => unknown][] = [
		['cold', () => new Exposition().render(families(), 'text')],
		['all changed', () => (change(1), exposition.render(families(), 'text'))],
		['a tenth changed', () => (change(10), exposition.render(families(), 'text'))],
		['gauges made anew', () => exposition.render(families().map(remade), 'text')],
		['nothing changed', () => exposition.render(families(), 'text')],
	];
	for (const [label, run] of cases) {
		const ours = milliseconds(run);
		console.log(
			`${name.padEnd(14)} ${String(lines).padStart(8)} ${String(Math.round(body.length / 1024)).padStart(6)}  ` +
				`${label.padEnd(16)} ${ours.padStart(6)} ${theirs.padStart(11)} ${(Number(ours) / Number(theirs)).toFixed(3).padStart(8)}`
		);
	}
}

interface Workload {
	/** The same objects until `change` makes every n-th series, and its family, anew, as the fold does. */
	readonly families: () => readonly Family[];
	readonly change: (every: number) => void;
}

/** Half the lines in histograms, a quarter each in counters and gauges; thirty series a family. */
function workload(lines: number): Workload {
	const families: Family[] = [];
	const perHistogram = BOUNDS.length + 3;
	const histograms = Math.round(lines / 2 / perHistogram);
	const simple = Math.round(lines / 4);
	for (let start = 0; start < histograms; start += 30) {
		const definition = define(`harper_duration_${start}_seconds`, 'histogram');
		families.push({ definition, series: range(Math.min(30, histograms - start)).map(distribution) });
	}
	for (let start = 0; start < simple; start += 30) {
		const size = range(Math.min(30, simple - start));
		families.push({ definition: define(`harper_requests_${start}_total`, 'counter'), series: size.map(sample) });
		families.push({ definition: define(`harper_size_${start}_bytes`, 'gauge'), series: size.map(sample) });
	}
	return changing(families);
}

function topics(count: number): Workload {
	const definition = { ...define('harper_mqtt_messages_total', 'counter'), labels: ['topic', 'direction'] };
	const series = range(count).map((i) => ({
		labelValues: [`plants/hall-${i % 40}/machine-${i}/temperature`, 'received'],
		value: i * 17,
	}));
	return changing([{ definition, series }, ...workload(700).families()]);
}

function changing(initial: readonly Family[]): Workload {
	let families = initial;
	let round = 0;
	const change = (every: number) => {
		round++;
		let place = 0;
		families = families.map((family) => {
			const series = family.series.map((before) => (place++ % every === round % every ? grown(before, round) : before));
			return series.every((one, index) => one === family.series[index]) ? family : { ...family, series };
		});
	};
	return { families: () => families, change };
}

function grown(series: Series, round: number): Series {
	if ('value' in series) return { ...series, value: series.value + 1.25 };
	const buckets = Array.from(series.buckets);
	buckets[round % buckets.length]!++;
	return { ...series, buckets, count: series.count + 1 };
}

function define(name: string, type: FamilyType): FamilyDefinition {
	const help = `An example of a ${type}, with a sentence of help like any other.`;
	return {
		name,
		type,
		help,
		labels: ['path', 'method', 'node'],
		source: '',
		bounds: type === 'histogram' ? BOUNDS : [],
	};
}

function sample(i: number): Series {
	return { labelValues: labelsOf(i), value: i * 1001.5 };
}

function distribution(i: number): Series {
	const buckets = [...BOUNDS, Infinity].map((_, bucket) => (i + 1) * (bucket + 3) * 7);
	return { labelValues: labelsOf(i), buckets, sum: i * 12.345, count: buckets.reduce((a, b) => a + b, 0) };
}

function labelsOf(i: number): string[] {
	return [`/api/things/${i >> 2}`, METHODS[i % 4]!, 'node-1.example.org'];
}

/** As a collector yields it that reads its source afresh: new objects, the same facts. */
function remade(family: Family): Family {
	if (family.definition.type !== 'gauge') return family;
	return { ...family, series: family.series.map((series) => ({ ...series, labelValues: [...series.labelValues] })) };
}

function range(length: number): number[] {
	return Array.from({ length }, (_, i) => i);
}

function milliseconds(run: () => unknown): string {
	let rounds = 0;
	const warmUpEndsAt = performance.now() + 300;
	for (; performance.now() < warmUpEndsAt; rounds++) run();
	const batch = Math.max(1, Math.round(rounds / 10));
	return median(
		range(15).map(() => {
			const before = process.cpuUsage();
			for (let i = 0; i < batch; i++) run();
			return cpuSince(before) / batch;
		})
	);
}

async function millisecondsAsync(run: () => Promise<unknown>): Promise<string> {
	for (let i = 0; i < 20; i++) await run();
	const batches: number[] = [];
	for (let i = 0; i < 15; i++) {
		const before = process.cpuUsage();
		for (let j = 0; j < 5; j++) await run();
		batches.push(cpuSince(before) / 5);
	}
	return median(batches);
}

/** User and system time of all threads, so that garbage collection in the background counts as well. */
function cpuSince(before: NodeJS.CpuUsage): number {
	const { user, system } = process.cpuUsage(before);
	return (user + system) / 1000;
}

function median(values: number[]): string {
	return values.sort((a, b) => a - b)[values.length >> 1]!.toFixed(3);
}
