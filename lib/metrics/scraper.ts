import { messageOf } from '../errors.ts';
import type { Clock } from '../time.ts';
import type { Collector } from './collector.ts';
import type { Family, FamilyDefinition, Sample } from './family.ts';

export interface ScraperPorts {
	readonly clock: Clock;
	/** Rejects when `work` has not settled after `timeoutMs`; the work itself goes on. */
	readonly within: <T>(work: Promise<T>, timeoutMs: number) => Promise<T>;
	readonly warn: (message: string) => void;
	/** By the name of a collector. */
	readonly turns: (collector: string) => Turns;
}

/**
 * A count that all workers share. A client may be answered by one worker now and by another in an instant; so a worker
 * shows a counter again only while no other has shown it since, or the client would see it fall.
 */
export interface Turns {
	current(): number;
	/** Takes the next turn and returns it. */
	take(): number;
}

const DEFAULT_INTERVAL_MS = 1000;
const DEFAULT_TIMEOUT_MS = 5000;

const success: FamilyDefinition = {
	name: 'harper_custodian_collector_success',
	type: 'gauge',
	help: '1 where the last reading of a collector succeeded; 0 where it failed, and then its families are absent.',
	labels: ['collector'],
	source: 'the collectors',
};

const duration: FamilyDefinition = {
	name: 'harper_custodian_collector_duration_seconds',
	type: 'gauge',
	help: 'How long the last reading of a collector took.',
	labels: ['collector'],
	source: 'the collectors',
};

const dropped: FamilyDefinition = {
	name: 'harper_custodian_series_dropped',
	type: 'gauge',
	help: 'Series of a gauge that are not shown because the family is over its cap.',
	labels: ['family'],
	source: 'the caps of the gauges',
};

export const scraperDefinitions = [success, duration, dropped];

interface Reading {
	readonly families: readonly Family[];
	readonly success: Sample;
	readonly duration: Sample;
	readonly dropped: readonly Sample[];
	/** Monotonic milliseconds. */
	readonly takenAt: number;
}

/** Reads all collectors for a scrape. Overlapping scrapes share one reading; a failing collector spoils only itself. */
export class Scraper {
	readonly #desks: readonly Desk[];

	constructor(collectors: readonly Collector[], maxSeriesPerFamily: number, ports: ScraperPorts) {
		this.#desks = collectors.map((collector) => new Desk(collector, maxSeriesPerFamily, ports));
	}

	async scrape(): Promise<readonly Family[]> {
		const begun = this.#desks.map((desk) => desk.read());
		const readings: Reading[] = [];
		for (const reading of begun) readings.push(reading instanceof Promise ? await reading : reading);
		return [
			...readings.flatMap((reading) => reading.families),
			{ definition: success, series: readings.map((reading) => reading.success) },
			{ definition: duration, series: readings.map((reading) => reading.duration) },
			{ definition: dropped, series: readings.flatMap((reading) => reading.dropped) },
		];
	}
}

/** Where one collector is read: single flight, not too often, not for too long. */
class Desk {
	readonly #collector: Collector;
	readonly #maxSeries: number;
	readonly #ports: ScraperPorts;
	#last: Reading | undefined;
	#flight: Promise<Reading> | undefined;
	#nextFlight: Promise<Reading> | undefined;
	#overdue = false;
	/** Undefined where a collector has gauges only, which may differ between workers by the age of a reading. */
	readonly #turns: Turns | undefined;
	/** The turn in which the flight began, and the one that was taken with the last reading. */
	#flightTurn: number | undefined;
	#lastTurn: number | undefined;

	constructor(collector: Collector, maxSeries: number, ports: ScraperPorts) {
		this.#collector = collector;
		this.#maxSeries = maxSeries;
		this.#ports = ports;
		const counts = collector.definitions.some(({ type }) => type !== 'gauge');
		this.#turns = counts ? ports.turns(collector.name) : undefined;
	}

	/** Never throws or rejects. What needs no waiting is there at once: a promise and a timer cost more than most readings. */
	read(): Reading | Promise<Reading> {
		const { minIntervalMs = DEFAULT_INTERVAL_MS } = this.#collector;
		// A failure is looked into again soon, however seldom the facts change.
		const intervalMs = this.#last?.success.value === 0 ? DEFAULT_INTERVAL_MS : minIntervalMs;
		const turn = this.#turns?.current();
		const recent = this.#last && this.#ports.clock.monotonic() - this.#last.takenAt < intervalMs;
		if (this.#last && recent && this.#lastTurn === turn) return this.#last;
		const flight = this.#flight && this.#flightTurn !== turn ? this.#afterFlight(this.#flight) : this.#fly();
		return flight instanceof Promise ? this.#inTime(flight) : flight;
	}

	async #inTime(flight: Promise<Reading>): Promise<Reading> {
		const { timeoutMs = DEFAULT_TIMEOUT_MS, name } = this.#collector;
		const { clock, within, warn } = this.#ports;
		const startedAt = clock.monotonic();
		// A reading that was overdue once is not waited for again: the scrape of a stuck collector stays quick.
		if (this.#overdue) return this.#reading([], false, timeoutMs);
		try {
			return await within(flight, timeoutMs);
		} catch {
			if (!this.#overdue) warn(`The collector ${name} has not answered for ${timeoutMs} ms.`);
			this.#overdue = true;
			return this.#reading([], false, clock.monotonic() - startedAt);
		}
	}

	/** Joins the flight that is under way, or begins one. */
	#fly(): Reading | Promise<Reading> {
		if (this.#flight) return this.#flight;
		this.#flightTurn = this.#turns?.current();
		const flight = this.#collect();
		if (flight instanceof Promise) this.#flight = flight;
		return flight;
	}

	/** For who came when another worker had shown more than the flight under way may bring. */
	#afterFlight(flight: Promise<Reading>): Promise<Reading> {
		this.#nextFlight ??= flight.then(() => {
			this.#nextFlight = undefined;
			return this.#fly();
		});
		return this.#nextFlight;
	}

	#collect(): Reading | Promise<Reading> {
		const startedAt = this.#ports.clock.monotonic();
		try {
			const families = this.#collector.collect();
			return families instanceof Promise ? this.#awaitFlight(families, startedAt) : this.#land(families, startedAt);
		} catch (error) {
			return this.#crash(error, startedAt);
		}
	}

	async #awaitFlight(families: Promise<readonly Family[]>, startedAt: number): Promise<Reading> {
		try {
			return this.#land(await families, startedAt);
		} catch (error) {
			return this.#crash(error, startedAt);
		} finally {
			this.#flight = undefined;
			this.#overdue = false;
		}
	}

	#land(families: readonly Family[], startedAt: number): Reading {
		this.#last = this.#reading(families, true, this.#ports.clock.monotonic() - startedAt);
		const turn = this.#turns?.take();
		const undisturbed = turn === undefined || turn - 1 === this.#flightTurn;
		this.#lastTurn = undisturbed ? turn : NaN;
		return this.#last;
	}

	#crash(error: unknown, startedAt: number): Reading {
		const { clock, warn } = this.#ports;
		if (this.#last?.success.value !== 0) warn(`The collector ${this.#collector.name} failed: ${messageOf(error)}`);
		this.#last = this.#reading([], false, clock.monotonic() - startedAt);
		this.#lastTurn = this.#turns?.current();
		return this.#last;
	}

	#reading(families: readonly Family[], succeeded: boolean, tookMs: number): Reading {
		const labelValues = [this.#collector.name];
		return {
			families: families.map((family) => capped(family, this.#maxSeries)),
			success: { labelValues, value: succeeded ? 1 : 0 },
			duration: { labelValues, value: tookMs / 1000 },
			dropped: families.flatMap((family) => cut(family, this.#maxSeries)),
			takenAt: this.#ports.clock.monotonic(),
		};
	}
}

/** Folded families keep their own cap, and an `other` beside it; a gauge over the cap is cut and says so. */
function capped(family: Family, maxSeries: number): Family {
	const { definition, series } = family;
	return cut(family, maxSeries).length === 0 ? family : { definition, series: series.slice(0, maxSeries) };
}

function cut({ definition, series }: Family, maxSeries: number): readonly Sample[] {
	if (definition.type !== 'gauge' || series.length <= maxSeries) return [];
	return [{ labelValues: [definition.name], value: series.length - maxSeries }];
}
