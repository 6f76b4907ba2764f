import * as v from 'valibot';
import { WHATS, WHYS, type Entry } from './record.ts';
import { isSettled, type Settled } from './settled.ts';

/** What is known of one schedule on one node: plain data, stored whenever it changes. */
export interface ScheduleState {
	readonly settled: Settled;
	/** The last attempt at anything. Its occurrence is still open unless it is settled. */
	readonly lastAttempt?: Attempt | undefined;
	readonly lastSuccess?: Success | undefined;
	readonly record: readonly Entry[];
}

export interface Attempt {
	readonly nominalAt: number;
	/** Which attempt at this occurrence, from 1. */
	readonly number: number;
	readonly startedAt: number;
	/** Missing while it runs, and after a crash. */
	readonly endedAt?: number | undefined;
	readonly problem?: string | undefined;
}

interface Success {
	readonly nominalAt: number;
	/** When it was done, or found to be done. */
	readonly endedAt: number;
	/** The node that did it, where it was another. */
	readonly by?: string | undefined;
}

export const NOTHING_YET: ScheduleState = { settled: [], record: [] };

/** The attempt at an occurrence that has neither succeeded nor been given up. */
export function openAttempt({ settled, lastAttempt }: ScheduleState): Attempt | undefined {
	return lastAttempt && !isSettled(settled, lastAttempt.nominalAt) ? lastAttempt : undefined;
}

const moment = v.pipe(v.number(), v.safeInteger());
const positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const schema = v.strictObject({
	version: v.literal(1),
	settled: v.pipe(
		v.array(v.strictObject({ from: moment, to: moment })),
		v.check((spans) => spans.every(({ from, to }, i) => from <= to && from > (spans[i - 1]?.to ?? -Infinity)))
	),
	lastAttempt: v.optional(
		v.strictObject({
			nominalAt: moment,
			number: positive,
			startedAt: moment,
			endedAt: v.optional(moment),
			problem: v.optional(v.string()),
		})
	),
	lastSuccess: v.optional(v.strictObject({ nominalAt: moment, endedAt: moment, by: v.optional(v.string()) })),
	record: v.array(
		v.strictObject({
			at: moment,
			what: v.picklist(WHATS),
			occurrence: v.string(),
			through: v.optional(v.string()),
			count: v.optional(positive),
			why: v.optional(v.picklist(WHYS)),
			attempt: v.optional(positive),
			detail: v.optional(v.string()),
		})
	),
});

export function formatState(state: ScheduleState): string {
	return JSON.stringify({ version: 1, ...state });
}

/** Undefined where the text is no state that this version can read. */
export function parseState(text: string): ScheduleState | undefined {
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch {
		return undefined;
	}
	const parsed = v.safeParse(schema, json);
	if (!parsed.success) return undefined;
	const { version: _, ...state } = parsed.output;
	return state;
}
