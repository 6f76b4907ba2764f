import * as v from 'valibot';
import type { Occurrence } from '../schedule/occurrence.ts';
import type { Schedule } from '../schedule/schedule.ts';
import type { ScheduleState } from '../schedule/state.ts';
import type { Lateness } from './event.ts';

/** What is to be judged: a schedule, and what is known of its runs. */
export interface Watched {
	readonly schedule: Pick<Schedule, 'name' | 'timing' | 'enabled' | 'occurrences'>;
	readonly state: Pick<ScheduleState, 'lastSuccess'>;
}

/** What was found before, by the name of the schedule: kept over restarts, so that nothing is told twice. */
export type LatenessMemory = Readonly<Record<string, Remembered>>;

interface Remembered {
	/** The timing that it was judged by: a schedule that is changed is judged anew. */
	readonly timing: string;
	/** Since when it is watched: what was due before is nobody's fault. */
	readonly since: number;
	/** The nominal moment of the occurrence that was told of last. */
	readonly told?: number | undefined;
}

const MINUTE_MS = 60_000;
const SHORTEST_GRACE_MS = 10 * MINUTE_MS;
const GRACE_SHARE = 0.1;

/** Which schedules have not succeeded in time, and what to remember once that is told. Each occurrence is told once. */
export function findLate(
	watched: readonly Watched[],
	memory: LatenessMemory,
	now: number
): { readonly late: readonly Lateness[]; readonly memory: LatenessMemory } {
	const late: Lateness[] = [];
	const remembered: Record<string, Remembered> = {};
	for (const { schedule, state } of watched) {
		const { name, timing, enabled } = schedule;
		if (!enabled) continue;
		const known = Object.hasOwn(memory, name) ? memory[name] : undefined;
		const before: Remembered = known?.timing === timing ? known : { timing, since: now };
		const missed = missedBy(schedule, state, before, now);
		remembered[name] = missed ? { ...before, told: missed.nominalAt } : before;
		if (missed) late.push(latenessOf(schedule, missed, state));
	}
	return { late, memory: remembered };
}

/** The last occurrence whose time is up, unless it succeeded, is not to be judged, or was told of. */
function missedBy(
	schedule: Watched['schedule'],
	{ lastSuccess }: Watched['state'],
	{ since, told }: Remembered,
	now: number
): Occurrence | undefined {
	const last = lastOver(schedule, now);
	if (!last || last.dueAt < since) return undefined;
	const { nominalAt } = last;
	if (lastSuccess && lastSuccess.nominalAt >= nominalAt) return undefined;
	return told !== undefined && told >= nominalAt ? undefined : last;
}

/** The last occurrence whose grace is over. */
function lastOver(schedule: Watched['schedule'], now: number): Occurrence | undefined {
	const { occurrences } = schedule;
	let last = occurrences.previous(now - SHORTEST_GRACE_MS);
	if (last && last.dueAt + graceOf(schedule, last) > now) last = occurrences.previous(last.dueAt - 1);
	return last;
}

/** A tenth of the time until the next one, and at least ten minutes: a run takes a while, and may be tried again. */
function graceOf({ occurrences }: Watched['schedule'], { nominalAt }: Occurrence): number {
	const { after } = occurrences.neighbours(nominalAt);
	return Math.max(SHORTEST_GRACE_MS, after === undefined ? 0 : (after - nominalAt) * GRACE_SHARE);
}

function latenessOf(schedule: Watched['schedule'], missed: Occurrence, { lastSuccess }: Watched['state']): Lateness {
	const { id, dueAt } = missed;
	const lastSuccessAt = lastSuccess?.endedAt;
	return { schedule: schedule.name, occurrence: id, dueAt, graceMs: graceOf(schedule, missed), lastSuccessAt };
}

const moment = v.pipe(v.number(), v.safeInteger());
const stored = v.strictObject({
	version: v.literal(1),
	schedules: v.record(v.string(), v.strictObject({ timing: v.string(), since: moment, told: v.optional(moment) })),
});

export function formatLateness(memory: LatenessMemory): string {
	return JSON.stringify({ version: 1, schedules: memory });
}

/** What cannot be read counts for nothing: watching then begins anew. */
export function parseLateness(text: string): LatenessMemory {
	try {
		const parsed = v.safeParse(stored, JSON.parse(text));
		return parsed.success ? parsed.output.schedules : {};
	} catch {
		return {};
	}
}
