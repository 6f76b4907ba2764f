import { join } from 'node:path';
import { OPERATION_NAMES } from '../../lib/metrics/fold/operation-names.ts';
import { builtComponent } from './component.ts';
import type { Harper } from './harper.ts';
import { lineToEachWorker, type Line } from './line.ts';
import { parse, total, type Parsed } from './openmetrics.ts';
import { readRawLog, seriesName, sumRawLog, SUMMED, type RawRow } from './raw-log.ts';
import { traffic, type Answers, type Tally } from './traffic.ts';
import { eventually } from './wait.ts';

const known = new Set(OPERATION_NAMES);

/** The component, and beside it the one that lets a test look inside. */
export function withWitness(): { name: string; source: string }[] {
	return [
		{ name: 'harper-custodian', source: builtComponent() },
		{ name: 'witness', source: join(import.meta.dirname, 'fixtures/witness') },
	];
}

/** Rows of each Harper that a test has since removed from its log, as Harper itself does after an hour. */
const forgotten = new WeakMap<Harper, RawRow[]>();

/**
 * Removes the older half of the rows that the checkpoint holds: from now on only who goes on from it has them. Call it
 * just before an end, for a worker that has not read them yet would miss them, as none does that has an hour.
 */
export async function forget(harper: Harper): Promise<void> {
	const [line, ...others] = await lineToEachWorker(harper, 1);
	const { status, body } = await line!.ask('/WitnessLog', { method: 'DELETE' });
	for (const each of [line!, ...others]) each[Symbol.dispose]();
	if (status !== 200) throw new Error(`The rows stay: ${status}`);
	const rows: RawRow[] = JSON.parse(body.toString());
	forgotten.set(harper, [...(forgotten.get(harper) ?? []), ...rows]);
}

/** Where a worker differs from the naive sum over the very rows that it says it has folded, which must be all there are. */
export async function untruths(harper: Harper): Promise<string[]> {
	const lines = await lineToEachWorker(harper);
	const older = forgotten.get(harper) ?? [];
	const before = [...older, ...(await readRawLog(lines[0]!))];
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
	const after = [...older, ...(await readRawLog(lines[0]!))];
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

export async function scrapeOf(line: Line): Promise<Parsed> {
	const { status, body } = await line.ask('/metrics');
	if (status !== 200) throw new Error(`/metrics answered ${status}: ${body.toString()}`);
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

/**
 * Harper loses a little under load (see HELP): 97 of 100 are there, none is there that was not sent, and what Harper's
 * log shows to be lost is not more than what really is.
 */
export async function miscounted(harper: Harper, count: number, tally: Tally): Promise<string[]> {
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
