import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPERATION_NAMES } from '../../lib/metrics/fold/operation-names.ts';
import { builtComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { Line, lineToEachWorker, type Question } from '../support/line.ts';
import { parse, total, type Parsed } from '../support/openmetrics.ts';
import { readRawLog, seriesName, sumRawLog, SUMMED, type RawRow } from '../support/raw-log.ts';
import { eventually } from '../support/wait.ts';

const components = [
	{ name: 'harper-custodian', source: builtComponent() },
	{ name: 'witness', source: join(import.meta.dirname, '../support/fixtures/witness') },
];
const json = { 'content-type': 'application/json' };
const known = new Set(OPERATION_NAMES);

/** Nothing serves this, and Harper does not record what nothing served. */
const NOWHERE = '/nowhere';

/** What clients do, over and over: to the HTTP server, and to the operations API. */
const things: readonly (readonly [path: string, question?: Question])[] = [
	['/Thing/1', { method: 'PUT', headers: json, body: JSON.stringify({ id: '1', name: 'One', size: 1 }) }],
	['/Thing/1'],
	['/Thing/1', { method: 'PATCH', headers: json, body: JSON.stringify({ size: 2 }) }],
	['/Thing/?name=One'],
	['/Thing/missing'],
	['/Thing/1', { user: null }],
	['/Thing/2', { method: 'PUT', headers: json, body: JSON.stringify({ id: '2', size: 'no number' }) }],
	['/Thing/1', { method: 'HEAD' }],
	['/Thing/1', { method: 'DELETE' }],
	['/Echo?size=2000'],
	['/Echo?status=201', { method: 'POST', headers: json, body: '{}' }],
	['/Echo?status=418', { method: 'PUT', headers: json, body: '{}' }],
	['/Echo?status=503', { method: 'PATCH', headers: json, body: '{}' }],
	['/Echo?status=202', { method: 'DELETE' }],
	[NOWHERE],
];
const operations: readonly Question[] = [
	{ operation: 'search_by_id', database: 'witness', table: 'Thing', ids: ['1'], get_attributes: ['*'] },
	{ operation: 'upsert', database: 'witness', table: 'Thing', records: [{ id: '3', name: 'Three' }] },
	{ operation: 'user_info' },
	{ operation: 'no_such_operation' },
	{ operation: 'describe_table', database: 'witness', table: 'Nothing' },
].map((body) => ({ method: 'POST', headers: json, body: JSON.stringify(body) }));

describe('counters over restarts and kills', () => {
	let harper: Harper;
	const tally = { answered: 0, unanswered: 0 };
	beforeAll(async () => {
		harper = await startHarper({ components, workers: 2 });
	});
	afterAll(async () => {
		console.log(`truth: ${tally.answered} requests answered, ${tally.unanswered} cut off`);
		await harper[Symbol.asyncDispose]();
	});

	test('what was sent in peace is counted, but for what Harper says that it loses', async () => {
		expect(await miscounted(harper, 4000, tally)).toEqual([]);
	});

	test('every worker agrees with the raw log', async () => {
		expect(await untruths(harper)).toEqual([]);
	});

	test('every worker agrees with the raw log after the workers were replaced under traffic', async () => {
		await Promise.all([traffic(harper, 2500, tally), harper.restartWorkers()]);
		expect(await untruths(harper)).toEqual([]);
	});

	test('every worker agrees with the raw log after the process was restarted under traffic', async () => {
		const answered = tally.answered;
		const sent = traffic(harper, 20_000, tally);
		await eventually(() => tally.answered > answered + 1500, { describe: 'traffic flows' });
		await harper.restart();
		await sent;
		expect(await untruths(harper)).toEqual([]);
	});

	test('every worker agrees with the raw log after a SIGKILL under traffic', async () => {
		const answered = tally.answered;
		const sent = traffic(harper, 20_000, tally);
		await eventually(() => tally.answered > answered + 1500, { describe: 'traffic flows' });
		await harper.kill();
		await sent;
		await harper.start();
		expect(await untruths(harper)).toEqual([]);
	});

	test('and goes on counting what is sent', async () => {
		expect(await miscounted(harper, 2500, tally)).toEqual([]);
		expect(await untruths(harper)).toEqual([]);
		expect(tally.answered).toBeGreaterThanOrEqual(10_000);
	});
});

describe('custom metrics', () => {
	const recorded = [
		[0.5, 'brew', 'bar/espresso', 'POST', 'hot'],
		[2, 'brew', 'bar/espresso', 'POST', 'hot'],
		[12, 'brew', 'bar/tea', 'POST', 'hot'],
		[true, 'paid', 'bar/tea'],
		[true, 'paid', 'bar/tea'],
		[false, 'paid', 'bar/tea'],
		[{ total: 3, count: 4 }, 'poured', 'bar/tea'],
		[{ 'depth': 9, 'fill-level': 0.25 }, 'queue', 'bar'],
		[7, 'unmapped', ['bar', 'tea'], 'GET'],
	];

	test('recorded by an application, they need no configuration', async () => {
		await using harper = await startHarper({ components, workers: 2 });
		const { scrape, threadId } = await scrapeAfterRecording(harper, recorded);
		expect(customSeries(scrape)).toEqual({
			'harper_custom_observations_count{method=POST,metric=brew,path=bar/espresso,type=hot}': 2,
			'harper_custom_observations_sum{method=POST,metric=brew,path=bar/espresso,type=hot}': 2.5,
			'harper_custom_observations_count{method=POST,metric=brew,path=bar/tea,type=hot}': 1,
			'harper_custom_observations_sum{method=POST,metric=brew,path=bar/tea,type=hot}': 12,
			'harper_custom_observations_count{method=GET,metric=unmapped,path=bar,tea}': 1,
			'harper_custom_observations_sum{method=GET,metric=unmapped,path=bar,tea}': 7,
			'harper_custom_events_total{metric=paid,path=bar/tea}': 3,
			'harper_custom_true_total{metric=paid,path=bar/tea}': 2,
			'harper_custom_events_total{metric=poured,path=bar/tea}': 4,
			'harper_custom_true_total{metric=poured,path=bar/tea}': 3,
			[`harper_custom_measure{field=depth,metric=queue,path=bar,thread=${threadId}}`]: 9,
			[`harper_custom_measure{field=fill-level,metric=queue,path=bar,thread=${threadId}}`]: 0.25,
		});
	});

	test('and with a mapping they become families of their own', async () => {
		const path = (label: string, index: number) => ({ label, from: 'path', delimiter: '/', index });
		const custom = [
			{
				metric: 'brew',
				name: 'bar_brew_seconds',
				help: 'Time to brew.',
				type: 'histogram',
				bounds: [1, 10],
				labels: [path('place', 0), path('drink', 1)],
			},
			{
				metric: 'paid',
				name: 'bar_paid_total',
				help: 'Paid.',
				type: 'counter',
				count: 'true',
				labels: [path('drink', 1)],
			},
			{
				metric: 'unmapped',
				name: 'harper_custom_parts',
				help: 'Parts of a list.',
				labels: [{ label: 'second', from: 'path', index: 1 }],
			},
		];
		await using harper = await startHarper({ components, workers: 2, config: { custodian: { metrics: { custom } } } });
		const { scrape, threadId } = await scrapeAfterRecording(harper, recorded);
		expect(customSeries(scrape)).toEqual({
			'bar_brew_seconds_bucket{drink=espresso,le=1.0,place=bar}': 1,
			'bar_brew_seconds_bucket{drink=espresso,le=10.0,place=bar}': 2,
			'bar_brew_seconds_bucket{drink=espresso,le=+Inf,place=bar}': 2,
			'bar_brew_seconds_count{drink=espresso,place=bar}': 2,
			'bar_brew_seconds_sum{drink=espresso,place=bar}': 2.5,
			'bar_brew_seconds_bucket{drink=tea,le=1.0,place=bar}': 0,
			'bar_brew_seconds_bucket{drink=tea,le=10.0,place=bar}': 0,
			'bar_brew_seconds_bucket{drink=tea,le=+Inf,place=bar}': 1,
			'bar_brew_seconds_count{drink=tea,place=bar}': 1,
			'bar_brew_seconds_sum{drink=tea,place=bar}': 12,
			'bar_paid_total{drink=tea}': 2,
			'harper_custom_parts_count{second=tea}': 1,
			'harper_custom_parts_sum{second=tea}': 7,
			'harper_custom_events_total{metric=poured,path=bar/tea}': 4,
			'harper_custom_true_total{metric=poured,path=bar/tea}': 3,
			[`harper_custom_measure{field=depth,metric=queue,path=bar,thread=${threadId}}`]: 9,
			[`harper_custom_measure{field=fill-level,metric=queue,path=bar,thread=${threadId}}`]: 0.25,
		});
	});

	/** Records in one worker, and scrapes the other when the report of the first is in the log. */
	async function scrapeAfterRecording(harper: Harper, records: unknown) {
		const [one, other] = await lineToEachWorker(harper);
		await one!.ask('/WitnessRecord', { method: 'POST', headers: json, body: JSON.stringify(records) });
		const scrape = await eventually(
			async () => {
				const candidate = await scrapeOf(other!);
				return total(candidate, 'harper_custom_events_total') > 0 && candidate;
			},
			{ describe: 'the other worker shows what the one recorded' }
		);
		for (const line of [one!, other!]) line[Symbol.dispose]();
		return { scrape, threadId: one!.threadId };
	}

	function customSeries(scrape: Parsed): Record<string, number> {
		const custom = [...scrape.values()]
			.flatMap(({ samples }) => samples)
			.filter(({ name }) => name.startsWith('bar_') || name.startsWith('harper_custom_'));
		return Object.fromEntries(custom.map(({ name, labels, value }) => [seriesName(name, labels), value]));
	}
});

interface Tally {
	answered: number;
	unanswered: number;
}

/** The answers of HTTP by method and status code, and how many operations there were, as the clients saw them. */
type Answers = Record<string, number>;

const CLIENTS = 6;

/** Sends up to `count` requests over a few lines. Clients give up when nobody listens any more. */
async function traffic(harper: Harper, count: number, tally: Tally): Promise<Answers> {
	const answers: Answers = {};
	let left = count;
	const client = async (index: number) => {
		using http = new Line(harper.httpUrl);
		using operationsApi = new Line(harper.operationsUrl);
		for (let turn = index * 7; left > 0; turn++) {
			left--;
			const [path, question] = things[turn % things.length]!;
			const isOperation = turn % 4 === 0;
			try {
				const { status } = isOperation
					? await operationsApi.ask('/', operations[(turn / 4) % operations.length])
					: await http.ask(path, question);
				tally.answered++;
				if (path === NOWHERE && !isOperation) continue;
				const name = isOperation ? `operation ${status}` : `${question?.method ?? 'GET'} ${status}`;
				answers[name] = (answers[name] ?? 0) + 1;
			} catch (error) {
				tally.unanswered++;
				if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return;
			}
		}
	};
	await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
	return answers;
}

/**
 * Harper loses a little under load (see HELP): 97 of 100 are there, none is there that was not sent, and what Harper's
 * log shows to be lost is not more than what really is.
 */
async function miscounted(harper: Harper, count: number, tally: Tally): Promise<string[]> {
	const before = await settledLog(harper);
	const sent = await traffic(harper, count, tally);
	const rows = (await settledLog(harper)).slice(before.length);
	const counted: Answers = {};
	for (const { metric, path, method, type, count: answers = 0 } of rows.flatMap((row) => row.metrics)) {
		if (!metric.startsWith('response_') || String(path).startsWith('Witness')) continue;
		const name = `${type === 'operation' ? 'operation' : String(method)} ${metric.slice('response_'.length)}`;
		counted[name] = (counted[name] ?? 0) + answers;
	}
	const explained = sumRawLog(rows, known)[
		seriesName('harper_analytics_lost_observations_total', { metric: 'response_*' })
	];
	console.log(`truth: ${sumOf(sent)} sent, ${sumOf(counted)} logged, ${explained ?? 0} lost responses visible`);
	const names = new Set([...Object.keys(sent), ...Object.keys(counted)]);
	const wrong = [...names].filter((name) => {
		const [there, asked] = [counted[name] ?? 0, sent[name] ?? 0];
		return there > asked || there < asked * 0.97 - 3;
	});
	const overexplained = sumOf(counted) + (explained ?? 0) > sumOf(sent) ? [`${explained} losses are claimed`] : [];
	return [...wrong.map((name) => `${name}: sent ${sent[name]}, counted ${counted[name]}`), ...overexplained];
}

/** The raw log when it holds everything that has been done before the call. */
async function settledLog(harper: Harper): Promise<RawRow[]> {
	const now = Date.now();
	const lines = await lineToEachWorker(harper);
	try {
		return await eventually(
			async () => {
				// A thread that does anything reports within a second, and then all that it did before.
				await Promise.all(lines.map((line) => line.ask('/WitnessThread')));
				const rows = await readRawLog(lines[0]!);
				return lines.every(({ threadId }) => rows.some((row) => row.threadId === threadId && row.time > now)) && rows;
			},
			{ describe: 'every thread has reported', intervalMs: 100 }
		);
	} finally {
		for (const line of lines) line[Symbol.dispose]();
	}
}

function sumOf(answers: Answers): number {
	return Object.values(answers).reduce((sum, count) => sum + count, 0);
}

/** Where a worker differs from the naive sum over the very rows that it says it has folded, which must be all there are. */
async function untruths(harper: Harper): Promise<string[]> {
	const lines = await lineToEachWorker(harper);
	const before = await readRawLog(lines[0]!);
	const scrapes = await Promise.all(
		lines.map((line) =>
			eventually(
				async () => {
					const scrape = await scrapeOf(line);
					return total(scrape, 'harper_analytics_rows_total') >= before.length && scrape;
				},
				{ describe: `worker ${line.threadId} has folded ${before.length} rows` }
			)
		)
	);
	const after = await readRawLog(lines[0]!);
	for (const line of lines) line[Symbol.dispose]();
	return scrapes.flatMap((scrape, worker) => {
		const folded = after.slice(0, total(scrape, 'harper_analytics_rows_total'));
		const [shown, summed] = [seriesOf(scrape), naiveSeries(folded)];
		const names = [...new Set([...Object.keys(shown), ...Object.keys(summed)])];
		return [
			...names
				.filter((name) => shown[name] !== summed[name])
				.map((name) => `${name}: ${shown[name]}, log ${summed[name]}`),
			...uncounted(scrape, 'harper_http_request_duration_seconds_count', 'harper_http_requests_total'),
			...uncounted(scrape, 'harper_operation_duration_seconds_count', 'harper_operations_total'),
		].map((difference) => `worker ${worker}: ${difference}`);
	});
}

function uncounted(scrape: Parsed, histogram: string, counter: string): string[] {
	const [observed, counted] = [total(scrape, histogram), total(scrape, counter)];
	return observed === counted && counted > 0 ? [] : [`${histogram} ${observed}, ${counter} ${counted}`];
}

async function scrapeOf(line: Line): Promise<Parsed> {
	const { status, body } = await line.ask('/metrics');
	expect(status).toBe(200);
	return parse(body, 'text');
}

function seriesOf(scrape: Parsed): Record<string, number> {
	const facts: Record<string, number> = {};
	for (const { samples } of scrape.values()) {
		for (const { name, labels, value } of samples)
			if (SUMMED.test(name)) facts[seriesName(name, labels)] = rounded(value);
	}
	return facts;
}

function naiveSeries(rows: readonly RawRow[]): Record<string, number> {
	return Object.fromEntries(Object.entries(sumRawLog(rows, known)).map(([name, value]) => [name, rounded(value)]));
}

/** Whole numbers stay as they are; sums of seconds are compared to twelve digits. */
function rounded(value: number): number {
	return Number.isInteger(value) ? value : Number(value.toPrecision(12));
}
