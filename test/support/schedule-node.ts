import { startRunner, type Execute, type Runner, type StateStore } from '../../lib/schedule/runner.ts';
import type { Occurrence } from '../../lib/schedule/occurrence.ts';
import { parseState, type ScheduleState } from '../../lib/schedule/state.ts';
import type { Entry } from '../../lib/schedule/record.ts';
import type { Schedule } from '../../lib/schedule/schedule.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Survives the processes of a node, and may refuse. Remembers every entry that any state ever had. */
class MemoryStore implements StateStore {
	readonly texts = new Map<string, string>();
	readonly entries = new Map<string, Entry>();
	saves = 0;
	refuses = false;

	async load(schedule: string): Promise<string | undefined> {
		if (this.refuses) throw new Error('no store');
		return this.texts.get(schedule);
	}

	async save(schedule: string, text: string): Promise<void> {
		if (this.refuses) throw new Error('no store');
		this.saves += 1;
		this.texts.set(schedule, text);
		for (const entry of parseState(text)?.record ?? []) this.entries.set(JSON.stringify(entry), entry);
	}

	state(schedule = 's'): ScheduleState | undefined {
		return parseState(this.texts.get(schedule) ?? '');
	}

	/** What the record says, shortly. */
	told(schedule = 's'): string[] {
		return (this.state(schedule)?.record ?? []).map(({ what, occurrence, why, attempt }) =>
			[what, occurrence.slice(-13, -8), why, attempt].filter((part) => part !== undefined).join(' ')
		);
	}
}

/** A node whose process can die: from then on nothing that it does has any effect, and nothing that it awaits comes. */
export class Node {
	readonly store = new MemoryStore();
	readonly warnings: string[] = [];
	/** What the wall clock is ahead of the time. */
	skewMs = 0;
	readonly time: VirtualTime;
	readonly #schedules: readonly Schedule[];
	readonly #executeOf: (mortal: Mortal) => Execute;
	readonly #isDone: (occurrence: Occurrence) => Promise<boolean>;
	#life: { alive: boolean; runner: Runner } | undefined;

	constructor(
		time: VirtualTime,
		schedules: readonly Schedule[],
		executeOf: (mortal: Mortal) => Execute,
		isDone: (occurrence: Occurrence) => Promise<boolean> = async () => false
	) {
		this.time = time;
		this.#schedules = schedules;
		this.#executeOf = executeOf;
		this.#isDone = isDone;
	}

	get now(): number {
		return this.time.now() + this.skewMs;
	}

	get isUp(): boolean {
		return this.#life !== undefined;
	}

	start(): Runner {
		const life = { alive: true };
		const mortal: Mortal = (work) =>
			new Promise((resolve, reject) => {
				if (!life.alive) return;
				work().then(
					(value) => life.alive && resolve(value),
					(error: unknown) => life.alive && reject(error)
				);
			});
		const runner = startRunner(this.#schedules, {
			clock: { now: () => this.now },
			sleep: (ms, signal) => mortal(() => this.time.sleep(ms, signal)),
			store: {
				load: (schedule) => mortal(() => this.store.load(schedule)),
				save: (schedule, text) => mortal(() => this.store.save(schedule, text)),
			},
			isDone: (occurrence) => mortal(() => this.#isDone(occurrence)),
			execute: (...run) => mortal(() => this.#executeOf(mortal)(...run)),
			warn: (message) => this.warnings.push(message),
		});
		this.#life = Object.assign(life, { runner });
		return runner;
	}

	/** The worker is told to end, and does so in its own time. */
	stop(): void {
		this.#life?.runner.stop();
		this.#life = undefined;
	}

	/** The process dies without a word. */
	kill(): void {
		if (this.#life) this.#life.alive = false;
		this.#life = undefined;
	}
}

/** Does something while the process lives; never settles once it is dead. */
export type Mortal = <T>(work: () => Promise<T>) => Promise<T>;
