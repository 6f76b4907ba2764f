import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../lib/schedule/progress.ts';
import { Node } from '../support/schedule-node.ts';
import { at, HOUR, MINUTE, schedule } from '../support/schedules.ts';
import { settleAll, VirtualTime } from '../support/virtual-time.ts';

const done: Outcome = { kind: 'succeeded' };
const START = at('2026-03-01T09:50Z');

describe('the runner', () => {
	it('runs each occurrence at its time, and says so', async () => {
		const time = new VirtualTime(START);
		const ran: string[] = [];
		const node = new Node(time, [schedule()], () => async ({ id }, attempt) => {
			ran.push(`${id} ${attempt} ${new Date(time.now()).toISOString()}`);
			return { kind: 'succeeded', detail: '20260301T100000Z' };
		});
		node.start();
		await time.advance(11 * MINUTE);
		expect(ran).toEqual([
			's@2026-03-01T09:00:00.000Z 1 2026-03-01T09:50:00.000Z',
			's@2026-03-01T10:00:00.000Z 1 2026-03-01T10:00:00.000Z',
		]);
		expect(node.store.told()).toEqual([
			'started 09:00 catch_up 1',
			'succeeded 09:00 1',
			'started 10:00 due 1',
			'succeeded 10:00 1',
		]);
		expect(node.store.state()?.record.at(-1)?.detail).toBe('20260301T100000Z');
		expect(node.store.state()?.lastSuccess).toEqual({
			nominalAt: at('2026-03-01T10:00Z'),
			endedAt: at('2026-03-01T10:00Z'),
		});
	});

	it('sleeps while nothing is due, and looks at the wall clock now and then', async () => {
		const time = new VirtualTime(START);
		const node = new Node(time, [schedule()], () => async () => done);
		node.start();
		await time.advance(24 * HOUR);
		expect(time.sleeps).toBeLessThan((24 * HOUR) / 30_000 + 100);
		expect(node.store.saves).toBe(2 * 25);
	});

	it('tries again after a minute, five and fifteen, then gives up until the next', async () => {
		const time = new VirtualTime(START);
		const tries: string[] = [];
		const node = new Node(time, [schedule()], () => async () => {
			tries.push(new Date(time.now()).toISOString().slice(11, 16));
			throw new Error('disk full');
		});
		node.store.texts.set(
			's',
			JSON.stringify({ version: 1, settled: [{ from: START - 50 * MINUTE, to: START - 50 * MINUTE }], record: [] })
		);
		node.start();
		await time.advance(60 * MINUTE);
		expect(tries).toEqual(['10:00', '10:01', '10:06', '10:21']);
		expect(node.store.told().slice(-2)).toEqual(['failed 10:00 4', 'gave_up 10:00 4']);
		expect(node.store.state()?.lastAttempt?.problem).toBe('disk full');
		await time.advance(10 * MINUTE);
		expect(tries.slice(4)).toEqual(['11:00']);
	});

	it('finds a run that was cut off, and tries it again', async () => {
		const time = new VirtualTime(START);
		const attempts: number[] = [];
		const node = new Node(time, [schedule()], (mortal) => async (_, attempt) => {
			attempts.push(attempt);
			await mortal(() => time.sleep(5 * MINUTE));
			return done;
		});
		node.start();
		await time.advance(MINUTE);
		node.kill();
		await time.advance(MINUTE);
		node.start();
		await time.advance(7 * MINUTE);
		expect(node.store.told()).toEqual([
			'started 09:00 catch_up 1',
			'interrupted 09:00 1',
			'started 09:00 retry 2',
			'succeeded 09:00 2',
		]);
		expect(attempts).toEqual([1, 2]);
	});

	it('takes a run for done that was cut off after it had left everything', async () => {
		const time = new VirtualTime(START);
		const left = new Set<string>();
		const node = new Node(
			time,
			[schedule()],
			(mortal) =>
				async ({ id }) => {
					left.add(id);
					await mortal(() => time.sleep(5 * MINUTE));
					return done;
				},
			async ({ id }) => left.has(id)
		);
		node.start();
		await time.advance(MINUTE);
		node.kill();
		node.start();
		await time.advance(2 * MINUTE);
		expect(node.store.told()).toEqual([
			'started 09:00 catch_up 1',
			'interrupted 09:00 1',
			'started 09:00 retry 2',
			'succeeded 09:00 found 2',
		]);
	});

	it('asks the catalogue where its own state is lost', async () => {
		const time = new VirtualTime(START);
		const node = new Node(
			time,
			[schedule()],
			() => async () => Promise.reject(new Error('ran')),
			async () => true
		);
		node.store.texts.set('s', '{"version":1,"settled":"?"}');
		node.start();
		await time.advance(MINUTE);
		expect(node.warnings).toEqual(['The state of the schedule s makes no sense, so it begins anew.']);
		expect(node.store.told()).toEqual(['started 09:00 catch_up 1', 'succeeded 09:00 found 1']);
	});

	it('runs nothing while it does not know whether it is done', async () => {
		const time = new VirtualTime(START);
		let ran = 0;
		const node = new Node(
			time,
			[schedule()],
			() => async () => (ran++, done),
			async () => Promise.reject(new Error('no repository'))
		);
		node.start();
		await time.advance(MINUTE / 2);
		expect(ran).toBe(0);
		expect(node.store.state()?.lastAttempt?.problem).toBe('no repository');
	});

	it.each([
		['skip', ['started 10:00 due 1', 'skipped 11:00 overlap', 'succeeded 10:00 1', 'started 12:00 due 1']],
		['wait', ['started 10:00 due 1', 'succeeded 10:00 1', 'started 11:00 catch_up 1', 'skipped 12:00 superseded']],
	] as const)('does not run two at once: %s', async (overlap, expected) => {
		const time = new VirtualTime(at('2026-03-01T10:00Z'));
		let running = 0;
		let most = 0;
		const node = new Node(time, [schedule({ overlap })], (mortal) => async () => {
			most = Math.max(most, ++running);
			await mortal(() => time.sleep(90 * MINUTE));
			running--;
			return done;
		});
		node.start();
		await time.advance(195 * MINUTE);
		expect(most).toBe(1);
		expect(
			node.store
				.told()
				.filter((entry) => entry !== 'succeeded 11:00 1')
				.slice(0, 4)
		).toEqual(expected);
	});

	it('lets schedules run beside each other, and a broken one harms no other', async () => {
		const time = new VirtualTime(START);
		const broken = schedule({
			name: 'broken',
			of: {
				next: () => {
					throw new Error('oh');
				},
				previous: () => {
					throw new Error('oh');
				},
			},
		});
		const node = new Node(time, [broken, schedule({ name: 'x' }), schedule({ name: 'y' })], (mortal) => async () => {
			await mortal(() => time.sleep(MINUTE));
			return done;
		});
		node.start();
		await time.advance(MINUTE);
		expect([node.store.told('x'), node.store.told('y')].map((told) => told.length)).toEqual([2, 2]);
		expect(node.warnings).toEqual(['The schedule broken has stopped, which is a fault: oh']);
	});

	it('runs nothing whose beginning it cannot save, and goes on when it can', async () => {
		const time = new VirtualTime(START);
		let ran = 0;
		const node = new Node(time, [schedule()], () => async () => (ran++, done));
		node.start();
		await time.advance(MINUTE);
		expect(ran).toBe(1);
		node.store.refuses = true;
		await time.advance(20 * MINUTE);
		expect(ran).toBe(1);
		expect(node.warnings.length).toBeGreaterThan(10);
		expect(node.warnings.length).toBeLessThan(100);
		node.store.refuses = false;
		await time.advance(MINUTE);
		expect(node.store.told().slice(2)).toEqual(['started 10:00 catch_up 1', 'succeeded 10:00 1']);
	});

	it('begins nothing before it could read what was', async () => {
		const time = new VirtualTime(START);
		let ran = 0;
		const node = new Node(time, [schedule()], () => async () => (ran++, done));
		node.store.refuses = true;
		node.start();
		await time.advance(5 * MINUTE);
		expect(ran).toBe(0);
		node.store.refuses = false;
		await time.advance(MINUTE);
		expect(ran).toBe(1);
	});

	it('aborts what runs when it is stopped, writes nothing more, and the next worker tries again', async () => {
		const time = new VirtualTime(START);
		const reasons: unknown[] = [];
		const node = new Node(time, [schedule()], () => async (_, attempt, signal) => {
			await time.sleep(5 * MINUTE, signal);
			reasons.push(`${attempt} ${signal.aborted}`);
			signal.throwIfAborted();
			return done;
		});
		const runner = node.start();
		await time.advance(MINUTE);
		const { saves } = node.store;
		node.stop();
		await runner.stopped;
		expect(reasons).toEqual(['1 true']);
		expect(node.store.saves).toBe(saves);
		node.start();
		await time.advance(7 * MINUTE);
		expect(node.store.told().at(-1)).toBe('succeeded 09:00 2');
	});

	it('looks again at once when it is woken', async () => {
		const time = new VirtualTime(START);
		const ran: string[] = [];
		const node = new Node(
			time,
			[schedule()],
			() =>
				async ({ id }) => (ran.push(id), done)
		);
		const runner = node.start();
		await time.advance(MINUTE);
		node.skewMs = HOUR;
		runner.wake();
		await settleAll();
		expect(ran).toHaveLength(2);
	});

	it('notices within a minute that the wall clock was set forward, and survives its being set back', async () => {
		const time = new VirtualTime(START);
		const ran: string[] = [];
		const node = new Node(
			time,
			[schedule()],
			() =>
				async ({ id }) => (ran.push(id.slice(2, 18)), done)
		);
		node.start();
		await time.advance(MINUTE);
		node.skewMs = 10 * 365 * 24 * HOUR;
		await time.advance(MINUTE);
		expect(ran).toEqual(['2026-03-01T09:00', '2036-02-27T09:00']);
		node.skewMs = 0;
		await time.advance(70 * MINUTE);
		expect(ran.slice(2)).toEqual(['2026-03-01T10:00', '2026-03-01T11:00']);
		node.skewMs = -HOUR;
		await time.advance(60 * MINUTE);
		expect(ran.slice(4)).toEqual([]);
	});
});
