import { messageOf } from '../errors.ts';
import type { Clock } from '../time.ts';
import { decide, type Run, type Wait } from './decide.ts';
import type { Occurrence } from './occurrence.ts';
import { ended, settled, started, type End, type Outcome } from './progress.ts';
import type { Schedule } from './schedule.ts';
import { formatState, NOTHING_YET, openAttempt, parseState, type ScheduleState } from './state.ts';

/** Where the state of the schedules is kept, by the name of each: local to the node. */
export interface StateStore {
	/** The text saved last, on any thread; undefined where there is none. */
	load(schedule: string): Promise<string | undefined>;
	/** Once it has resolved, the text survives the end of the process. */
	save(schedule: string, state: string): Promise<void>;
}

/**
 * Does what an occurrence asks for. Rejects where that failed; the message goes to the record. What it leaves behind is
 * there as a whole or not at all. After the signal is aborted it makes nothing permanent and settles soon.
 */
export type Execute = (occurrence: Occurrence, attempt: number, signal: AbortSignal) => Promise<Outcome>;

/** Resolves after so many milliseconds, or as soon as the signal is aborted; never rejects. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export interface RunnerPorts {
	readonly clock: Pick<Clock, 'now'>;
	readonly sleep: Sleep;
	readonly store: StateStore;
	/**
	 * Whether what a success of the occurrence leaves is there, as the catalogue knows it: asked before each attempt,
	 * since the state may be lost, and a process may end between a success and its record. Rejects where nobody knows.
	 */
	readonly isDone: (occurrence: Occurrence) => Promise<boolean>;
	readonly execute: Execute;
	readonly warn: (message: string) => void;
}

export interface Runner {
	/** Begins nothing more, aborts what runs and writes nothing more: another worker may begin at once. */
	stop(): void;
	/** Decides anew, at once. */
	wake(): void;
	/** Resolves when nothing of it runs any more. */
	readonly stopped: Promise<void>;
}

/** Timers know nothing of a wall clock that steps: look at it that often. */
const LONGEST_REST_MS = 30_000;

/** A timer may fire a moment early; and no error of ours shall spin. */
const SHORTEST_REST_MS = 10;

/** How long to wait before a failed load or save of the state is tried again. */
const STORE_RETRY_MS = 10_000;

/** Runs schedules, each for itself, until it is stopped: to be started on one worker of the node alone. */
export function startRunner(schedules: readonly Schedule[], ports: RunnerPorts): Runner {
	const stop = new AbortController();
	const lines = schedules.map((schedule) => new Line(schedule, ports, stop.signal));
	const stopped = Promise.all(lines.map((line) => line.live())).then(() => undefined);
	return {
		stop: () => stop.abort(),
		wake: () => lines.forEach((line) => line.wake()),
		stopped,
	};
}

/** One schedule at work. */
class Line {
	readonly #schedule: Schedule;
	readonly #ports: RunnerPorts;
	readonly #stop: AbortSignal;
	#state: ScheduleState = NOTHING_YET;
	#stored: string | undefined;
	/** The attempt that runs: resolves when it has ended, however. */
	#attempt: Promise<void> | undefined;
	#end: End | undefined;
	#rest = new AbortController();
	/** Somebody woke it while it did not rest. */
	#woken = false;

	constructor(schedule: Schedule, ports: RunnerPorts, stop: AbortSignal) {
		this.#schedule = schedule;
		this.#ports = ports;
		this.#stop = stop;
		stop.addEventListener('abort', () => this.wake());
	}

	wake(): void {
		this.#woken = true;
		this.#rest.abort();
	}

	/** Never rejects: what is wrong with one schedule must not end the worker. */
	async live(): Promise<void> {
		try {
			await this.#run();
		} catch (error) {
			this.#ports.warn(`The schedule ${this.#schedule.name} has stopped, which is a fault: ${messageOf(error)}`);
		}
		await this.#attempt;
	}

	async #run(): Promise<void> {
		while (!this.#stop.aborted && !(await this.#loaded())) await this.#restFor(STORE_RETRY_MS);
		while (!this.#stop.aborted) {
			const next = this.#advance();
			if (!(await this.#saved())) await this.#restFor(STORE_RETRY_MS);
			else if (next.act === 'wait') await this.#restFor((next.until ?? Infinity) - this.#ports.clock.now());
			else await this.#start(next);
		}
	}

	/** Brings the state up to the moment, and says what is next. */
	#advance(): Run | Wait {
		const now = this.#ports.clock.now();
		if (this.#end) {
			this.#state = ended(this.#schedule, this.#state, this.#end, now);
			this.#end = undefined;
			this.#attempt = undefined;
		}
		const { settle, next } = decide(this.#schedule, this.#state, now);
		for (const decision of settle) this.#state = settled(this.#schedule, this.#state, decision, now);
		return next;
	}

	/** Nothing runs whose beginning is not saved: a crash would leave no trace of it. */
	async #start(run: Run): Promise<void> {
		const before = this.#state;
		this.#state = started(before, run, this.#ports.clock.now());
		if (!(await this.#saved())) {
			this.#state = before;
			return this.#restFor(STORE_RETRY_MS);
		}
		if (this.#stop.aborted) return;
		this.#attempt = this.#execute(run).then((end) => {
			this.#end = end;
			this.wake();
		});
	}

	async #execute({ occurrence, attempt }: Run): Promise<End> {
		try {
			if (await this.#ports.isDone(occurrence)) return { kind: 'found' };
			this.#stop.throwIfAborted();
			return await this.#ports.execute(occurrence, attempt, this.#stop);
		} catch (error) {
			return { kind: 'failed', problem: messageOf(error) };
		}
	}

	/** An attempt that is open at the start was cut off: nobody else would have left it so. */
	async #loaded(): Promise<boolean> {
		const { name } = this.#schedule;
		try {
			this.#stored = await this.#ports.store.load(name);
		} catch (error) {
			this.#ports.warn(`The state of the schedule ${name} cannot be read, so it waits: ${messageOf(error)}`);
			return false;
		}
		const state = this.#stored === undefined ? NOTHING_YET : parseState(this.#stored);
		if (!state) this.#ports.warn(`The state of the schedule ${name} makes no sense, so it begins anew.`);
		this.#state = state ?? NOTHING_YET;
		const open = openAttempt(this.#state);
		if (open && open.endedAt === undefined) this.#end = { kind: 'interrupted' };
		return true;
	}

	/** Whether what is stored is the state; once stopped, another worker's state stands there. */
	async #saved(): Promise<boolean> {
		const text = formatState(this.#state);
		if (this.#stop.aborted || text === this.#stored) return true;
		const { name } = this.#schedule;
		try {
			await this.#ports.store.save(name, text);
			this.#stored = text;
			return true;
		} catch (error) {
			// What stands there now, nobody knows.
			this.#stored = undefined;
			this.#ports.warn(`The state of the schedule ${name} cannot be saved, so it waits: ${messageOf(error)}`);
			return false;
		}
	}

	async #restFor(ms: number): Promise<void> {
		this.#rest = new AbortController();
		const bounded = Math.min(Math.max(ms, SHORTEST_REST_MS), LONGEST_REST_MS);
		if (!this.#woken && !this.#stop.aborted) await this.#ports.sleep(bounded, this.#rest.signal);
		this.#woken = false;
	}
}
