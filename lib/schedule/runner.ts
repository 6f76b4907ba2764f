import { messageOf } from '../errors.ts';
import type { Sleep } from '../pause.ts';
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
	/** How the attempt ended, until that is saved. */
	#end: (End & { readonly at: number }) | undefined;
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
			const now = this.#ports.clock.now();
			const end = this.#end;
			const { state, next } = this.#advance(end, now);
			// Nothing is decided, and nothing runs, that is not saved: a crash would leave no trace of it.
			if (!(await this.#saved(state))) {
				await this.#restFor(STORE_RETRY_MS);
				continue;
			}
			this.#state = state;
			if (end) this.#end = undefined;
			if (next.act === 'wait') await this.#restFor((next.until ?? Infinity) - this.#ports.clock.now());
			else if (!this.#stop.aborted) this.#begin(next);
		}
	}

	#advance(end: (End & { readonly at: number }) | undefined, now: number): { state: ScheduleState; next: Run | Wait } {
		let state = end ? ended(this.#schedule, this.#state, end, end.at) : this.#state;
		const { settle, next } = decide(this.#schedule, state, now);
		for (const decision of settle) state = settled(this.#schedule, state, decision, now);
		return { state: next.act === 'run' ? started(state, next, now) : state, next };
	}

	#begin(run: Run): void {
		this.#attempt = this.#execute(run).then((end) => {
			this.#end = { ...end, at: this.#ports.clock.now() };
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
		let stored: string | undefined;
		try {
			stored = await this.#ports.store.load(name);
		} catch (error) {
			this.#ports.warn(`The state of the schedule ${name} cannot be read, so it waits: ${messageOf(error)}`);
			return false;
		}
		this.#stored = stored ?? formatState(NOTHING_YET);
		const state = parseState(this.#stored);
		if (!state) this.#ports.warn(`The state of the schedule ${name} makes no sense, so it begins anew.`);
		this.#state = state ?? NOTHING_YET;
		const open = openAttempt(this.#state);
		if (open && open.endedAt === undefined) this.#end = { kind: 'interrupted', at: this.#ports.clock.now() };
		return true;
	}

	async #saved(state: ScheduleState): Promise<boolean> {
		const text = formatState(state);
		if (text === this.#stored) return true;
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
