import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type Decisions } from '../../lib/schedule/decide.ts';
import type { Schedule } from '../../lib/schedule/schedule.ts';
import { NOTHING_YET, type Attempt, type ScheduleState } from '../../lib/schedule/state.ts';
import { at, HOUR, MINUTE, schedule } from '../support/schedules.ts';

/** A moment of the one day on which all of this happens. */
const t = (time: string) => at(`2026-03-01T${time}Z`);

function state(settled: [string, string][], lastAttempt?: [string, number, string, string?]): ScheduleState {
	const [nominal, number, startedAt, endedAt] = lastAttempt ?? [];
	const attempt: Attempt | undefined =
		nominal === undefined || number === undefined || startedAt === undefined
			? undefined
			: {
					nominalAt: t(nominal),
					number,
					startedAt: t(startedAt),
					endedAt: endedAt === undefined ? undefined : t(endedAt),
				};
	return { settled: settled.map(([from, to]) => ({ from: t(from), to: t(to) })), lastAttempt: attempt, record: [] };
}

/** As one would say it. */
function said({ settle, next }: Decisions): string[] {
	const time = (moment: number | undefined) =>
		moment === undefined ? 'ever' : new Date(moment).toISOString().slice(11, 16);
	const settled = settle.map((one) =>
		one.act === 'give_up'
			? `give up ${time(one.occurrence.nominalAt)} after ${one.attempts}`
			: `skip ${time(one.occurrence.nominalAt)}${one.through ? `–${time(one.through.nominalAt)} (${one.count})` : ''}: ${one.why}`
	);
	return [
		...settled,
		next.act === 'run'
			? `run ${time(next.occurrence.nominalAt)}, ${next.why} ${next.attempt}`
			: `wait until ${time(next.until)}: ${next.why}`,
	];
}

describe('a schedule', () => {
	const wait = { overlap: 'wait' } as const;
	const off = { enabled: false };
	it.each<[string, Partial<Schedule>, ScheduleState, string, string[]]>([
		['that never ran begins with what is due last', {}, NOTHING_YET, '10:20', ['run 10:00, catch_up 1']],
		['on time is not late', {}, NOTHING_YET, '10:00', ['run 10:00, due 1']],
		['with nothing due waits', {}, state([['09:00', '10:00']]), '10:20', ['wait until 11:00: not_due']],
		[
			'after downtime runs the last one only',
			{},
			state([['06:00', '06:00']]),
			'10:20',
			['skip 07:00–09:00 (3): superseded', 'run 10:00, catch_up 1'],
		],
		[
			'after one that failed for good waits for the next',
			{},
			state([['10:00', '10:00']], ['10:00', 4, '10:30', '10:31']),
			'10:40',
			['wait until 11:00: not_due'],
		],
		['that runs waits', {}, state([['09:00', '09:00']], ['10:00', 1, '10:00']), '10:20', ['wait until 11:00: running']],
		[
			'that still runs skips the next',
			{},
			state([['09:00', '09:00']], ['10:00', 1, '10:00']),
			'11:20',
			['skip 11:00: overlap', 'wait until 12:00: running'],
		],
		[
			'that runs very long skips all',
			{},
			state([['09:00', '09:00']], ['10:00', 1, '10:00']),
			'13:20',
			['skip 11:00–12:00 (2): overlap', 'skip 13:00: overlap', 'wait until 14:00: running'],
		],
		[
			'that still runs leaves the next to wait',
			wait,
			state([['09:00', '09:00']], ['10:00', 1, '10:00']),
			'13:20',
			['wait until 14:00: running'],
		],
		[
			'of a cluster lets the next wait whatever the policy',
			{ scope: 'cluster' },
			state([['09:00', '09:00']], ['10:00', 1, '10:00']),
			'11:20',
			['wait until 12:00: running'],
		],
		[
			'whose run was long runs the last of those that waited',
			wait,
			state([['09:00', '10:00']], ['10:00', 1, '10:00', '13:20']),
			'13:20',
			['skip 11:00–12:00 (2): superseded', 'run 13:00, catch_up 1'],
		],
		[
			'that failed waits a minute',
			{},
			state([['09:00', '09:00']], ['10:00', 1, '10:00', '10:05']),
			'10:05',
			['wait until 10:06: retry'],
		],
		[
			'that failed is tried again',
			{},
			state([['09:00', '09:00']], ['10:00', 1, '10:00', '10:05']),
			'10:06',
			['run 10:00, retry 2'],
		],
		[
			'that failed twice waits five minutes',
			{},
			state([['09:00', '09:00']], ['10:00', 2, '10:06', '10:07']),
			'10:11',
			['wait until 10:12: retry'],
		],
		[
			'that failed thrice waits fifteen',
			{},
			state([['09:00', '09:00']], ['10:00', 3, '10:12', '10:13']),
			'10:27',
			['wait until 10:28: retry'],
		],
		[
			'whose retries are used up gives up',
			{},
			state([['09:00', '09:00']], ['10:00', 4, '10:28', '10:29']),
			'10:29',
			['give up 10:00 after 4', 'wait until 11:00: not_due'],
		],
		[
			'with more retries than waits repeats the last',
			{ retry: { limit: 9, backoffMs: [MINUTE] } },
			state([['09:00', '09:00']], ['10:00', 5, '10:28', '10:29']),
			'10:29',
			['wait until 10:30: retry'],
		],
		[
			'with no waits at all tries again at once',
			{ retry: { limit: 9, backoffMs: [] } },
			state([['09:00', '09:00']], ['10:00', 5, '10:28', '10:29']),
			'10:29',
			['run 10:00, retry 6'],
		],
		[
			'does not wait for a retry past the next one',
			{},
			state([['09:00', '09:00']], ['10:00', 3, '10:50', '10:51']),
			'10:52',
			['wait until 11:00: retry'],
		],
		[
			'leaves a failing one for the next',
			{},
			state([['09:00', '09:00']], ['10:00', 3, '10:50', '10:51']),
			'11:00',
			['skip 10:00: superseded', 'run 11:00, due 1'],
		],
		[
			'leaves a failing one and counts what was missed',
			{},
			state([['09:00', '09:00']], ['10:00', 3, '10:50', '10:51']),
			'13:00',
			['skip 10:00: superseded', 'skip 11:00–12:00 (2): superseded', 'run 13:00, due 1'],
		],
		[
			'goes back to a failing one after skipping the next',
			{},
			state(
				[
					['09:00', '09:00'],
					['11:00', '11:00'],
				],
				['10:00', 1, '10:00', '11:10']
			),
			'11:11',
			['run 10:00, retry 2'],
		],
		[
			'whose clock went back does not run again',
			{},
			state([['01:00', '10:00']], ['10:00', 1, '10:00', '10:01']),
			'07:30',
			['wait until 08:00: not_due'],
		],
		[
			'whose clock went back to what never ran runs that',
			{},
			state([
				['01:00', '03:00'],
				['10:00', '10:00'],
			]),
			'07:30',
			['skip 04:00–06:00 (3): superseded', 'run 07:00, catch_up 1'],
		],
		[
			'whose clock went back behind a failure tries again at once',
			{},
			state([['01:00', '09:00']], ['10:00', 1, '10:00', '10:05']),
			'07:30',
			['run 10:00, retry 2'],
		],
		[
			'whose clock went back behind a failure goes on with that first',
			{},
			state([['01:00', '03:00']], ['10:00', 1, '10:00', '10:05']),
			'07:30',
			['run 10:00, retry 2'],
		],
		[
			'that is disabled skips',
			off,
			state([['08:00', '08:00']]),
			'10:20',
			['skip 09:00–09:00 (1): disabled', 'skip 10:00: disabled', 'wait until 11:00: disabled'],
		],
		[
			'that is disabled while it fails is not tried again',
			off,
			state([['09:00', '09:00']], ['10:00', 1, '10:00', '10:05']),
			'10:20',
			['skip 10:00: disabled', 'wait until 11:00: disabled'],
		],
		[
			'that is disabled while it runs is let to its end',
			off,
			state([['09:00', '09:00']], ['10:00', 1, '10:00']),
			'11:20',
			['skip 11:00: disabled', 'wait until 12:00: running'],
		],
	])('%s', (_, options, given, now, expected) => {
		expect(said(decide(schedule(options), given, t(now)))).toEqual(expected);
	});

	it('that never comes waits for nothing', () => {
		const never = schedule({ of: { next: () => undefined, previous: () => undefined } });
		expect(decide(never, NOTHING_YET, 0)).toEqual({
			settle: [],
			next: { act: 'wait', why: 'never', until: undefined },
		});
	});

	it('counts what was missed up to a hundred, and names the last of it', () => {
		const minutely = schedule({
			of: {
				next: (after) => (Math.floor(after / MINUTE) + 1) * MINUTE,
				previous: (m) => Math.floor(m / MINUTE) * MINUTE,
			},
		});
		const [skip] = decide(minutely, { settled: [{ from: 0, to: 0 }], record: [] }, 365 * 24 * HOUR).settle;
		expect(skip).toMatchObject({
			count: 100,
			occurrence: { nominalAt: MINUTE },
			through: { nominalAt: 365 * 24 * HOUR - MINUTE },
		});
	});

	it('begins with its jitter, and not before', () => {
		const late = schedule({ jitterMs: 20 * MINUTE });
		const { dueAt } = late.occurrences.of(t('10:00'));
		expect(dueAt).toBeGreaterThan(t('10:00'));
		const given = state([['01:00', '09:00']]);
		expect(decide(late, given, dueAt - 1).next).toMatchObject({ act: 'wait', until: dueAt });
		expect(decide(late, given, dueAt).next).toMatchObject({ act: 'run', occurrence: { nominalAt: t('10:00') } });
	});

	const moments = fc.integer({ min: 0, max: 100 }).map((quarter) => quarter * 15 * MINUTE);
	const states = fc.record({
		settled: fc
			.uniqueArray(fc.integer({ min: 0, max: 24 }), { maxLength: 6 })
			.map((hours) => hours.sort((a, b) => a - b).map((hour) => ({ from: hour * HOUR, to: hour * HOUR }))),
		lastAttempt: fc.option(
			fc.record({
				nominalAt: fc.integer({ min: 0, max: 24 }).map((h) => h * HOUR),
				number: fc.integer({ min: 1, max: 6 }),
				startedAt: moments,
				endedAt: fc.option(moments, { nil: undefined }),
			}),
			{ nil: undefined }
		),
		record: fc.constant([]),
	});
	const options = fc.record({
		enabled: fc.boolean(),
		overlap: fc.constantFrom('skip', 'wait'),
		scope: fc.constantFrom('node', 'cluster'),
	});

	it('waits for the future only, and runs nothing that is settled or while it runs', () => {
		fc.assert(
			fc.property(options, states, moments, (policy, given, now) => {
				const { next } = decide(schedule(policy), given, now);
				expect(next.act === 'wait' ? (next.until ?? Infinity) : Infinity).toBeGreaterThan(now);
				const runs = next.act === 'run' ? next.occurrence.nominalAt : undefined;
				expect(given.settled.some(({ from }) => from === runs)).toBe(false);
				const { lastAttempt } = given;
				const isRunning =
					lastAttempt &&
					lastAttempt.endedAt === undefined &&
					!given.settled.some(({ from }) => from === lastAttempt.nominalAt);
				expect(next.act === 'run' && isRunning === true).toBe(false);
				expect(next.act === 'run' && !policy.enabled).toBe(false);
			}),
			{ numRuns: 1000 }
		);
	});
});
