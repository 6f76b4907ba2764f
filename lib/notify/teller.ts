import { messageOf } from '../errors.ts';
import type { Clock } from '../time.ts';
import type { Event } from './event.ts';
import { findLate, formatLateness, parseLateness, type Watched } from './lateness.ts';
import { notificationOf } from './notification.ts';
import { eventsOf, runOutcomeOf, shouldPing, type EndedJob } from './outcome.ts';

/** Signs a body as sent at a moment, in seconds; the hexadecimal text of the signature. */
export type Sign = (body: string, secret: Uint8Array, timestamp: string) => string;

export interface TellerPorts {
	/** Posts a body, trying again for a while; undefined where nobody wants to be told. Rejects where it did not arrive. */
	readonly post: ((event: Event['kind'], body: string, signal: AbortSignal) => Promise<void>) | undefined;
	/** Gives the sign of life; undefined where nobody waits for one. */
	readonly ping: ((signal: AbortSignal) => Promise<void>) | undefined;
	readonly clock: Pick<Clock, 'now'>;
	readonly newId: (at: number) => string;
	readonly node: string;
	readonly custodian: string;
	/** The text saved last; undefined where there is none. */
	readonly loadLateness: () => Promise<string | undefined>;
	readonly saveLateness: (text: string) => Promise<void>;
	readonly warn: (message: string) => void;
}

/** Tells the operator. Nothing here rejects: that nobody could be told must not spoil what there was to tell. */
export interface Teller {
	/** For every job that has ended: tells of failures, gives the sign of life. */
	jobEnded(job: EndedJob, signal: AbortSignal): Promise<void>;
	/** Whether nobody needs to be told any more. */
	tell(event: Event, signal: AbortSignal): Promise<boolean>;
	/** To be called every minute or so, never twice at once: tells which schedules have not run in time. */
	look(watched: readonly Watched[], signal: AbortSignal): Promise<void>;
}

export function tellerOf(ports: TellerPorts): Teller {
	const { post, ping, clock, newId, node, custodian, loadLateness, saveLateness, warn } = ports;

	const tell = async (event: Event, signal: AbortSignal): Promise<boolean> => {
		if (post === undefined) return true;
		const at = clock.now();
		try {
			const notification = notificationOf(event, { id: newId(at), at, node, custodian });
			await post(event.kind, JSON.stringify(notification), signal);
			return true;
		} catch (error) {
			warn(`Nobody could be told of ${event.kind}: ${messageOf(error)}`);
			return false;
		}
	};

	return {
		tell,

		async jobEnded(job, signal) {
			for (const event of eventsOf(job)) await tell(event, signal);
			const outcome = runOutcomeOf(job);
			if (ping === undefined || outcome === undefined || !shouldPing(outcome)) return;
			await ping(signal).catch((error: unknown) => warn(`No sign of life could be given: ${messageOf(error)}`));
		},

		async look(watched, signal) {
			try {
				const text = await loadLateness();
				const before = text === undefined ? {} : parseLateness(text);
				const found = findLate(watched, before, clock.now());
				const untold = new Set<string>();
				for (const one of found.late) {
					if (!(await tell({ kind: 'schedule_late', ...one }, signal))) untold.add(one.schedule);
				}
				// What could not be told is as if it had not been found: the next look finds it again.
				const memory = Object.fromEntries(
					Object.entries(found.memory).map(([name, one]) => [
						name,
						untold.has(name) ? { ...one, told: before[name]?.told } : one,
					])
				);
				const after = formatLateness(memory);
				// Once it is aborted, another worker watches and remembers.
				if (after !== text && !signal.aborted) await saveLateness(after);
			} catch (error) {
				warn(`Whether the schedules run in time cannot be told: ${messageOf(error)}`);
			}
		},
	};
}
