import { everyInterval, Occurrences, type Timing } from '../../lib/schedule/occurrence.ts';
import { DEFAULT_RETRY, type Schedule } from '../../lib/schedule/schedule.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const at = (iso: string): number => Date.parse(iso);

/** Hourly, called `s`, unless told otherwise. */
export function schedule(
	options: Partial<Omit<Schedule, 'occurrences'>> & { of?: Timing; jitterMs?: number; node?: string } = {}
): Schedule {
	const { of: timing = everyInterval(HOUR), jitterMs, node = 'a', name = 's', ...rest } = options;
	return {
		name,
		timing: 'every hour',
		enabled: true,
		scope: 'node',
		overlap: 'skip',
		retry: DEFAULT_RETRY,
		...rest,
		occurrences: new Occurrences({ schedule: name, node, timing, jitterMs }),
	};
}
