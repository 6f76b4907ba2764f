import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHarper, type Harper } from '../support/harper.ts';
import { lineToEachWorker } from '../support/line.ts';
import { total, type Parsed } from '../support/openmetrics.ts';
import { seriesName } from '../support/raw-log.ts';
import { long } from '../support/run.ts';
import { traffic } from '../support/traffic.ts';
import { forget, miscounted, scrapeOf, untruths, withWitness } from '../support/truth.ts';
import { eventually } from '../support/wait.ts';

const components = withWitness();
const json = { 'content-type': 'application/json' };

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
		await forget(harper);
		await harper.restart();
		await sent;
		expect(await untruths(harper)).toEqual([]);
	});

	test('every worker agrees with the raw log after a SIGKILL under traffic', async () => {
		const answered = tally.answered;
		const sent = traffic(harper, 20_000, tally);
		await eventually(() => tally.answered > answered + 1500, { describe: 'traffic flows' });
		await forget(harper);
		await harper.kill();
		await sent;
		await harper.start();
		expect(await untruths(harper)).toEqual([]);
	});

	test.each(Array.from({ length: long ? 20 : 2 }, (_, kill) => kill + 1))(
		'every worker agrees with the raw log after a SIGKILL at a random instant, number %i',
		async () => {
			const instant = tally.answered + Math.floor(Math.random() * 1000);
			const sent = traffic(harper, 20_000, tally);
			await eventually(() => tally.answered > instant, { describe: 'the instant comes', intervalMs: 1 });
			await harper.kill();
			await sent;
			await harper.start();
			expect(await untruths(harper)).toEqual([]);
		}
	);

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
