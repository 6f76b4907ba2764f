import { messageOf } from '../errors.ts';
import type { Clock } from '../time.ts';
import type { Collector } from './collector.ts';
import { samples, type Family, type FamilyDefinition } from './family.ts';

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
	readonly succeeded: boolean;
	readonly tookMs: number;
	/** Monotonic milliseconds. */
	readonly takenAt: number;
}

/** Reads all collectors for a scrape. Overlapping scrapes share one reading; a failing collector spoils only itself. */
export class Scraper {
	readonly #desks: readonly Desk[];
	readonly #maxSeries: number;

	constructor(collectors: readonly Collector[], maxSeriesPerFamily: number, ports: ScraperPorts) {
		this.#desks = collectors.map((collector) => new Desk(collector, ports));
		this.#maxSeries = maxSeriesPerFamily;
	}

	async scrape(): Promise<readonly Family[]> {
		const readings = await Promise.all(this.#desks.map((desk) => desk.read()));
		const byCollector = this.#desks.map((desk, index) => [[desk.name], readings[index]] as const);
		const overflow: (readonly [readonly string[], number])[] = [];
		const families = readings.flatMap((reading) => reading.families.map((family) => this.#cap(family, overflow)));
		return [
			...families,
			samples(
				success,
				byCollector.map(([labels, reading]) => [labels, reading?.succeeded ? 1 : 0])
			),
			samples(
				duration,
				byCollector.map(([labels, reading]) => [labels, (reading?.tookMs ?? 0) / 1000])
			),
			samples(dropped, overflow),
		];
	}

	/** Folded families keep their own cap, and an `other` beside it; a gauge over the cap is cut and says so. */
	#cap(family: Family, overflow: (readonly [readonly string[], number])[]): Family {
		const { definition, series } = family;
		if (definition.type !== 'gauge' || series.length <= this.#maxSeries) return family;
		overflow.push([[definition.name], series.length - this.#maxSeries]);
		return { definition, series: series.slice(0, this.#maxSeries) };
	}
}

/** Where one collector is read: single flight, not too often, not for too long. */
class Desk {
	readonly #collector: Collector;
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

	constructor(collector: Collector, ports: ScraperPorts) {
		this.#collector = collector;
		this.#ports = ports;
		const counts = collector.definitions.some(({ type }) => type !== 'gauge');
		this.#turns = counts ? ports.turns(collector.name) : undefined;
	}

	get name(): string {
		return this.#collector.name;
	}

	/** Never rejects. */
	async read(): Promise<Reading> {
		const { minIntervalMs = DEFAULT_INTERVAL_MS, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#collector;
		const { clock, within, warn } = this.#ports;
		// A failure is looked into again soon, however seldom the facts change.
		const intervalMs = this.#last?.succeeded === false ? DEFAULT_INTERVAL_MS : minIntervalMs;
		const turn = this.#turns?.current();
		const recent = this.#last && clock.monotonic() - this.#last.takenAt < intervalMs;
		if (this.#last && recent && this.#lastTurn === turn) return this.#last;
		const startedAt = clock.monotonic();
		const flight = this.#flight && this.#flightTurn !== turn ? this.#afterFlight(this.#flight) : this.#fly();
		// A reading that was overdue once is not waited for again: the scrape of a stuck collector stays quick.
		if (this.#overdue) return this.#failure(timeoutMs);
		try {
			return await within(flight, timeoutMs);
		} catch {
			if (!this.#overdue) warn(`The collector ${this.name} has not answered for ${timeoutMs} ms.`);
			this.#overdue = true;
			return this.#failure(clock.monotonic() - startedAt);
		}
	}

	/** Joins the flight that is under way, or begins one. */
	#fly(): Promise<Reading> {
		if (this.#flight) return this.#flight;
		this.#flightTurn = this.#turns?.current();
		this.#flight = this.#collect().finally(() => {
			this.#flight = undefined;
			this.#overdue = false;
		});
		return this.#flight;
	}

	/** For who came when another worker had shown more than the flight under way may bring. */
	#afterFlight(flight: Promise<Reading>): Promise<Reading> {
		this.#nextFlight ??= flight.then(() => {
			this.#nextFlight = undefined;
			return this.#fly();
		});
		return this.#nextFlight;
	}

	async #collect(): Promise<Reading> {
		const { clock, warn } = this.#ports;
		const startedAt = clock.monotonic();
		const taken = (families: readonly Family[], succeeded: boolean): Reading => {
			const takenAt = clock.monotonic();
			return { families, succeeded, tookMs: takenAt - startedAt, takenAt };
		};
		try {
			this.#last = taken(await this.#collector.collect(), true);
		} catch (error) {
			if (this.#last?.succeeded !== false) warn(`The collector ${this.name} failed: ${messageOf(error)}`);
			this.#last = taken([], false);
		}
		const turn = this.#turns?.take();
		const undisturbed = turn === undefined || turn - 1 === this.#flightTurn;
		this.#lastTurn = undisturbed ? turn : NaN;
		return this.#last;
	}

	#failure(tookMs: number): Reading {
		return { families: [], succeeded: false, tookMs, takenAt: 0 };
	}
}
