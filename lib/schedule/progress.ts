import type { GiveUp, Run, Skip } from './decide.ts';
import { recorded, type Entry } from './record.ts';
import type { Schedule } from './schedule.ts';
import { settle } from './settled.ts';
import { openAttempt, type ScheduleState } from './state.ts';

/** How an attempt ended. */
export type End =
	| Outcome
	| { readonly kind: 'failed'; readonly problem: string }
	/** The process ended before it. */
	| { readonly kind: 'interrupted' };

/** How an occurrence came to be done. */
export type Outcome =
	| { readonly kind: 'succeeded'; readonly detail?: string | undefined }
	/** What a success leaves was there before the attempt began. */
	| { readonly kind: 'found' }
	| { readonly kind: 'elsewhere'; readonly by: string };

/** Carries a decision over into the state. */
export function settled(schedule: Schedule, state: ScheduleState, decision: Skip | GiveUp, at: number): ScheduleState {
	const { occurrence } = decision;
	if (decision.act === 'give_up') {
		const entry: Entry = { at, what: 'gave_up', occurrence: occurrence.id, attempt: decision.attempts };
		return close(schedule, note(state, entry), occurrence.nominalAt);
	}
	const { why, through, count } = decision;
	const noted = note(state, { at, what: 'skipped', occurrence: occurrence.id, through: through?.id, count, why });
	return through ? noted : close(schedule, noted, occurrence.nominalAt);
}

export function started(state: ScheduleState, { occurrence, attempt, why }: Run, at: number): ScheduleState {
	const noted = note(state, { at, what: 'started', occurrence: occurrence.id, attempt, why });
	return { ...noted, lastAttempt: { nominalAt: occurrence.nominalAt, number: attempt, startedAt: at } };
}

/** Ends the attempt that runs. */
export function ended(schedule: Schedule, state: ScheduleState, end: End, at: number): ScheduleState {
	const open = openAttempt(state);
	if (!open) return state;
	const { nominalAt, number: attempt } = open;
	const occurrence = schedule.occurrences.of(nominalAt).id;
	const problem = problemOf(end);
	const noted = note(
		{ ...state, lastAttempt: { ...open, endedAt: at, problem } },
		{ at, occurrence, attempt, ...entryOf(end) }
	);
	if (problem !== undefined) return noted;
	const by = end.kind === 'elsewhere' ? end.by : undefined;
	return close(schedule, { ...noted, lastSuccess: { nominalAt, endedAt: at, by } }, nominalAt);
}

function problemOf(end: End): string | undefined {
	if (end.kind === 'failed') return end.problem;
	return end.kind === 'interrupted' ? 'The process ended before the run did.' : undefined;
}

function entryOf(end: End): Pick<Entry, 'what' | 'why' | 'detail'> {
	if (end.kind === 'interrupted') return { what: 'interrupted' };
	if (end.kind === 'failed') return { what: 'failed', detail: end.problem };
	if (end.kind === 'elsewhere') return { what: 'succeeded', why: 'elsewhere', detail: end.by };
	return end.kind === 'found' ? { what: 'succeeded', why: 'found' } : { what: 'succeeded', detail: end.detail };
}

function close(schedule: Schedule, state: ScheduleState, nominalAt: number): ScheduleState {
	return { ...state, settled: settle(state.settled, nominalAt, schedule.occurrences.neighbours(nominalAt)) };
}

function note(state: ScheduleState, entry: Entry): ScheduleState {
	return { ...state, record: recorded(state.record, entry) };
}
