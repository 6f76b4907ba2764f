import { messageOf } from '../errors.ts';
import type { Family, FamilyDefinition, Series } from './family.ts';
import { flawInDefinition, flawInSeries } from './flaws.ts';
import { claimedNames, type Format, header, linePrefixes, spellNumber } from './notation.ts';

export const contentTypes: Readonly<Record<Format, string>> = {
	text: 'text/plain; version=0.0.4; charset=utf-8',
	openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** What one scrape answers, and what was left out of it. */
export interface Rendering {
	readonly body: Buffer;
	readonly omissions: readonly Omission[];
}

/** A family or series that a strict reader would refuse. It is left out, so that the rest can be read; a fault of ours. */
interface Omission {
	readonly family: string;
	/** Of the series; absent when the whole family is left out. */
	readonly labelValues?: readonly string[];
	readonly reason: string;
}

/**
 * Renders families, remembering what it rendered last: a series that stands in the same place of its family with the
 * same labels and numbers keeps its text, and a family in which nothing changed keeps its bytes. Numbers are compared,
 * not object identities, so it does not matter whether a series is changed in place or made afresh.
 */
export class Exposition {
	readonly #remembered = new WeakMap<FamilyDefinition, RenderedFamily>();

	render(families: readonly Family[], format: Format): Rendering {
		const chunks: Buffer[] = [];
		const omissions: Omission[] = [];
		const taken = new Set<string>();
		for (const { definition, series } of families) {
			if (series.length === 0) continue;
			const rendered = this.#recall(definition);
			const flaw = rendered.flaw ?? clash(rendered.names, taken);
			if (flaw !== undefined) {
				omissions.push({ family: definition.name, reason: flaw });
				continue;
			}
			try {
				rendered.update(series);
			} catch (error) {
				// What no check foresaw costs its family, not the scrape; and its memory, which may be half updated.
				this.#remembered.delete(definition);
				omissions.push({ family: definition.name, reason: messageOf(error) });
				continue;
			}
			for (const name of rendered.names) taken.add(name);
			for (const omission of rendered.omissions) omissions.push(omission);
			if (rendered.body.length > 0) chunks.push(rendered.headers[format], rendered.body);
		}
		if (format === 'openmetrics') chunks.push(END_OF_FILE);
		return { body: Buffer.concat(chunks), omissions };
	}

	#recall(definition: FamilyDefinition): RenderedFamily {
		let rendered = this.#remembered.get(definition);
		if (rendered === undefined) {
			rendered = new RenderedFamily(definition);
			this.#remembered.set(definition, rendered);
		}
		return rendered;
	}
}

const END_OF_FILE = Buffer.from('# EOF\n');

function clash(names: readonly string[], taken: ReadonlySet<string>): string | undefined {
	const name = names.find((claimed) => taken.has(claimed));
	return name === undefined ? undefined : `another family has the name ${name}`;
}

class RenderedFamily {
	readonly #definition: FamilyDefinition;
	readonly #rows: RenderedSeries[] = [];
	readonly flaw: string | undefined;
	readonly names: readonly string[];
	readonly headers: Readonly<Record<Format, Buffer>>;
	body = Buffer.alloc(0);
	omissions: readonly Omission[] = [];

	constructor(definition: FamilyDefinition) {
		this.#definition = definition;
		this.flaw = flawInDefinition(definition);
		this.names = claimedNames(definition);
		this.headers = {
			text: Buffer.from(header(definition, 'text')),
			openmetrics: Buffer.from(header(definition, 'openmetrics')),
		};
	}

	update(series: readonly Series[]): void {
		const rows = this.#rows;
		let changed = rows.length > series.length;
		let relabelled = false;
		rows.length = Math.min(rows.length, series.length);
		for (let index = 0; index < series.length; index++) {
			const current = series[index]!;
			let row = rows[index];
			if (row === undefined || !row.hasLabels(current.labelValues)) {
				row = rows[index] = new RenderedSeries(this.#definition, current.labelValues);
				relabelled = true;
			} else if (row.shows(current)) continue;
			row.write(this.#definition, current);
			changed = true;
		}
		if (relabelled) markDuplicates(rows);
		if (changed) this.#assemble();
	}

	#assemble(): void {
		const texts: string[] = [];
		const omissions: Omission[] = [];
		for (const row of this.#rows) {
			const reason = row.duplicate ? 'another series has these labels' : row.flaw;
			if (reason === undefined) texts.push(row.text);
			else omissions.push({ family: this.#definition.name, labelValues: row.labelValues, reason });
		}
		this.body = Buffer.from(texts.join(''));
		this.omissions = omissions;
	}
}

/** One series as it was rendered last. */
class RenderedSeries {
	readonly labelValues: readonly string[];
	readonly prefixes: readonly string[];
	/** The series' numbers as they were given: a value; or the buckets, the sum and the count. */
	#numbers: readonly number[] = [];
	text = '';
	flaw: string | undefined;
	duplicate = false;

	constructor(definition: FamilyDefinition, labelValues: readonly string[]) {
		this.labelValues = [...labelValues];
		this.prefixes = linePrefixes(definition, labelValues);
	}

	hasLabels(labelValues: readonly string[]): boolean {
		if (labelValues.length !== this.labelValues.length) return false;
		for (let index = 0; index < labelValues.length; index++) {
			if (labelValues[index] !== this.labelValues[index]) return false;
		}
		return true;
	}

	shows(series: Series): boolean {
		const numbers = this.#numbers;
		if ('value' in series) return numbers.length === 1 && Object.is(numbers[0], series.value);
		const { buckets, sum, count } = series;
		const size = buckets.length;
		if (numbers.length !== size + 2 || numbers[size] !== sum || numbers[size + 1] !== count) return false;
		for (let index = 0; index < size; index++) {
			if (numbers[index] !== buckets[index]) return false;
		}
		return true;
	}

	write(definition: FamilyDefinition, series: Series): void {
		this.#numbers = 'value' in series ? [series.value] : [...Array.from(series.buckets), series.sum, series.count];
		this.flaw = flawInSeries(definition, series);
		if (this.flaw !== undefined) return;
		const buckets = this.#numbers.length - 2;
		let observations = 0;
		const lines: string[] = [];
		for (const [index, number] of this.#numbers.entries()) {
			if (index < buckets) observations += number;
			lines.push(`${this.prefixes[index]}${spellNumber(index < buckets ? observations : number)}\n`);
		}
		this.text = lines.join('');
	}
}

/** Of series with the same labels the first is shown: two lines for one series would make the whole scrape unreadable. */
function markDuplicates(rows: readonly RenderedSeries[]): void {
	const seen = new Set<string>();
	for (const row of rows) {
		const key = row.prefixes[0]!;
		row.duplicate = seen.has(key);
		seen.add(key);
	}
}
