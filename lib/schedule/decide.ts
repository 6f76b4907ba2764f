import type { Occurrence } from './occurrence.ts';
import type { Schedule } from './schedule.ts';
import { isSettled, settledBefore } from './settled.ts';
import { openAttempt, type Attempt, type ScheduleState } from './state.ts';

/** What to do about one schedule now: settle these, and do that next. */
export interface Decisions {
	readonly settle: readonly (Skip | GiveUp)[];
	readonly next: Run | Wait;
}

/** One occurrence will not run, or, where there is `through`, several. */
export interface Skip {
	readonly act: 'skip';
	readonly why: 'overlap' | 'superseded' | 'disabled';
	readonly occurrence: Occurrence;
	readonly through?: Occurrence | undefined;
	/** Counted up to a hundred. */
	readonly count?: number | undefined;
}

/** All attempts at an occurrence have failed; the next occurrence begins anew. */
export interface GiveUp {
	readonly act: 'give_up';
	readonly occurrence: Occurrence;
	readonly attempts: number;
}

export interface Run {
	readonly act: 'run';
	readonly why: 'due' | 'catch_up' | 'retry';
	readonly occurrence: Occurrence;
	readonly attempt: number;
}

export interface Wait {
	readonly act: 'wait';
	readonly why: 'not_due' | 'running' | 'retry' | 'disabled' | 'never';
	/** When to decide again at the latest; undefined where only an event can change anything. */
	readonly until: number | undefined;
}

/** Later than this after its time, an occurrence is said to be made up for. */
const PUNCTUAL_MS = 60_000;

/** Each costs a cron expression about half a millisecond, on a thread that answers requests. */
const MAX_COUNTED = 100;

/**
 * Only the last occurrence that is due counts: it runs unless it is settled, however long the process was down, and
 * those before it are superseded.
 */
export function decide(schedule: Schedule, state: ScheduleState, now: number): Decisions {
	const { occurrences, enabled } = schedule;
	const open = openAttempt(state);
	const running = open !== undefined && open.endedAt === undefined;
	const due = freshlyDue(schedule, state, now);
	const nextAt = occurrences.next(now)?.dueAt;

	if (running) {
		const why = enabled ? 'overlap' : 'disabled';
		const skips = enabled && waitsForEarlier(schedule) ? [] : skip(schedule, state, due, why);
		return { settle: skips, next: wait('running', nextAt) };
	}
	if (!enabled) {
		const abandoned = open ? [skipOne(occurrences.of(open.nominalAt), 'disabled')] : [];
		return { settle: [...abandoned, ...skip(schedule, state, due, 'disabled')], next: wait('disabled', nextAt) };
	}
	if (due) {
		const abandoned = open ? [skipOne(occurrences.of(open.nominalAt), 'superseded')] : [];
		const why = now - due.dueAt <= PUNCTUAL_MS ? 'due' : 'catch_up';
		return {
			settle: [...abandoned, ...missed(schedule, state, due, 'superseded')],
			next: { act: 'run', why, occurrence: due, attempt: 1 },
		};
	}
	if (open) return retry(schedule, open, now, nextAt);
	return { settle: [], next: wait(nextAt === undefined ? 'never' : 'not_due', nextAt) };
}

/** The last due occurrence, unless it is settled or being tried. */
function freshlyDue({ occurrences }: Schedule, state: ScheduleState, now: number): Occurrence | undefined {
	const due = occurrences.previous(now);
	if (!due || isSettled(state.settled, due.nominalAt)) return undefined;
	const open = openAttempt(state);
	// An attempt at a later one comes first: the clock was set back meanwhile.
	return open && open.nominalAt >= due.nominalAt ? undefined : due;
}

/** On one node only the last one would run; the others of a cluster cannot know what this one has skipped. */
function waitsForEarlier({ overlap, scope }: Schedule): boolean {
	return overlap === 'wait' || scope === 'cluster';
}

function retry(
	{ occurrences, retry: { limit, backoffMs } }: Schedule,
	open: Attempt,
	now: number,
	nextAt?: number
): Decisions {
	const occurrence = occurrences.of(open.nominalAt);
	if (open.number > limit) {
		const why = nextAt === undefined ? 'never' : 'not_due';
		return { settle: [{ act: 'give_up', occurrence, attempts: open.number }], next: wait(why, nextAt) };
	}
	const endedAt = open.endedAt ?? now;
	const retryAt = endedAt + (backoffMs[open.number - 1] ?? backoffMs.at(-1) ?? 0);
	// An end that lies ahead says that the clock was set back, and nothing about how long ago it was.
	if (now >= retryAt || now < endedAt) {
		return { settle: [], next: { act: 'run', why: 'retry', occurrence, attempt: open.number + 1 } };
	}
	return { settle: [], next: wait('retry', Math.min(retryAt, nextAt ?? retryAt)) };
}

function skip(schedule: Schedule, state: ScheduleState, due: Occurrence | undefined, why: Skip['why']): Skip[] {
	return due ? [...missed(schedule, state, due, why), skipOne(due, why)] : [];
}

function skipOne(occurrence: Occurrence, why: Skip['why']): Skip {
	return { act: 'skip', why, occurrence };
}

/** What should have run between the last occurrence that anything is known of and the one that is due now. */
function missed({ occurrences }: Schedule, state: ScheduleState, due: Occurrence, why: Skip['why']): Skip[] {
	const settled = settledBefore(state.settled, due.nominalAt);
	const open = openAttempt(state)?.nominalAt;
	const known = Math.max(settled ?? -Infinity, open ?? -Infinity);
	if (known === -Infinity) return [];
	const found = occurrences.between(occurrences.of(known).dueAt, due.dueAt - 1, MAX_COUNTED);
	const [first] = found;
	return first
		? [{ act: 'skip', why, occurrence: first, through: occurrences.previous(due.dueAt - 1), count: found.length }]
		: [];
}

function wait(why: Wait['why'], until: number | undefined): Wait {
	return { act: 'wait', why, until };
}
