import { describe, expect, it } from 'vitest';
import { outlookOf } from '../../lib/schedule/outlook.ts';
import { NOTHING_YET, type ScheduleState } from '../../lib/schedule/state.ts';
import { at, HOUR, schedule } from '../support/schedules.ts';

const t = (time: string) => at(`2026-03-01T${time}Z`);
const id = (time: string) => `s@2026-03-01T${time}:00.000Z`;
const state: ScheduleState = {
	settled: [{ from: t('08:00'), to: t('09:00') }],
	lastAttempt: { nominalAt: t('10:00'), number: 1, startedAt: t('10:00'), endedAt: t('10:05'), problem: 'disk full' },
	lastSuccess: { nominalAt: t('09:00'), endedAt: t('09:02'), by: 'b' },
	record: [
		{ at: t('09:02'), what: 'succeeded', occurrence: id('09:00'), why: 'elsewhere', detail: 'b' },
		{ at: t('10:05'), what: 'failed', occurrence: id('10:00'), attempt: 1, detail: 'disk full' },
	],
};

describe('the outlook of a schedule', () => {
	it('shows what it is, what was and what comes, the newest entry first', () => {
		expect(JSON.parse(JSON.stringify(outlookOf(schedule(), state, t('10:05:30'))))).toEqual({
			schedule: 's',
			timing: 'every hour',
			enabled: true,
			scope: 'node',
			overlap: 'skip',
			now: { state: 'waiting', why: 'retry', until: '2026-03-01T10:06:00.000Z', occurrence: id('10:00'), attempt: 2 },
			next: Array.from({ length: 10 }, (_, i) => ({
				occurrence: `s@${new Date(t('11:00') + i * HOUR).toISOString()}`,
				at: new Date(t('11:00') + i * HOUR).toISOString(),
			})),
			lastSuccess: { occurrence: id('09:00'), at: '2026-03-01T09:02:00.000Z', by: 'b' },
			lastAttempt: {
				occurrence: id('10:00'),
				attempt: 1,
				startedAt: '2026-03-01T10:00:00.000Z',
				endedAt: '2026-03-01T10:05:00.000Z',
				problem: 'disk full',
			},
			record: [
				{ at: '2026-03-01T10:05:00.000Z', what: 'failed', occurrence: id('10:00'), attempt: 1, detail: 'disk full' },
				{ at: '2026-03-01T09:02:00.000Z', what: 'succeeded', occurrence: id('09:00'), why: 'elsewhere', detail: 'b' },
			],
		});
	});

	const running = { ...state, lastAttempt: { nominalAt: t('10:00'), number: 3, startedAt: t('10:00') } };
	it.each([
		['running', {}, running, '10:10', { state: 'running', why: 'running', occurrence: id('10:00'), attempt: 3 }],
		['starting', {}, state, '11:00', { state: 'starting', why: 'due', occurrence: id('11:00'), attempt: 1 }],
		[
			'not due',
			{},
			{ ...state, settled: [{ from: t('08:00'), to: t('10:00') }] },
			'10:10',
			{ state: 'waiting', why: 'not_due', until: '2026-03-01T11:00:00.000Z' },
		],
		[
			'disabled',
			{ enabled: false },
			NOTHING_YET,
			'10:10',
			{ state: 'waiting', why: 'disabled', until: '2026-03-01T11:00:00.000Z' },
		],
		[
			'over',
			{ of: { next: () => undefined, previous: () => undefined } },
			NOTHING_YET,
			'10:10',
			{ state: 'waiting', why: 'never' },
		],
	] as const)('says what it does now: %s', (_, options, given, now, expected) => {
		const outlook = outlookOf(schedule(options), given, t(now));
		expect(JSON.parse(JSON.stringify(outlook.now))).toEqual(expected);
	});

	it('shows times with the jitter of this node', () => {
		const late = schedule({ jitterMs: HOUR / 3 });
		const [next] = outlookOf(late, NOTHING_YET, t('10:59')).next;
		expect(next?.at).toBe(new Date(late.occurrences.next(t('10:59'))?.dueAt ?? NaN).toISOString());
	});
});
