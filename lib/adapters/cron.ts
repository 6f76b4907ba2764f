import { Cron } from 'croner';
import { messageOf } from '../errors.ts';
import { localTimeIn, type LocalTime } from '../schedule/local-time.ts';
import type { Timing } from '../schedule/occurrence.ts';

const FIVE_FIELDS = /^\S+(?:\s+\S+){4}$/;
const NICKNAME = /^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)$/i;

/**
 * A cron expression of five fields in a time zone. Every local time that it names is due once: at the first moment at
 * which the clocks show it, or, where they are set forward past it, at the moment at which that happens.
 */
export function parseCron(expression: string, timezone: string): Timing | { readonly problem: string } {
	const text = expression.trim();
	if (!FIVE_FIELDS.test(text) && !NICKNAME.test(text))
		return { problem: 'not five fields: minute hour day month weekday' };
	// croner reads it as the moment of parsing: the schedule would depend on when the process started.
	if (text.includes('?')) return { problem: 'a question mark, which has no meaning here' };
	let pattern: Cron;
	try {
		pattern = new Cron(text, { mode: '5-part', timezone: 'UTC', paused: true });
	} catch (error) {
		return { problem: messageOf(error).replace(/^CronPattern: /, '') };
	}
	if (!pattern.nextRun(new Date(0))) return { problem: 'a date that never comes' };
	try {
		return inLocalTime(pattern, localTimeIn(timezone));
	} catch {
		return { problem: `no time zone is called ${JSON.stringify(timezone)}` };
	}
}

/**
 * croner looks for readings only, in UTC, where nothing is skipped or repeated. Given a zone it would run lists and
 * ranges twice where clocks are set back, and leave out what lies in a gap.
 */
function inLocalTime(pattern: Cron, local: LocalTime): Timing {
	const following = (reading: number) => pattern.nextRun(new Date(reading))?.getTime();
	const preceding = (reading: number) => pattern.previousRuns(1, new Date(reading))[0]?.getTime();
	return {
		next(after) {
			const reading = following(local.highest(after));
			return reading === undefined ? undefined : local.firstAt(reading);
		},
		previous(at) {
			// Exclusive in croner, to the second.
			const reading = preceding(Math.floor(local.highest(at) / 1000) * 1000 + 1000);
			return reading === undefined ? undefined : local.firstAt(reading);
		},
	};
}
