import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../lib/schedule/progress.ts';
import type { Entry } from '../../lib/schedule/record.ts';
import type { Execute } from '../../lib/schedule/runner.ts';
import type { Schedule } from '../../lib/schedule/schedule.ts';
import { isSettled } from '../../lib/schedule/settled.ts';
import { everyInterval } from '../../lib/schedule/occurrence.ts';
import { A_NIGHT_MS, tries } from '../support/long-runs.ts';
import { Node, type Mortal } from '../support/schedule-node.ts';
import { at, MINUTE, schedule } from '../support/schedules.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const START = at('2026-03-01T00:07Z');
const PERIOD = 10 * MINUTE;

type Event =
	| { readonly does: 'pass'; readonly minutes: number }
	| { readonly does: 'kill' | 'stop' | 'lose the state' }
	| { readonly does: 'start'; readonly afterMinutes: number }
	| { readonly does: 'step the clock'; readonly minutes: number }
	| { readonly does: 'refuse to store' | 'store again' };

const minutes = (max: number) => fc.integer({ min: 0, max: max * 60 }).map((seconds) => seconds / 60);
const pass = minutes(45).map((one): Event => ({ does: 'pass', minutes: one }));
const crashes = fc.oneof(
	fc.constantFrom<Event>({ does: 'kill' }, { does: 'stop' }),
	minutes(90).map((one): Event => ({ does: 'start', afterMinutes: one }))
);
const steps = fc.integer({ min: -60, max: 60 }).map((one): Event => ({ does: 'step the clock', minutes: one }));
const bigSteps = fc.constantFrom<Event>(
	{ does: 'step the clock', minutes: 10 * 365 * 24 * 60 },
	{ does: 'step the clock', minutes: -30 * 24 * 60 }
);
const refusals = fc.constantFrom<Event>({ does: 'refuse to store' }, { does: 'store again' });
const history = (...events: fc.Arbitrary<Event>[]) =>
	fc.array(fc.oneof(pass, ...events), { minLength: 1, maxLength: 14 });

/** How runs go, one after the other: for how long, whether they succeed, how long they linger after their success. */
const plans = fc.array(
	fc.record({ minutes: minutes(25), succeeds: fc.boolean(), lingersMinutes: fc.constantFrom(0, 0, 1) }),
	{ maxLength: 30 }
);
const policy = fc.record({
	overlap: fc.constantFrom<Schedule['overlap']>('skip', 'wait'),
	jitterMs: fc.constantFrom(0, 4 * MINUTE, PERIOD * 3),
});

interface Step {
	readonly minutes: number;
	readonly succeeds: boolean;
	readonly lingersMinutes: number;
}

class World {
	readonly time = new VirtualTime(START);
	readonly node: Node;
	readonly schedule: Schedule;
	readonly successes: string[] = [];
	#plan: readonly Step[];
	#runs = 0;
	#running = 0;
	most = 0;

	constructor(options: { overlap: Schedule['overlap']; jitterMs: number }, plan: readonly Step[], remembers: boolean) {
		this.schedule = schedule({ ...options, of: everyInterval(PERIOD) });
		this.#plan = plan;
		const isDone = async ({ id }: { id: string }) => remembers && this.successes.includes(id);
		this.node = new Node(this.time, [this.schedule], (mortal) => this.#execute(mortal), isDone);
	}

	async happen(events: readonly Event[]): Promise<void> {
		this.node.start();
		for (const event of events) await this.#one(event);
	}

	/** From here on all goes well. */
	async calm(forMinutes: number): Promise<void> {
		this.#plan = [];
		this.node.store.refuses = false;
		if (!this.node.isUp) this.node.start();
		await this.time.advance(forMinutes * MINUTE);
	}

	#execute(mortal: Mortal): Execute {
		return async ({ id }, _, signal): Promise<Outcome> => {
			const {
				minutes: takes,
				succeeds,
				lingersMinutes,
			} = this.#plan[this.#runs++] ?? { minutes: 0, succeeds: true, lingersMinutes: 0 };
			this.most = Math.max(this.most, ++this.#running);
			try {
				await mortal(() => this.time.sleep(takes * MINUTE, signal));
				signal.throwIfAborted();
				if (!succeeds) throw new Error('planned');
				this.successes.push(id);
				await mortal(() => this.time.sleep(lingersMinutes * MINUTE, signal));
				return { kind: 'succeeded' };
			} finally {
				this.#running--;
			}
		};
	}

	async #one(event: Event): Promise<void> {
		const { node, time } = this;
		switch (event.does) {
			case 'pass':
				return time.advance(event.minutes * MINUTE);
			case 'kill':
				this.#running = 0;
				return node.kill();
			case 'stop':
				node.stop();
				return time.advance(0);
			case 'start':
				await time.advance(event.afterMinutes * MINUTE);
				if (!node.isUp) node.start();
				return;
			case 'step the clock':
				node.skewMs += event.minutes * MINUTE;
				return;
			case 'lose the state':
				this.#running = 0;
				node.kill();
				node.store.texts.clear();
				return;
			case 'refuse to store':
			case 'store again':
				node.store.refuses = event.does === 'refuse to store';
		}
	}
}

const twice = (list: readonly string[]) => list.filter((one, i) => list.indexOf(one) !== i);

/** The occurrences that no entry speaks of, from the very first that ran to the last that is due. */
function unmentioned({ occurrences }: Schedule, entries: Iterable<Entry>, now: number): string[] {
	const nominal = (id: string) => at(id.slice(id.indexOf('@') + 1));
	const spans = [...entries].map(
		({ occurrence, through = occurrence }) => [nominal(occurrence), nominal(through)] as const
	);
	const silent: string[] = [];
	let one = occurrences.of(spans[0]?.[0] ?? NaN);
	for (; one.dueAt <= now; one = occurrences.next(one.dueAt) ?? one) {
		if (!spans.some(([from, to]) => from <= one.nominalAt && one.nominalAt <= to)) silent.push(one.id);
	}
	return silent;
}

describe('whatever happens,', () => {
	it(
		'no occurrence succeeds twice, as long as the catalogue is asked',
		async () => {
			const events = history(crashes, steps, refusals, bigSteps, fc.constant<Event>({ does: 'lose the state' }));
			await fc.assert(
				fc.asyncProperty(events, plans, policy, async (given, outcomes, options) => {
					const world = new World(options, outcomes, true);
					await world.happen(given);
					await world.calm(40);
					expect(twice(world.successes)).toEqual([]);
					expect(world.most).toBeLessThanOrEqual(1);
				}),
				tries(100)
			);
		},
		A_NIGHT_MS
	);

	it(
		'no occurrence succeeds twice by a clock that steps, even if the catalogue knows nothing',
		async () => {
			await fc.assert(
				fc.asyncProperty(history(steps, bigSteps, refusals), plans, policy, async (given, outcomes, options) => {
					const world = new World(options, outcomes, false);
					await world.happen(given);
					await world.calm(40);
					expect(twice(world.successes)).toEqual([]);
				}),
				tries(100)
			);
		},
		A_NIGHT_MS
	);

	it(
		'no occurrence is lost without a recorded reason',
		async () => {
			await fc.assert(
				fc.asyncProperty(history(crashes, steps, refusals), plans, policy, async (given, outcomes, options) => {
					const world = new World(options, outcomes, true);
					await world.happen(given);
					await world.calm(40);
					expect(unmentioned(world.schedule, world.node.store.entries.values(), world.node.now - MINUTE)).toEqual([]);
				}),
				tries(100)
			);
		},
		A_NIGHT_MS
	);

	it(
		'the last occurrence that is due is settled in the end, and the next one runs on time',
		async () => {
			await fc.assert(
				fc.asyncProperty(
					history(crashes, steps, bigSteps, refusals),
					plans,
					policy,
					async (given, outcomes, options) => {
						const world = new World(options, outcomes, true);
						await world.happen(given);
						await world.calm(70);
						const { node } = world;
						const due = world.schedule.occurrences.previous(node.now - MINUTE);
						const settled = node.store.state()?.settled ?? [];
						expect(isSettled(settled, due?.nominalAt ?? NaN)).toBe(true);
						await world.calm(61);
						const later = world.schedule.occurrences.between(due?.dueAt ?? NaN, node.now - MINUTE, 10);
						expect(later.length).toBeGreaterThan(4);
						// One that was skipped before the clock was set back stays so when its time comes again.
						const open = later.filter(({ nominalAt }) => !isSettled(settled, nominalAt));
						expect(open.filter(({ id }) => !world.successes.includes(id))).toEqual([]);
					}
				),
				tries(100)
			);
		},
		A_NIGHT_MS
	);

	it(
		'the runner never spins',
		async () => {
			await fc.assert(
				fc.asyncProperty(
					history(crashes, steps, bigSteps, refusals),
					plans,
					policy,
					async (given, outcomes, options) => {
						const world = new World(options, outcomes, true);
						await world.happen(given);
						await world.calm(40);
						const halfMinutes = world.time.monotonic() / (MINUTE / 2);
						// A refusing store is asked every ten seconds, and each run wakes its runner a few times.
						expect(world.time.sleeps).toBeLessThan(
							3 * halfMinutes + 20 * (world.successes.length + given.length + outcomes.length)
						);
					}
				),
				tries(50)
			);
		},
		A_NIGHT_MS
	);
});
