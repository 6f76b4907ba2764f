import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyInterval, Occurrences, type Timing } from '../../lib/schedule/occurrence.ts';
import { jitterOf } from '../../lib/schedule/jitter.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (iso: string) => Date.parse(iso);

/** Due at the given moments and never again. */
function moments(...all: number[]): Timing {
	return {
		next: (after) => all.find((moment) => moment > after),
		previous: (moment) => all.findLast((one) => one <= moment),
	};
}

describe('an interval', () => {
	it('is counted from the epoch, whenever the process started', () => {
		const timing = everyInterval(15 * MINUTE);
		expect(timing.next(at('2026-03-01T10:07Z'))).toBe(at('2026-03-01T10:15Z'));
		expect(timing.next(at('2026-03-01T10:15Z'))).toBe(at('2026-03-01T10:30Z'));
		expect(timing.previous(at('2026-03-01T10:15Z'))).toBe(at('2026-03-01T10:15Z'));
		expect(timing.previous(at('2026-03-01T10:14:59.999Z'))).toBe(at('2026-03-01T10:00Z'));
	});
});

describe('occurrences', () => {
	it('are called by their schedule and nominal moment, without the jitter', () => {
		const occurrences = new Occurrences({
			schedule: 'nightly',
			node: 'a',
			timing: everyInterval(HOUR),
			jitterMs: MINUTE,
		});
		const next = occurrences.next(at('2026-03-01T10:07Z'));
		expect(next?.id).toBe('nightly@2026-03-01T11:00:00.000Z');
		expect(next?.schedule).toBe('nightly');
		expect(next?.nominalAt).toBe(at('2026-03-01T11:00Z'));
	});

	it('never come where nothing is due', () => {
		const occurrences = new Occurrences({ schedule: 's', node: 'a', timing: moments(), jitterMs: 5 });
		expect([occurrences.next(0), occurrences.previous(0)]).toEqual([undefined, undefined]);
		expect(occurrences.between(0, 1e12, 10)).toEqual([]);
	});

	it('have no earlier one before the first, however long its jitter', () => {
		const occurrences = new Occurrences({ schedule: 's', node: 'node-b', timing: moments(1000), jitterMs: 1e6 });
		const first = occurrences.next(0);
		expect(first?.nominalAt).toBe(1000);
		expect(first?.dueAt).toBeGreaterThan(1000);
		expect(occurrences.previous((first?.dueAt ?? 0) - 1)).toBeUndefined();
		expect(occurrences.next((first?.dueAt ?? 0) - 1)).toEqual(first);
		expect(occurrences.next(first?.dueAt ?? 0)).toBeUndefined();
	});

	it('know the nominal moments beside them', () => {
		const occurrences = new Occurrences({ schedule: 's', node: 'a', timing: moments(10, 20, 30) });
		expect(occurrences.neighbours(20)).toEqual({ before: 10, after: 30 });
		expect(occurrences.neighbours(10)).toEqual({ before: undefined, after: 20 });
	});

	const timing = fc.oneof(
		fc.integer({ min: 1, max: 100 }).map(everyInterval),
		fc
			.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { maxLength: 30 })
			.map((all) => moments(...all.sort((a, b) => a - b)))
	);
	const given = fc.record({ schedule: fc.string(), node: fc.string(), timing, jitterMs: fc.nat(500) });

	it('keep their order under jitter, none past half the way to the next, and are found from both sides', () => {
		fc.assert(
			fc.property(given, fc.integer({ min: -1200, max: 1200 }), (options, moment) => {
				const occurrences = new Occurrences(options);
				const next = occurrences.next(moment);
				const previous = occurrences.previous(moment);
				expect(previous?.dueAt ?? -Infinity).toBeLessThanOrEqual(moment);
				expect(previous ? occurrences.next(previous.dueAt) : next).toEqual(next);
				fc.pre(next !== undefined);
				expect(next.dueAt).toBeGreaterThan(moment);
				expect(occurrences.previous(next.dueAt)).toEqual(next);
				expect(occurrences.of(next.nominalAt)).toEqual(next);
				const delayMs = next.dueAt - next.nominalAt;
				const periodMs = (options.timing.next(next.nominalAt) ?? Infinity) - next.nominalAt;
				expect(delayMs).toBeLessThanOrEqual(Math.min(options.jitterMs, periodMs / 2));
			})
		);
	});

	it('between two moments are those that one meets going from one to the next', () => {
		fc.assert(
			fc.property(
				given,
				fc.integer({ min: -500, max: 500 }),
				fc.nat(300),
				fc.nat(50),
				(options, after, span, limit) => {
					const occurrences = new Occurrences(options);
					const found = occurrences.between(after, after + span, limit);
					const all = [];
					for (let one = occurrences.next(after); one && one.dueAt <= after + span; one = occurrences.next(one.dueAt))
						all.push(one);
					expect(found).toEqual(all.slice(0, limit));
				}
			)
		);
	});
});

describe('jitter', () => {
	it('is always the same for a schedule on a node', () => {
		const delays = [jitterOf('nightly', 'a', HOUR), jitterOf('nightly', 'b', HOUR), jitterOf('weekly', 'a', HOUR)];
		expect(delays).toEqual([2_873_176, 1_169_465, 530_697]);
		expect(jitterOf('nightly', 'a', 0)).toBe(0);
	});

	it('spreads nodes whose names differ in little over the whole span', () => {
		const delays = Array.from({ length: 1000 }, (_, i) => jitterOf('nightly', `db-${i}.example.org`, 999));
		const counts = Array.from(
			{ length: 10 },
			(_, tenth) => delays.filter((delay) => Math.floor(delay / 100) === tenth).length
		);
		expect(Math.min(...counts)).toBeGreaterThan(60);
		expect(Math.max(...counts)).toBeLessThan(140);
	});
});
