import * as v from 'valibot';
import type { ChangeKind } from './change-kind.ts';
import { watchedKinds, type Alarm } from './watch.ts';

/** What was counted of one table since watching began, and what is watched for. */
export interface TableCounts {
	readonly database: string;
	readonly table: string;
	readonly changes: Record<ChangeKind, number>;
	readonly bursts: Record<(typeof watchedKinds)[number], { count: number; lastAt?: number | undefined }>;
}

/** What the watcher knows, as one value: the counts are those of the rows up to the cursors. */
export interface WatchState {
	readonly savedAt: number;
	/** The key up to which the log of each database was read. */
	readonly cursors: Readonly<Record<string, number>>;
	readonly tables: readonly TableCounts[];
	readonly alarms: readonly Alarm[];
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const moment = v.pipe(v.number(), v.finite());
const burst = v.object({ count, lastAt: v.optional(moment) });
const stored = v.object({
	version: v.literal(1),
	savedAt: moment,
	cursors: v.record(v.string(), moment),
	tables: v.array(
		v.object({
			database: v.string(),
			table: v.string(),
			changes: v.object({ create: count, overwrite: count, delete: count }),
			bursts: v.object({ delete: burst, overwrite: burst }),
		})
	),
	alarms: v.array(
		v.object({
			database: v.string(),
			table: v.string(),
			user: v.optional(v.string()),
			kind: v.picklist(watchedKinds),
			level: count,
			lastLoudAt: moment,
		})
	),
});

export function formatWatchState(state: WatchState): string {
	return JSON.stringify({ version: 1, ...state });
}

/** Undefined for what cannot be read: watching then begins anew. */
export function parseWatchState(text: string): WatchState | undefined {
	try {
		const parsed = v.safeParse(stored, JSON.parse(text));
		if (!parsed.success) return undefined;
		const { alarms, ...rest } = parsed.output;
		return { ...rest, alarms: alarms.map(({ user, ...alarm }) => ({ ...alarm, user })) };
	} catch {
		return undefined;
	}
}

export function nothingCounted(database: string, table: string): TableCounts {
	return {
		database,
		table,
		changes: { create: 0, overwrite: 0, delete: 0 },
		bursts: { delete: { count: 0 }, overwrite: { count: 0 } },
	};
}
