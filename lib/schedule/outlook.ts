import { toIso } from '../time.ts';
import { decide } from './decide.ts';
import type { Entry } from './record.ts';
import type { Schedule } from './schedule.ts';
import { openAttempt, type ScheduleState } from './state.ts';

const NEXT_TIMES = 10;

/** One schedule as GET /custodian/schedule shows it: moments as text, the newest entry first. */
export interface Outlook {
	readonly schedule: string;
	readonly timing: string;
	readonly enabled: boolean;
	readonly scope: Schedule['scope'];
	readonly overlap: Schedule['overlap'];
	/** What it does now, or waits for. */
	readonly now: {
		readonly state: 'running' | 'starting' | 'waiting';
		readonly why: string;
		/** When it goes on. */
		readonly until?: string | undefined;
		/** The occurrence that runs, starts or is tried again. */
		readonly occurrence?: string | undefined;
		/** Which attempt that is. */
		readonly attempt?: number | undefined;
	};
	readonly next: readonly { readonly occurrence: string; readonly at: string }[];
	readonly lastSuccess?:
		{ readonly occurrence: string; readonly at: string; readonly by?: string | undefined } | undefined;
	readonly lastAttempt?: LastAttempt | undefined;
	readonly record: readonly (Omit<Entry, 'at'> & { readonly at: string })[];
}

interface LastAttempt {
	readonly occurrence: string;
	readonly attempt: number;
	readonly startedAt: string;
	readonly endedAt?: string | undefined;
	readonly problem?: string | undefined;
}

export function outlookOf(schedule: Schedule, state: ScheduleState, now: number): Outlook {
	const { name, timing, enabled, scope, overlap, occurrences } = schedule;
	const { lastSuccess, lastAttempt, record } = state;
	const idOf = (nominalAt: number) => occurrences.of(nominalAt).id;
	return {
		schedule: name,
		timing,
		enabled,
		scope,
		overlap,
		now: presentOf(schedule, state, now),
		next: occurrences.between(now, Infinity, NEXT_TIMES).map(({ id, dueAt }) => ({ occurrence: id, at: toIso(dueAt) })),
		lastSuccess: lastSuccess && {
			occurrence: idOf(lastSuccess.nominalAt),
			at: toIso(lastSuccess.endedAt),
			by: lastSuccess.by,
		},
		lastAttempt: lastAttempt && {
			occurrence: idOf(lastAttempt.nominalAt),
			attempt: lastAttempt.number,
			startedAt: toIso(lastAttempt.startedAt),
			endedAt: lastAttempt.endedAt === undefined ? undefined : toIso(lastAttempt.endedAt),
			problem: lastAttempt.problem,
		},
		record: record.toReversed().map((entry) => ({ ...entry, at: toIso(entry.at) })),
	};
}

/** The same decision that the runner takes. */
function presentOf(schedule: Schedule, state: ScheduleState, now: number): Outlook['now'] {
	const { next } = decide(schedule, state, now);
	if (next.act === 'run') {
		return { state: 'starting', why: next.why, occurrence: next.occurrence.id, attempt: next.attempt };
	}
	const open = openAttempt(state);
	const occurrence = open && schedule.occurrences.of(open.nominalAt).id;
	if (next.why === 'running') return { state: 'running', why: 'running', occurrence, attempt: open?.number };
	const retried = next.why === 'retry' ? { occurrence, attempt: open && open.number + 1 } : {};
	return {
		state: 'waiting',
		why: next.why,
		until: next.until === undefined ? undefined : toIso(next.until),
		...retried,
	};
}
