import { MinuteWindow } from './minute-window.ts';

export const watchedKinds = ['delete', 'overwrite'] as const;
type WatchedKind = (typeof watchedKinds)[number];

/** Above which a user's changes of a table are worth an alarm. */
export interface WatchLimits {
	readonly deletesPerMinute: number;
	readonly overwritesPerMinute: number;
	/** Of the records that the table had, from 0 to 1. */
	readonly share: number;
	/** Fewer records than these are never worth an alarm for their share. */
	readonly shareMinimum: number;
}

/** One entry of the log that took something away: a deletion, or a change of a record that was there. */
export interface WatchedChange {
	readonly database: string;
	readonly table: string;
	/** Undefined where the log names nobody. */
	readonly user: string | undefined;
	readonly kind: WatchedKind;
	/** Its key in the log. */
	readonly at: number;
	/** That of the entry before it, of the same record. */
	readonly previousAt: number | undefined;
}

/** More than a limit allows, by one user, in one table, within a minute. */
export interface Burst extends Omit<WatchedChange, 'at' | 'previousAt'> {
	readonly reason: 'rate' | 'share';
	/** The limit that was passed: changes per minute, or a share. */
	readonly limit: number;
	/** In the minute that ended when the limit was passed. */
	readonly changes: number;
	readonly records: number;
	/** How many records the table had, where that was asked for. */
	readonly tableRecords?: number;
	/** The key of its first entry, as near as can be told. */
	readonly beganAt: number;
	/** The key of the entry that passed the limit. */
	readonly noticedAt: number;
}

/** An alarm that was raised and has not calmed down. */
export interface Alarm extends Omit<WatchedChange, 'at' | 'previousAt'> {
	/** How much there was in the minute when it was raised. */
	readonly level: number;
	/** When there last was half as much. */
	readonly lastLoudAt: number;
}

/** A user in a table, of whom it depends on the number of its records whether an alarm is due. */
export interface Suspect {
	readonly database: string;
	readonly table: string;
	readonly key: string;
}

interface Subject {
	readonly change: Omit<WatchedChange, 'at' | 'previousAt'>;
	readonly window: MinuteWindow;
	lastAt: number;
	alarm: { readonly level: number; lastLoudAt: number } | undefined;
}

const MINUTE_MS = 60_000;

/**
 * Watches how much each user deletes and overwrites in each table. A burst is told once: the next one counts after a
 * minute in which there was less than half as much.
 *
 * Of the users and tables beyond `maxSubjects` those that did nothing for longest are forgotten.
 */
export class Watch {
	readonly #limits: WatchLimits;
	readonly #maxSubjects: number;
	readonly #subjects = new Map<string, Subject>();
	readonly #suspects = new Map<string, Suspect>();

	constructor(limits: WatchLimits, { maxSubjects = 2000 }: { readonly maxSubjects?: number } = {}) {
		this.#limits = limits;
		this.#maxSubjects = maxSubjects;
	}

	/** Counts a change; the burst that its rate makes known. */
	add(change: WatchedChange): Burst | undefined {
		const { at, previousAt, kind, database, table } = change;
		const key = keyOf(change);
		const subject = this.#subject(key, change);
		const { window } = subject;
		window.add(at, previousAt);
		subject.lastAt = at;
		if (isQuiet(subject, at)) subject.alarm = undefined;
		if (subject.alarm !== undefined) return undefined;
		const limit = kind === 'delete' ? this.#limits.deletesPerMinute : this.#limits.overwritesPerMinute;
		if (window.changes > limit) return raise(subject, { reason: 'rate', limit });
		if (window.records >= this.#limits.shareMinimum) this.#suspects.set(key, { database, table, key });
		return undefined;
	}

	/** Those of whom the share is to be judged, since the last time that this was asked. */
	takeSuspects(): readonly Suspect[] {
		const suspects = Array.from(this.#suspects.values());
		this.#suspects.clear();
		return suspects;
	}

	/** The burst that a share makes known, of a table that has so many records now. */
	judge({ key }: Suspect, recordsNow: number): Burst | undefined {
		const subject = this.#subjects.get(key);
		if (subject === undefined || subject.alarm !== undefined) return undefined;
		const { records } = subject.window;
		const { share, shareMinimum } = this.#limits;
		const tableRecords = subject.change.kind === 'delete' ? recordsNow + records : Math.max(recordsNow, records);
		if (records < shareMinimum || records <= share * tableRecords) return undefined;
		return raise(subject, { reason: 'share', limit: share, tableRecords });
	}

	/** What is not to be told again, also by who watches next. */
	alarms(): readonly Alarm[] {
		return Array.from(this.#subjects.values()).flatMap(({ change, alarm }) => (alarm ? [{ ...change, ...alarm }] : []));
	}

	restore(alarms: readonly Alarm[]): void {
		for (const { level, lastLoudAt, ...change } of alarms) {
			const subject = this.#subject(keyOf(change), change);
			subject.alarm = { level, lastLoudAt };
			subject.lastAt = lastLoudAt;
		}
	}

	/** Found, or made; the last one of the map is the one that was asked for last. */
	#subject(key: string, { database, table, user, kind }: Subject['change']): Subject {
		const known = this.#subjects.get(key);
		if (known !== undefined) this.#subjects.delete(key);
		else if (this.#subjects.size >= this.#maxSubjects) this.#forgetOldest();
		const subject = known ?? {
			change: { database, table, user, kind },
			window: new MinuteWindow(),
			lastAt: 0,
			alarm: undefined,
		};
		this.#subjects.set(key, subject);
		return subject;
	}

	#forgetOldest(): void {
		const [oldest] = this.#subjects.keys();
		if (oldest !== undefined) this.#subjects.delete(oldest);
	}
}

function keyOf({ database, table, user, kind }: Subject['change']): string {
	return JSON.stringify([database, table, kind, user]);
}

function raise(subject: Subject, why: Pick<Burst, 'reason' | 'limit'> & { readonly tableRecords?: number }): Burst {
	const { change, window, lastAt } = subject;
	const { changes, records } = window;
	subject.alarm = { level: changes, lastLoudAt: lastAt };
	return { ...change, ...why, changes, records, beganAt: window.burstBeganAt() ?? lastAt, noticedAt: lastAt };
}

/** Whether what was told is over. Also if the clock was set back to long before it. */
function isQuiet({ alarm, window }: Subject, at: number): boolean {
	if (alarm === undefined) return true;
	if (window.changes * 2 > alarm.level) {
		alarm.lastLoudAt = at;
		return false;
	}
	return Math.abs(at - alarm.lastLoudAt) > MINUTE_MS;
}
