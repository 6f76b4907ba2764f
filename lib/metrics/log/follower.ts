import * as v from 'valibot';
import type { Clock } from '../../time.ts';
import { inTurn } from '../in-turn.ts';
import { advanceLogCount, initialLogCount, logLevels, type LogCount, type LogFiles } from './count.ts';

/** Where the count is kept: one value, replaced whole or not at all, readable by every worker. */
export interface LogCountStore {
	load(): string | undefined;
	save(text: string): Promise<void>;
}

const count = v.pipe(v.number(), v.finite(), v.minValue(0));
const schema = v.strictObject({
	version: v.literal(1),
	files: v.array(
		v.strictObject({ id: v.string(), offset: count, withinLine: v.boolean(), replacedAt: v.optional(count) })
	),
	lines: v.strictObject(v.entriesFromList(logLevels, count)),
	skippedBytes: count,
});

/**
 * Follows Harper's log. The elected worker makes the first look, which decides where counting begins, and saves; the
 * others go on from what it saved, so that all count the same lines.
 */
export class LogFollower {
	readonly #log: LogFiles;
	readonly #store: LogCountStore;
	readonly #clock: Pick<Clock, 'now'>;
	#state: LogCount | undefined;
	/** What was last found saved; it changes seldom, and parsing it costs more than the rest of a look. */
	#adopted: string | undefined;
	readonly #exclusively = inTurn();

	constructor(log: LogFiles, store: LogCountStore, clock: Pick<Clock, 'now'>) {
		this.#log = log;
		this.#store = store;
		this.#clock = clock;
	}

	/** Counts what is new; undefined before the elected worker's first look. */
	advance(): Promise<LogCount | undefined> {
		return this.#exclusively(async () => {
			this.#adopt();
			if (this.#state) this.#state = await advanceLogCount(this.#state, this.#log, this.#clock.now());
			return this.#state;
		});
	}

	/** For the elected worker: counts what is new and saves it. */
	save(): Promise<void> {
		return this.#exclusively(async () => {
			this.#adopt();
			this.#state = await advanceLogCount(this.#state ?? initialLogCount(), this.#log, this.#clock.now());
			await this.#store.save(JSON.stringify(this.#state));
		});
	}

	/** Takes what was saved where it is further than what this worker counted itself. Damaged, it counts for nothing. */
	#adopt(): void {
		const text = this.#store.load();
		if (text === this.#adopted) return;
		this.#adopted = text;
		const saved = parse(text);
		if (saved && (!this.#state || isFurther(saved, this.#state))) this.#state = saved;
	}
}

function parse(text: string | undefined): LogCount | undefined {
	if (text === undefined) return undefined;
	try {
		const result = v.safeParse(schema, JSON.parse(text));
		return result.success ? result.output : undefined;
	} catch {
		return undefined;
	}
}

/** Whether taking `saved` for `own` would let no count fall. */
function isFurther(saved: LogCount, own: LogCount): boolean {
	return logLevels.every((level) => saved.lines[level] >= own.lines[level]) && saved.skippedBytes >= own.skippedBytes;
}
