import { outlookOf } from '../schedule/outlook.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { NOTHING_YET, type ScheduleState } from '../schedule/state.ts';
import { json, type Endpoint } from './endpoint.ts';

export interface SchedulePorts {
	readonly schedules: readonly Schedule[];
	/** The state as it was last saved; undefined where nothing is known. */
	readonly load: (schedule: string) => Promise<ScheduleState | undefined>;
	readonly now: () => number;
}

/** What runs next, what ran, what was skipped, and why. */
export function scheduleEndpoint({ schedules, load, now }: SchedulePorts): Endpoint {
	const show = async () => {
		const outlooks = [];
		for (const schedule of schedules) {
			outlooks.push(outlookOf(schedule, (await load(schedule.name)) ?? NOTHING_YET, now()));
		}
		return json(200, { schedules: outlooks });
	};
	return { path: 'custodian/schedule', access: 'view', parameters: [], verbs: { GET: show } };
}
