import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Sample } from '../../../lib/metrics/family.ts';
import { Follower, type CheckpointStore } from '../../../lib/metrics/fold/follower.ts';
import { request, row } from './rows.ts';

const MINUTE = 60_000;
const configuration = { maxSeriesPerFamily: 1000, topicLevels: 1, operations: new Set<string>(), custom: [] };

/** A Harper of one process: its log, its clock, its table of checkpoints, and how many workers one likes. */
class FakeHarper {
	now = 1_800_000_000_000;
	readonly rows = new Map<number, unknown>();
	readonly warnings: string[] = [];
	stored: { cursor: number; text: string } | undefined;
	process = 1;
	requests = 0;

	record(count = 1, at = this.now): void {
		let key = at;
		while (this.rows.has(key)) key += 0.001;
		this.rows.set(
			key,
			row(
				1,
				request(
					'Dog',
					'GET',
					200,
					Array.from({ length: count }, () => 1)
				)
			)
		);
		this.requests += count;
	}

	/** As Harper does: what is older than an hour goes, but only every so often. */
	purge(lagMs = 0): void {
		for (const key of this.rows.keys()) if (key < this.now - 60 * MINUTE - lagMs) this.rows.delete(key);
	}

	worker(): Follower {
		const checkpoints: CheckpointStore = {
			cursor: () => this.stored?.cursor,
			load: () => this.stored?.text,
			save: async (cursor, _, text) => {
				this.stored = { cursor, text };
			},
		};
		return new Follower(configuration, {
			checkpoints,
			log: {
				keys: (after, limit) =>
					[...this.rows.keys()]
						.filter((key) => key > after)
						.sort((x, y) => x - y)
						.slice(0, limit),
				row: (key) => this.rows.get(key),
			},
			clock: { now: () => this.now, monotonic: () => this.now },
			pause: async () => {},
			process: { id: String(this.process), startedAt: 0 },
			warn: (message) => this.warnings.push(message),
		});
	}
}

function total(follower: Follower, name: string): number {
	const family = follower.families(new Set()).find(({ definition }) => definition.name === name);
	return (family?.series ?? []).reduce((sum, series) => sum + (series as Sample).value, 0);
}

async function requestsSeenBy(follower: Follower): Promise<number> {
	await follower.advance();
	return total(follower, 'harper_http_requests_total');
}

describe('the follower of the raw analytics log', () => {
	let harper: FakeHarper;

	beforeEach(() => {
		harper = new FakeHarper();
	});

	it('counts nothing before the elected worker has begun, so that all begin with the same row', async () => {
		const other = harper.worker();
		harper.record(3);
		expect(await requestsSeenBy(other)).toBe(0);
		await harper.worker().save();
		expect(await requestsSeenBy(other)).toBe(3);
	});

	it('shows every worker the same from the first row on, also where the log was empty at first', async () => {
		const [leader, other] = [harper.worker(), harper.worker()];
		await leader.save();
		expect(await requestsSeenBy(other)).toBe(0);
		harper.now += 1000;
		harper.record(3);
		expect([await requestsSeenBy(leader), await requestsSeenBy(other)]).toEqual([3, 3]);
	});

	it('counts every row once, however often it looks', async () => {
		const worker = harper.worker();
		harper.record(3);
		await worker.save();
		expect(await requestsSeenBy(worker)).toBe(3);
		expect(await requestsSeenBy(worker)).toBe(3);
		harper.now += 1000;
		harper.record(2);
		expect(await requestsSeenBy(worker)).toBe(5);
	});

	it('reads logs longer than one batch', async () => {
		for (let i = 0; i < 1234; i++) harper.record();
		await harper.worker().save();
		expect(await requestsSeenBy(harper.worker())).toBe(1234);
	});

	it('goes on from the checkpoint after the process was killed', async () => {
		harper.record(5);
		await harper.worker().save();
		harper.now += 1000;
		harper.record(7);
		harper.process += 1;
		expect(await requestsSeenBy(harper.worker())).toBe(12);
	});

	it('keeps its totals when the log has forgotten what they came from', async () => {
		harper.record(5);
		await harper.worker().save();
		harper.now += 90 * MINUTE;
		harper.purge();
		harper.record(1);
		expect(await requestsSeenBy(harper.worker())).toBe(6);
	});

	it('takes what the elected worker saved when it has not looked for longer than the log keeps', async () => {
		const idle = harper.worker();
		const elected = harper.worker();
		expect(await requestsSeenBy(idle)).toBe(0);
		for (let minute = 0; minute < 180; minute++) {
			harper.now += MINUTE;
			harper.record(2);
			await elected.save();
			harper.purge();
		}
		expect(await requestsSeenBy(idle)).toBe(360);
	});

	it('does not replace a checkpoint by an older one', async () => {
		harper.record();
		const slow = harper.worker();
		await slow.save();
		harper.record();
		await harper.worker().save();
		const { stored } = harper;
		// What the slow worker has not seen is gone for it, as if it had been stopped in the middle.
		harper.rows.clear();
		await slow.save();
		expect(harper.stored).toEqual(stored);
	});

	it('misses nothing and doubles nothing when a restart finds the clock stepped back', async () => {
		harper.record(5);
		await harper.worker().save();
		harper.process += 1;
		harper.now -= 20_000;
		harper.record(7);
		const worker = harper.worker();
		expect(await requestsSeenBy(worker)).toBe(12);
		harper.now += 1000;
		harper.record(1);
		expect(await requestsSeenBy(worker)).toBe(13);
		harper.now += 30_000;
		harper.record(1);
		expect(await requestsSeenBy(worker)).toBe(14);
		expect(await requestsSeenBy(harper.worker())).toBe(14);
	});

	it('says so when rows may have come and gone unread', async () => {
		harper.record(5);
		await harper.worker().save();
		harper.now += 90 * MINUTE;
		harper.purge();
		harper.record(1);
		const worker = harper.worker();
		await worker.advance();
		expect(total(worker, 'harper_custodian_analytics_gaps_total')).toBe(1);
	});

	it('sees no gap where the log still reaches back to the checkpoint', async () => {
		harper.record(5);
		await harper.worker().save();
		harper.now += 90 * MINUTE;
		harper.record(1);
		const worker = harper.worker();
		await worker.advance();
		expect(total(worker, 'harper_custodian_analytics_gaps_total')).toBe(0);
	});

	it.each(['', '{', '{"format":99}', '{"format":1}\nnull'])(
		'starts anew from the log, and saves again, where the checkpoint is %j',
		async (text) => {
			harper.record(5);
			harper.stored = { cursor: harper.now + 1, text };
			await harper.worker().save();
			expect(harper.warnings).toHaveLength(1);
			expect(await requestsSeenBy(harper.worker())).toBe(5);
		}
	);

	it('counts nothing twice when the clock steps back further than the log reaches', async () => {
		const worker = harper.worker();
		await worker.save();
		for (const backMs of [0, 2 * 60 * MINUTE, 5 * 60 * MINUTE]) {
			harper.now -= backMs;
			for (let i = 0; i < 20; i++) {
				harper.now += 15_000;
				harper.record();
				await worker.save();
			}
		}
		expect(await requestsSeenBy(worker)).toBe(60);
		expect(await requestsSeenBy(harper.worker())).toBe(60);
	});

	it('shows every worker the same numbers through any history of restarts, kills, steps of the clock and saves', async () => {
		const step = fc.oneof(
			fc.record({ do: fc.constant('record' as const), count: fc.integer({ min: 1, max: 5 }) }),
			fc.record({
				do: fc.constant('wait' as const),
				ms: fc.integer({ min: 1, max: 20 * MINUTE }),
				purgeLagMs: fc.constantFrom(0, 30_000, 40 * MINUTE),
			}),
			fc.record({ do: fc.constantFrom('save' as const, 'look' as const, 'restart' as const), worker: fc.nat(1) }),
			fc.record({
				do: fc.constant('kill' as const),
				backMs: fc.constantFrom(0, 0, 500, 20_000, 10 * MINUTE, 50 * MINUTE, 130 * MINUTE),
			})
		);
		await fc.assert(
			fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
				const host = new FakeHarper();
				let workers = [host.worker(), host.worker()];
				await workers[0]!.save();
				for (const one of steps) {
					if (one.do === 'record') host.record(one.count);
					else if (one.do === 'save') await workers[one.worker]!.save();
					else if (one.do === 'look') await workers[one.worker]!.advance();
					else if (one.do === 'restart') workers[one.worker] = host.worker();
					else if (one.do === 'kill') {
						host.process += 1;
						host.now -= one.backMs;
						workers = [host.worker(), host.worker()];
					} else if (one.do === 'wait') {
						host.now += one.ms;
						// The elected worker looks every few seconds; an hour never passes without it.
						await workers[0]!.save();
						host.purge(one.purgeLagMs);
					}
				}
				await workers[0]!.save();
				expect(await requestsSeenBy(workers[0]!)).toBe(host.requests);
				expect(await requestsSeenBy(workers[1]!)).toBe(host.requests);
			}),
			{ numRuns: 500 }
		);
	});
});
