import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyInterval } from '../../lib/schedule/occurrence.ts';
import { Cluster, type NodeName, type Plan } from '../support/cluster.ts';
import { A_NIGHT_MS, tries } from '../support/long-runs.ts';
import { at, MINUTE, schedule } from '../support/schedules.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const SECOND = 1000;
const START = at('2026-03-01T09:59Z');
const PERIOD = 10 * MINUTE;
const clustered = schedule({ scope: 'cluster', of: everyInterval(PERIOD) });
const TEN = 's@2026-03-01T10:00:00.000Z';

function cluster(planOf?: () => Plan): Cluster {
	const made = new Cluster(new VirtualTime(START), clustered, planOf);
	for (const node of [made.nodes.a, made.nodes.b]) {
		const text = JSON.stringify({
			version: 1,
			settled: [{ from: START - 9 * MINUTE, to: START - 9 * MINUTE }],
			record: [],
		});
		node.store.texts.set('s', text);
		node.start();
	}
	return made;
}

/** Successes that this node had itself, by occurrence. */
function counted({ nodes }: Cluster): string[] {
	return [nodes.a, nodes.b].flatMap(({ store }) =>
		[...store.entries.values()]
			.filter(({ what, why }) => what === 'succeeded' && why === undefined)
			.map(({ occurrence }) => occurrence)
	);
}

function verdicts({ objects }: Cluster): Map<string, { by: NodeName; detail: string }> {
	return new Map(
		[...objects.objects].map(([key, bytes]) => [
			decodeURIComponent(key.split('/')[1] ?? ''),
			JSON.parse(bytes.toString()),
		])
	);
}

const twice = (list: readonly string[]) => list.filter((one, i) => list.indexOf(one) !== i);

describe('of two nodes', () => {
	it('one runs an occurrence and the other records who did', async () => {
		const both = cluster();
		await both.time.advance(9 * MINUTE);
		expect(both.ran.map(({ occurrence }) => occurrence)).toEqual([TEN]);
		const [{ node } = { node: 'a' as NodeName }] = both.ran;
		const other = node === 'a' ? 'b' : 'a';
		expect(both.nodes[node].store.told()).toEqual(['started 10:00 due 1', 'succeeded 10:00 1']);
		expect(both.nodes[other].store.told()).toEqual(['started 10:00 due 1', 'succeeded 10:00 elsewhere 1']);
		expect(both.nodes[other].store.state()?.lastSuccess?.by).toBe(node);
	});

	it.each([5, 20, 55])(
		'the other takes over within a minute when one is killed after %d s of its run',
		async (seconds) => {
			const both = cluster();
			await both.time.advance(MINUTE + (2 + seconds) * SECOND);
			const [first] = both.ran;
			expect(both.ran).toHaveLength(1);
			both.nodes[first?.node ?? 'a'].kill();
			const killedAt = both.time.now();
			await both.time.advance(8 * MINUTE);
			expect(both.ran).toHaveLength(2);
			expect(both.ran[1]?.node).not.toBe(first?.node);
			expect((both.ran[1]?.startedAt ?? NaN) - killedAt).toBeLessThanOrEqual(60 * SECOND);
			expect(counted(both)).toEqual([TEN]);
		}
	);

	it('both run when they do not see each other, one counts, and the other takes its own back', async () => {
		const both = cluster();
		both.partitioned = true;
		await both.time.advance(9 * MINUTE);
		expect(both.ran.map(({ node }) => node).sort()).toEqual(['a', 'b']);
		expect(counted(both)).toEqual([TEN]);
		expect([...both.results.keys()]).toEqual([verdicts(both).get(TEN)?.detail]);
	});

	it('the one that does not reach the repository cannot commit, and the other does', async () => {
		const both = cluster();
		await both.time.advance(MINUTE + 30 * SECOND);
		const [{ node } = { node: 'a' as NodeName }] = both.ran;
		both.partitioned = true;
		both.cut.add(node);
		await both.time.advance(7 * MINUTE);
		expect(counted(both)).toEqual([TEN]);
		expect(verdicts(both).get(TEN)?.by).not.toBe(node);
		expect(both.nodes[node].store.told()).toContain('failed 10:00 1');
	});

	it('neither commits while neither reaches the repository, and one does when it can', async () => {
		const both = cluster();
		both.cut.add('a').add('b');
		await both.time.advance(4 * MINUTE);
		expect([counted(both), both.ran]).toEqual([[], []]);
		both.cut.clear();
		await both.time.advance(6 * MINUTE);
		expect(counted(both)).toEqual([TEN]);
	});

	it('one that comes back after it had won and died finds that it did', async () => {
		const both = cluster();
		both.nodes.b.kill();
		await both.time.advance(MINUTE);
		for (let i = 0; i < 20_000 && !verdicts(both).has(TEN); i++) await both.time.advance(10);
		both.nodes.a.kill();
		both.nodes.a.start();
		await both.time.advance(3 * MINUTE);
		expect(both.nodes.a.store.told().at(-1)).toBe('succeeded 10:00 found 2');
		expect(both.ran).toHaveLength(1);
	});
});

type Event =
	| { readonly does: 'pass'; readonly seconds: number }
	| { readonly does: 'kill' | 'start' | 'cut' | 'join'; readonly node: NodeName }
	| { readonly does: 'skew'; readonly node: NodeName; readonly seconds: number }
	| { readonly does: 'part' | 'heal' };

const node = fc.constantFrom<NodeName>('a', 'b');
const anyEvent = fc.oneof(
	{ arbitrary: fc.integer({ min: 0, max: 900 }).map((seconds): Event => ({ does: 'pass', seconds })), weight: 5 },
	{ arbitrary: fc.integer({ min: 0, max: 5 }).map((seconds): Event => ({ does: 'pass', seconds })), weight: 2 },
	{
		arbitrary: fc.record({ does: fc.constantFrom('kill', 'start', 'cut', 'join'), node }) as fc.Arbitrary<Event>,
		weight: 5,
	},
	{
		arbitrary: fc.record({
			does: fc.constant('skew'),
			node,
			seconds: fc.integer({ min: -300, max: 300 }),
		}) as fc.Arbitrary<Event>,
		weight: 1,
	},
	{ arbitrary: fc.constantFrom<Event>({ does: 'part' }, { does: 'heal' }), weight: 2 }
);
const plans = fc.array(fc.record({ takesMs: fc.integer({ min: 0, max: 720 * SECOND }), succeeds: fc.boolean() }), {
	maxLength: 20,
});

async function happen(both: Cluster, event: Event): Promise<void> {
	switch (event.does) {
		case 'pass':
			return both.time.advance(event.seconds * SECOND);
		case 'kill':
			return both.nodes[event.node].kill();
		case 'start':
			if (!both.nodes[event.node].isUp) both.nodes[event.node].start();
			return;
		case 'cut':
			both.cut.add(event.node);
			return;
		case 'join':
			both.cut.delete(event.node);
			return;
		case 'skew':
			both.nodes[event.node].skewMs = event.seconds * SECOND;
			return;
		case 'part':
			both.partitioned = true;
			return;
		case 'heal':
			both.heal();
	}
}

async function calm(both: Cluster, minutes: number): Promise<void> {
	both.planOf = () => ({ takesMs: SECOND, succeeds: true });
	both.heal();
	both.cut.clear();
	for (const one of [both.nodes.a, both.nodes.b]) if (!one.isUp) one.start();
	await both.time.advance(minutes * MINUTE);
}

describe('whatever happens to two nodes,', () => {
	const after = async (events: readonly Event[], planned: readonly Plan[], minutes: number) => {
		let runs = 0;
		const both = cluster(() => planned[runs++] ?? { takesMs: MINUTE, succeeds: true });
		for (const one of events) await happen(both, one);
		await calm(both, minutes);
		return both;
	};

	it(
		'no occurrence counts twice, and what counts is there',
		async () => {
			await fc.assert(
				fc.asyncProperty(fc.array(anyEvent, { maxLength: 25 }), plans, async (events, planned) => {
					const both = await after(events, planned, 25);
					expect(twice(counted(both))).toEqual([]);
					const decided = verdicts(both);
					expect(counted(both).filter((one) => !decided.has(one))).toEqual([]);
					expect([...decided.values()].filter(({ detail }) => !both.results.has(detail))).toEqual([]);
				}),
				tries(150)
			);
		},
		A_NIGHT_MS
	);

	it(
		'every occurrence counts or is recorded with a reason, and with both well all count again',
		async () => {
			await fc.assert(
				fc.asyncProperty(fc.array(anyEvent, { maxLength: 25 }), plans, async (events, planned) => {
					const both = await after(events, planned, 75);
					const decided = verdicts(both);
					const now = Math.min(both.nodes.a.now, both.nodes.b.now) - MINUTE;
					const due = clustered.occurrences.between(START, now, 1000);
					const told = [both.nodes.a, both.nodes.b].flatMap(({ store }) => [...store.entries.values()]);
					const moment = (id: string) => at(id.slice(2));
					const silent = due.filter(
						({ id, nominalAt }) =>
							!decided.has(id) &&
							!told.some(
								({ what, occurrence, through = occurrence }) =>
									(what === 'skipped' || what === 'gave_up') &&
									moment(occurrence) <= nominalAt &&
									nominalAt <= moment(through)
							)
					);
					expect(silent).toEqual([]);
					expect(due.slice(-4).filter(({ id }) => !decided.has(id))).toEqual([]);
				}),
				tries(150)
			);
		},
		A_NIGHT_MS
	);
});
