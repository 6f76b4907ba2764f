import { describe, expect, it } from 'vitest';
import { recorded, type Entry } from '../../lib/schedule/record.ts';
import { formatState, NOTHING_YET, openAttempt, parseState, type ScheduleState } from '../../lib/schedule/state.ts';

const full: ScheduleState = {
	settled: [
		{ from: 1, to: 5 },
		{ from: 8, to: 8 },
	],
	lastAttempt: { nominalAt: 9, number: 2, startedAt: 10, endedAt: 11, problem: 'disk full' },
	lastSuccess: { nominalAt: 8, endedAt: 9, by: 'b' },
	record: [{ at: 4, what: 'skipped', occurrence: 's@1', through: 's@3', count: 3, why: 'superseded' }],
};

describe('the state of a schedule', () => {
	it.each([full, NOTHING_YET, { ...NOTHING_YET, lastAttempt: { nominalAt: 9, number: 1, startedAt: 10 } }])(
		'is read as it was written',
		(state) => {
			expect(parseState(formatState(state))).toEqual(state);
		}
	);

	const json = (changes: object) => JSON.stringify({ version: 1, settled: [], record: [], ...changes });
	it.each([
		'',
		'null',
		'{}',
		json({ version: 2 }),
		json({ more: 1 }),
		json({ settled: [{ from: 5, to: 1 }] }),
		json({
			settled: [
				{ from: 1, to: 5 },
				{ from: 5, to: 6 },
			],
		}),
		json({ settled: [{ from: 1.5, to: 5 }] }),
		json({ lastAttempt: { nominalAt: 1, number: 0, startedAt: 1 } }),
		json({ record: [{ at: 1, what: 'exploded', occurrence: 's@1' }] }),
	])('that makes no sense is none: `%s`', (text) => {
		expect(parseState(text)).toBeUndefined();
	});

	it('has an open attempt until its occurrence is settled', () => {
		expect(openAttempt(full)).toEqual(full.lastAttempt);
		expect(openAttempt({ ...full, settled: [{ from: 1, to: 9 }] })).toBeUndefined();
		expect(openAttempt(NOTHING_YET)).toBeUndefined();
	});
});

describe('the record', () => {
	const entry = (at: number): Entry => ({ at, what: 'succeeded', occurrence: `s@${at}` });

	it('keeps the last hundred entries', () => {
		let record: readonly Entry[] = [];
		for (let at = 0; at < 130; at++) record = recorded(record, entry(at));
		expect(record.map(({ at }) => at)).toEqual(Array.from({ length: 100 }, (_, i) => i + 30));
	});

	it('keeps the beginning of a long message', () => {
		expect(recorded([], { ...entry(1), detail: 'x'.repeat(5000) })[0]?.detail).toHaveLength(1000);
	});
});
