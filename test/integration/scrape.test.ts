import { expect, test } from 'vitest';
import { startHarper } from '../support/harper.ts';
import { Line, lineToEachWorker, type WorkerLine } from '../support/line.ts';
import { parse, value, type Parsed } from '../support/openmetrics.ts';
import { traffic } from '../support/traffic.ts';
import { scrapeOf, withWitness } from '../support/truth.ts';
import { eventually } from '../support/wait.ts';

const SCRAPES = 10_000;
const CLIENTS = 6;
const json = { 'content-type': 'application/json' };

/** One scrape, read quickly: which families it has, and everything in it that may only grow. */
interface Reading {
	readonly families: ReadonlySet<string>;
	readonly grows: ReadonlyMap<string, number>;
}

const nothing: Reading = { families: new Set(), grows: new Map() };

test(`${SCRAPES} scrapes by six clients at once, under traffic, lack nothing and never go backwards`, async () => {
	await using harper = await startHarper({ components: withWitness(), workers: 2 });
	const problems = new Set<string>();
	const floors = new Map<number, Reading>();
	const durations: number[] = [];
	let left = SCRAPES;
	let parsed = 0;

	const client = async (line: WorkerLine, accept: string, format: 'text' | 'openmetrics') => {
		while (left-- > 0) {
			// Whatever this worker had answered before this scrape began is the least that it may answer now.
			const floor = floors.get(line.threadId) ?? nothing;
			const startedAt = performance.now();
			const { status, body } = await line.ask('/metrics', { headers: { accept }, timeoutMs: 10_000 });
			durations.push(performance.now() - startedAt);
			if (status !== 200) problems.add(`answered ${status}`);
			const text = body.toString();
			if (durations.length % 50 === 0) {
				parse(text, format);
				parsed++;
			}
			const reading = read(text);
			for (const problem of regressions(floor, reading)) problems.add(problem);
			floors.set(line.threadId, merge(floors.get(line.threadId) ?? nothing, reading));
		}
	};

	// A first run makes the families that come with the first request of their kind.
	const tally = { answered: 0, unanswered: 0 };
	await traffic(harper, 200, tally);
	const lines: WorkerLine[] = [];
	for (let index = 0; index < CLIENTS / 2; index++) lines.push(...(await lineToEachWorker(harper)));
	const enough = new AbortController();
	const flow = traffic(harper, Infinity, tally, enough.signal);
	const startedAt = performance.now();
	await Promise.all(
		lines.map((line, index) =>
			index % 2 === 0
				? client(line, 'text/plain', 'text')
				: client(line, 'application/openmetrics-text;version=1.0.0', 'openmetrics')
		)
	);
	enough.abort();
	await flow;
	const seconds = (performance.now() - startedAt) / 1000;
	for (const line of lines) line[Symbol.dispose]();
	durations.sort((a, b) => a - b);
	const at = (share: number) => durations[Math.floor(durations.length * share)]?.toFixed(1);
	console.log(
		`scrape: ${durations.length} in ${seconds.toFixed(1)} s beside ${tally.answered} requests, ` +
			`p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${durations.at(-1)?.toFixed(0)} ms, ${parsed} parsed whole`
	);
	expect([...problems].slice(0, 20)).toEqual([]);
	expect(durations.length).toBe(SCRAPES);
}, 300_000);

test('one client that changes workers with every scrape never sees a counter fall', async () => {
	await using harper = await startHarper({ components: withWitness(), workers: 2 });
	const lines = await lineToEachWorker(harper);
	const enough = new AbortController();
	const flow = traffic(harper, Infinity, undefined, enough.signal);
	const problems = new Map<string, number>();
	let floor = nothing;
	for (let scrape = 0; scrape < 600; scrape++) {
		const reading = read((await lines[scrape % 2]!.ask('/metrics')).body.toString());
		for (const problem of regressions(floor, reading)) {
			const family = problem.split(/[ {]/)[0]!;
			problems.set(family, (problems.get(family) ?? 0) + 1);
		}
		floor = merge(floor, reading);
	}
	enough.abort();
	await flow;
	for (const line of lines) line[Symbol.dispose]();
	expect([...problems]).toEqual([]);
});

const hostile = [
	'quote " quote',
	'back\\slash \\" \\n',
	'line\nfeed\r\n\ttab',
	'ümläut 漢字 🦊 \u202e',
	'half \ud83d and \udc00 alone',
	'nul \0 nul',
	'{le="1"} 5\n# TYPE x counter',
	'  ',
	'other',
	'x'.repeat(5000),
];

test('label values that strangers choose are read back as they were, but for what no format can hold', async () => {
	await using harper = await startHarper({ components: withWitness(), workers: 2 });
	const [line, second] = await lineToEachWorker(harper);
	const records = hostile.flatMap((text, index) => [
		[index, 'hostile', text, text, text],
		[true, `hostile ${text}`, text],
		[{ [text]: 5 }, 'measure', text],
	]);
	await line!.ask('/WitnessRecord', { method: 'POST', headers: json, body: JSON.stringify(records) });
	using operations = new Line(harper.operationsUrl);
	for (const operation of hostile) {
		await operations.ask('/', { method: 'POST', headers: json, body: JSON.stringify({ operation }) });
	}
	const shown = (scrape: Parsed) =>
		hostile.map((text) => {
			const label = text.toWellFormed().replaceAll('\0', '\uFFFD').slice(0, 200);
			return value(scrape, 'harper_custom_observations_count', {
				metric: 'hostile',
				path: label,
				method: label,
				type: label,
			});
		});
	const scrape = await eventually(
		async () => {
			const candidate = await scrapeOf(second!);
			return shown(candidate).some((count) => count !== undefined) && candidate;
		},
		{ describe: 'the recorded values are shown' }
	);
	expect(hostile.filter((_, index) => shown(scrape)[index] !== 1)).toEqual([]);
	const { body } = await line!.ask('/metrics', { headers: { accept: 'application/openmetrics-text' } });
	expect(shown(parse(body, 'openmetrics'))).toEqual(hostile.map(() => 1));
	for (const each of [line!, second!]) each[Symbol.dispose]();
});

/** Reads line by line, by the types that the text itself names. */
function read(text: string): Reading {
	const families = new Set<string>();
	const grows = new Map<string, number>();
	let growing = false;
	for (const line of text.split('\n')) {
		if (line.startsWith('# TYPE ')) {
			const [, , name = '', type] = line.split(' ');
			families.add(name.replace(/_total$/, ''));
			growing = type !== 'gauge';
		} else if (growing && line !== '' && !line.startsWith('#')) {
			const space = line.lastIndexOf(' ');
			grows.set(line.slice(0, space), Number(line.slice(space + 1)));
		}
	}
	return { families, grows };
}

function regressions(floor: Reading, reading: Reading): string[] {
	return [
		...[...floor.families].filter((family) => !reading.families.has(family)).map((family) => `${family} is gone`),
		...[...floor.grows]
			.filter(([series, least]) => !((reading.grows.get(series) ?? -1) >= least))
			.map(([series, least]) => `${series} fell from ${least} to ${reading.grows.get(series)}`),
	];
}

function merge(one: Reading, other: Reading): Reading {
	const grows = new Map(one.grows);
	for (const [series, number] of other.grows) grows.set(series, Math.max(number, grows.get(series) ?? 0));
	return { families: new Set([...one.families, ...other.families]), grows };
}
