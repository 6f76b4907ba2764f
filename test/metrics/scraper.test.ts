import { beforeEach, describe, expect, it } from 'vitest';
import type { Collector } from '../../lib/metrics/collector.ts';
import { samples, single, type Family, type FamilyDefinition, type Sample } from '../../lib/metrics/family.ts';
import { Scraper } from '../../lib/metrics/scraper.ts';

const gauge = (name: string, labels: string[] = []): FamilyDefinition => ({
	name,
	type: 'gauge',
	help: name,
	labels,
	source: '',
});
const thing = gauge('thing');

class Scene {
	now = 0;
	readonly warnings: string[] = [];
	readonly overdue: (() => void)[] = [];
	turn = 0;

	scraper(collectors: Collector[], maxSeries = 1000): Scraper {
		return new Scraper(collectors, maxSeries, {
			clock: { now: () => this.now, monotonic: () => this.now },
			within: (work, timeoutMs) =>
				Promise.race([
					work,
					new Promise<never>((_, reject) => {
						this.overdue.push(() => {
							this.now += timeoutMs;
							reject(new Error('late'));
						});
					}),
				]),
			warn: (message) => this.warnings.push(message),
			turns: () => ({ current: () => this.turn, take: () => ++this.turn }),
		});
	}
}

function collector(name: string, collect: Collector['collect'], rest: Partial<Collector> = {}): Collector {
	return { name, definitions: [thing], collect, ...rest };
}

function valuesOf(families: readonly Family[], name: string): Record<string, number> {
	const family = families.find(({ definition }) => definition.name === name);
	return Object.fromEntries((family?.series ?? []).map((s) => [s.labelValues.join(), (s as Sample).value]));
}

describe('a scrape', () => {
	let scene: Scene;

	beforeEach(() => {
		scene = new Scene();
	});

	describe('by two workers', () => {
		const events: FamilyDefinition = { ...gauge('events_total'), type: 'counter' };
		const shown = async (scraper: Scraper, name = 'events_total') => valuesOf(await scraper.scrape(), name)[''];

		it('never shows a counter lower than the other worker did', async () => {
			let count = 1;
			const counting = collector('c', () => [single(events, count)], { definitions: [events] });
			const [one, other] = [scene.scraper([counting]), scene.scraper([counting])];
			expect(await shown(one)).toBe(1);
			count = 2;
			expect(await shown(one)).toBe(1);
			expect(await shown(other)).toBe(2);
			expect(await shown(one)).toBe(2);
			count = 3;
			expect(await shown(one)).toBe(2);
			expect(await shown(other)).toBe(3);
		});

		it('does not join a reading that began before the other worker showed more', async () => {
			let count = 1;
			const finish: (() => void)[] = [];
			const slow = async () => {
				const family = single(events, count);
				await new Promise<void>((resolve) => finish.push(resolve));
				return [family];
			};
			const one = scene.scraper([collector('c', slow, { definitions: [events] })]);
			const other = scene.scraper([collector('c', () => [single(events, count)], { definitions: [events] })]);
			const early = shown(one);
			count = 2;
			expect(await shown(other)).toBe(2);
			const late = shown(one);
			finish[0]?.();
			expect(await early).toBe(1);
			await expect.poll(() => finish.length).toBe(2);
			finish[1]?.();
			expect(await late).toBe(2);
		});

		it('shows gauges as each worker read them last', async () => {
			let value = 1;
			const measuring = collector('g', () => [single(thing, value)]);
			const [one, other] = [scene.scraper([measuring]), scene.scraper([measuring])];
			expect(await shown(one, 'thing')).toBe(1);
			value = 2;
			expect(await shown(other, 'thing')).toBe(2);
			expect(await shown(one, 'thing')).toBe(1);
		});
	});

	it('shares one reading among all that overlap', async () => {
		let readings = 0;
		let finish = () => {};
		const slow = collector('slow', async () => {
			readings += 1;
			await new Promise<void>((resolve) => (finish = resolve));
			return [single(thing, readings)];
		});
		const scraper = scene.scraper([slow]);
		const scrapes = [scraper.scrape(), scraper.scrape(), scraper.scrape()];
		await Promise.resolve();
		finish();
		for (const families of await Promise.all(scrapes)) expect(valuesOf(families, 'thing')).toEqual({ '': 1 });
		expect(readings).toBe(1);
	});

	it('reads again once the interval has passed, and not before', async () => {
		let readings = 0;
		const scraper = scene.scraper([collector('a', () => [single(thing, ++readings)], { minIntervalMs: 5000 })]);
		await scraper.scrape();
		scene.now = 4999;
		await scraper.scrape();
		expect(readings).toBe(1);
		scene.now = 5000;
		await scraper.scrape();
		expect(readings).toBe(2);
	});

	it('shows a failed collector as failed, its families as absent, and everything else as it is', async () => {
		const bad = collector('bad', () => {
			throw new Error('disk on fire');
		});
		const other = collector('good', () => [single(gauge('other'), 7)]);
		const families = await scene.scraper([bad, other]).scrape();
		expect(valuesOf(families, 'harper_custodian_collector_success')).toEqual({ bad: 0, good: 1 });
		expect(valuesOf(families, 'other')).toEqual({ '': 7 });
		expect(valuesOf(families, 'thing')).toEqual({});
		expect(scene.warnings.join()).toContain('disk on fire');
	});

	it('warns once of a collector that keeps failing, and again when it fails anew', async () => {
		let broken = true;
		const flaky = collector('flaky', () => {
			if (broken) throw new Error('no');
			return [];
		});
		const scraper = scene.scraper([flaky]);
		for (broken of [true, true, true, false, true]) {
			scene.now += 1000;
			await scraper.scrape();
		}
		expect(scene.warnings).toHaveLength(2);
	});

	it('waits for a stuck collector once, then no longer, and takes its answer when it comes', async () => {
		let finish = () => {};
		let calls = 0;
		const stuck = collector('stuck', async () => {
			calls += 1;
			await new Promise<void>((resolve) => (finish = resolve));
			return [single(thing, 1)];
		});
		const scraper = scene.scraper([stuck]);
		const first = scraper.scrape();
		scene.overdue.forEach((pass) => pass());
		expect(valuesOf(await first, 'harper_custodian_collector_success')).toEqual({ stuck: 0 });
		const waiting = scene.overdue.length;
		expect(valuesOf(await scraper.scrape(), 'harper_custodian_collector_success')).toEqual({ stuck: 0 });
		expect(scene.overdue).toHaveLength(waiting);
		expect(calls).toBe(1);
		finish();
		await new Promise(setImmediate);
		expect(valuesOf(await scraper.scrape(), 'thing')).toEqual({ '': 1 });
		expect(scene.warnings).toHaveLength(1);
	});

	it('cuts a gauge that is over the cap and says by how much', async () => {
		const wide = gauge('wide', ['n']);
		const many = collector('many', () => [
			samples(
				wide,
				Array.from({ length: 5 }, (_, i) => [[String(i)], i] as const)
			),
		]);
		const families = await scene.scraper([many], 3).scrape();
		expect(Object.keys(valuesOf(families, 'wide'))).toEqual(['0', '1', '2']);
		expect(valuesOf(families, 'harper_custodian_series_dropped')).toEqual({ wide: 2 });
	});
});
