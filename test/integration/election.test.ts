import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startHarper, type Harper } from '../support/harper.ts';
import { lineToEachWorker, type Line, type WorkerLine } from '../support/line.ts';
import { value } from '../support/openmetrics.ts';
import { traffic } from '../support/traffic.ts';
import { scrapeOf, untruths, withWitness } from '../support/truth.ts';
import { eventually } from '../support/wait.ts';

interface Checkpoint {
	readonly cursor: number;
	/** How often the thread that answers has saved, since the witness was loaded in it. */
	readonly saves: number;
}

let harper: Harper;

vi.setConfig({ testTimeout: 200_000 });

beforeAll(async () => {
	harper = await startHarper({ components: withWitness(), workers: 2 });
});

afterAll(() => harper[Symbol.asyncDispose]());

test('exactly one of two workers leads, and saves the counters', async () => {
	const lines = await lineToEachWorker(harper);
	const { leader, follower } = await findLeader(lines);
	for (const line of lines) expect(value(await scrapeOf(line), 'harper_custodian_leader')).toBe(1);
	expect((await checkpointOf(leader)).saves).toBeGreaterThan(0);
	expect((await checkpointOf(follower)).saves).toBe(0);
	for (const line of lines) line[Symbol.dispose]();
});

test('when the worker that leads dies, the other one leads within a second and saves at once', async () => {
	const lines = await lineToEachWorker(harper);
	const { leader, follower } = await findLeader(lines);
	const { cursor } = await checkpointOf(follower);
	await traffic(harper, 200);
	await leader.ask('/WitnessEnd', { method: 'POST' });
	const died = () =>
		leader.ask('/WitnessThread').then(
			() => false,
			() => true
		);
	await eventually(died, { describe: 'the worker that led is gone', intervalMs: 1 });
	const diedAt = performance.now();
	const after = await eventually(
		async () => {
			const checkpoint = await checkpointOf(follower);
			return checkpoint.saves > 0 && checkpoint;
		},
		{ describe: 'the other worker saves', intervalMs: 5 }
	);
	const tookMs = performance.now() - diedAt;
	console.log(`election: taken over and saved ${tookMs.toFixed(0)} ms after the leader's death`);
	expect(tookMs).toBeLessThan(5000);
	expect(after.cursor).toBeGreaterThanOrEqual(cursor);
	expect(value(await scrapeOf(follower), 'harper_custodian_leader')).toBe(1);
	for (const line of lines) line[Symbol.dispose]();
	// Harper starts another worker in place of the dead one.
	expect(await untruths(harper)).toEqual([]);
});

test('while the workers are replaced one after the other, no counter falls, and afterwards one leads', async () => {
	const least = new Map<string, number>();
	const fallen = new Set<string>();
	let scrapes = 0;
	const enough = new AbortController();
	const scraping = (async () => {
		while (!enough.signal.aborted) {
			const response = await harper.fetch('/metrics').catch(() => undefined);
			if (response?.ok !== true) continue;
			scrapes++;
			for (const line of (await response.text()).split('\n')) {
				// The folded ones: the log is the same for old workers and new.
				if (!/^harper_(?:http|operation|db|analytics)\w*_(?:total|count|bucket)\b/.test(line)) continue;
				const space = line.lastIndexOf(' ');
				const [series, number] = [line.slice(0, space), Number(line.slice(space + 1))];
				if (number < (least.get(series) ?? 0)) fallen.add(`${series} fell from ${least.get(series)} to ${number}`);
				least.set(series, number);
			}
		}
	})();
	const flow = traffic(harper, Infinity, undefined, enough.signal);
	await harper.restartWorkers();
	enough.abort();
	await Promise.all([scraping, flow]);
	expect(scrapes).toBeGreaterThan(10);
	expect(least.size).toBeGreaterThan(50);
	expect([...fallen].slice(0, 10)).toEqual([]);
	expect(await untruths(harper)).toEqual([]);
	const lines = await lineToEachWorker(harper);
	await findLeader(lines);
	for (const line of lines) line[Symbol.dispose]();
});

/** Who leads saves every minute, and nobody else does; a save before the witness was there goes unseen. */
async function findLeader(lines: readonly WorkerLine[]): Promise<{ leader: WorkerLine; follower: WorkerLine }> {
	return eventually(
		async () => {
			const saves = await Promise.all(lines.map(async (line) => (await checkpointOf(line)).saves > 0));
			if (saves.filter(Boolean).length !== 1) return false;
			return { leader: lines[saves.indexOf(true)]!, follower: lines[saves.indexOf(false)]! };
		},
		{ describe: 'exactly one worker saves', timeoutMs: 100_000, intervalMs: 200 }
	);
}

async function checkpointOf(line: Line): Promise<Checkpoint> {
	const checkpoint: Checkpoint = JSON.parse((await line.ask('/WitnessCheckpoint')).body.toString());
	return checkpoint;
}
