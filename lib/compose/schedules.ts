import { parseCron } from '../adapters/cron.ts';
import { harperText } from '../adapters/harper/checkpoints.ts';
import type { State } from '../adapters/harper/state.ts';
import type { ScheduleConfiguration } from '../config/protection.ts';
import { everyInterval, Occurrences, type Timing } from '../schedule/occurrence.ts';
import type { StateStore } from '../schedule/runner.ts';
import { DEFAULT_RETRY, type Schedule } from '../schedule/schedule.ts';
import { parseState, type ScheduleState } from '../schedule/state.ts';
import { spellSpan } from '../span.ts';

/** A cron expression in this time zone, or undefined where it is none. */
export function cronTiming(expression: string, timezone: string): Timing | undefined {
	const parsed = parseCron(expression, timezone);
	return 'problem' in parsed ? undefined : parsed;
}

export function schedulesOf(configured: readonly ScheduleConfiguration[], node: string): readonly Schedule[] {
	return configured.map(({ name, cron, every, timezone, jitter, overlap, retries, scope }) => {
		const timing = cron === undefined ? everyInterval(every ?? 0) : cronTiming(cron, timezone);
		if (timing === undefined) throw new Error(`The configuration let ${cron} pass`);
		return {
			name,
			timing: cron === undefined ? `every ${spellSpan(every ?? 0)}` : `${cron} (${timezone})`,
			enabled: true,
			scope,
			overlap,
			retry: { ...DEFAULT_RETRY, limit: retries },
			// In a cluster all nodes have one jitter: what one of them waits longer would delay its taking over.
			occurrences: new Occurrences({
				schedule: name,
				node: scope === 'cluster' ? '' : node,
				timing,
				jitterMs: jitter,
			}),
		};
	});
}

/** What is known of a schedule; undefined where nothing is that this version can read. */
export async function loadState(states: StateStore, schedule: string): Promise<ScheduleState | undefined> {
	const text = await states.load(schedule);
	return text === undefined ? undefined : parseState(text);
}

/** Keeps the state of schedules beside the other state of this node. */
export function scheduleStates(state: State): StateStore {
	const of = (schedule: string) => harperText(state, `schedule/${schedule}`);
	return {
		load: async (schedule) => of(schedule).load(),
		save: (schedule, text) => of(schedule).save(text),
	};
}
