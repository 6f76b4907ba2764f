import fc from 'fast-check';
import type { RetentionPolicy } from '../../lib/snapshot/retention.ts';
import type { RetentionSubject } from '../../lib/snapshot/retention-subject.ts';

/** A good full snapshot whose id says when it was taken. */
export function taken(at: string, changes: Partial<RetentionSubject> = {}): RetentionSubject {
	return { id: at, takenAt: Date.parse(at), state: 'complete', pinned: false, kind: 'full', ...changes };
}

export const NOW = Date.parse('2026-11-23T12:00:00Z');

const HOUR = 3_600_000;

const subject = fc.record({
	takenAt: fc.oneof(
		fc.integer({ min: -400 * 24, max: 0 }).map((hours) => NOW + hours * HOUR),
		fc.integer({ min: -72 * HOUR, max: 2 * HOUR }).map((ms) => NOW + ms)
	),
	state: fc.constantFrom('complete', 'complete', 'complete', 'damaged', 'failed'),
	verifiedAt: fc.option(fc.constant(NOW), { nil: undefined }),
	pinned: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
	kind: fc.constantFrom('full', 'full', 'full', 'external'),
});

export const anySnapshots: fc.Arbitrary<readonly RetentionSubject[]> = fc
	.array(subject, { maxLength: 25 })
	.map((all) => all.map((one, index) => ({ ...one, id: `${(index * 7) % 25}` })));

const count = fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined });

export const anyPolicy: fc.Arbitrary<RetentionPolicy> = fc.record({
	last: count,
	hourly: count,
	daily: count,
	weekly: count,
	monthly: count,
	yearly: count,
	within: fc.option(fc.integer({ min: 0, max: 100 * HOUR }), { nil: undefined }),
	timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia', 'America/St_Johns'),
});
