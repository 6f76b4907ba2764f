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
 * Renders families, remembering what it rendered last. A family that is the same object as last time keeps its bytes
 * and is not looked into; in any other, a series that stands in the same place with the same labels and numbers keeps
 * its text.
 */
export class Exposition {
	readonly #remembered = new WeakMap<FamilyDefinition, RenderedFamily>();
	/** The families of the last scrape: the next one has the same, nearly always. */
	#places: readonly Place[] = [];

	render(families: readonly Family[], format: Format): Rendering {
		const present = families.filter(isPresent);
		if (!fits(this.#places, present)) this.#places = this.#arrange(present);
		const places = this.#places;
		const chunks: Buffer[] = [];
		const omissions: Omission[] = [];
		for (let index = 0; index < present.length; index++) {
			const family = present[index]!;
			const { rendered, flaw } = places[index]!;
			if (flaw !== undefined) {
				omissions.push({ family: family.definition.name, reason: flaw });
				continue;
			}
			try {
				const shown = rendered.show(family, format);
				chunks.push(shown.bytes);
				if (shown.omissions.length > 0) omissions.push(...shown.omissions);
			} catch (error) {
				// What no check foresaw costs its family, not the scrape; and its memory, which may be half updated.
				this.#remembered.delete(family.definition);
				this.#places = [];
				omissions.push({ family: family.definition.name, reason: messageOf(error) });
			}
		}
		if (format === 'openmetrics') chunks.push(END_OF_FILE);
		return { body: Buffer.concat(chunks), omissions };
	}

	#arrange(families: readonly Family[]): readonly Place[] {
		const taken = new Set<string>();
		return families.map(({ definition }) => {
			const rendered = this.#recall(definition);
			const flaw = flawInDefinition(definition) ?? clash(rendered.names, taken);
			if (flaw === undefined) for (const name of rendered.names) taken.add(name);
			return { definition, rendered, flaw };
		});
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

interface Place {
	readonly definition: FamilyDefinition;
	readonly rendered: RenderedFamily;
	/** Why the family cannot be shown here. */
	readonly flaw: string | undefined;
}

const END_OF_FILE = Buffer.from('# EOF\n');

function fits(places: readonly Place[], families: readonly Family[]): boolean {
	if (places.length !== families.length) return false;
	for (let index = 0; index < places.length; index++) {
		if (places[index]!.definition !== families[index]!.definition) return false;
	}
	return true;
}

function isPresent({ series }: Family): boolean {
	return series.length > 0;
}

function clash(names: readonly string[], taken: ReadonlySet<string>): string | undefined {
	const name = names.find((claimed) => taken.has(claimed));
	return name === undefined ? undefined : `another family has the name ${name}`;
}

interface Shown {
	readonly bytes: Buffer;
	readonly omissions: readonly Omission[];
}

class RenderedFamily {
	readonly #definition: FamilyDefinition;
	readonly #rows: RenderedSeries[] = [];
	readonly names: readonly string[];
	#family: Family | undefined;
	#shown: Partial<Record<Format, Shown>> = {};

	constructor(definition: FamilyDefinition) {
		this.#definition = definition;
		this.names = claimedNames(definition);
	}

	show(family: Family, format: Format): Shown {
		if (family !== this.#family) this.#update(family.series);
		this.#family = family;
		return (this.#shown[format] ??= this.#assemble(format));
	}

	#update(series: readonly Series[]): void {
		const rows = this.#rows;
		let changed = rows.length > series.length;
		let relabelled = false;
		rows.length = Math.min(rows.length, series.length);
		for (let index = 0; index < series.length; index++) {
			const current = series[index]!;
			let row = rows[index];
			if (row === undefined || !row.hasLabels(current.labelValues)) {
				row = rows[index] = new RenderedSeries(this.#definition, current);
				relabelled = true;
			} else if (!row.turnTo(current)) continue;
			row.write(this.#definition);
			changed = true;
		}
		if (relabelled) markDuplicates(rows);
		if (changed) this.#shown = {};
	}

	#assemble(format: Format): Shown {
		const texts: string[] = [header(this.#definition, format)];
		const omissions: Omission[] = [];
		for (const row of this.#rows) {
			const reason = row.duplicate ? 'another series has these labels' : row.flaw;
			if (reason === undefined) texts.push(row.text);
			else omissions.push({ family: this.#definition.name, labelValues: row.labelValues, reason });
		}
		return { bytes: Buffer.from(texts.length > 1 ? texts.join('') : ''), omissions };
	}
}

/** One series as it was rendered last. */
class RenderedSeries {
	readonly prefixes: readonly string[];
	#series: Series;
	text = '';
	flaw: string | undefined;
	duplicate = false;

	constructor(definition: FamilyDefinition, series: Series) {
		this.#series = series;
		this.prefixes = linePrefixes(definition, series.labelValues);
	}

	get labelValues(): readonly string[] {
		return this.#series.labelValues;
	}

	hasLabels(labelValues: readonly string[]): boolean {
		const own = this.labelValues;
		if (labelValues === own) return true;
		if (labelValues.length !== own.length) return false;
		for (let index = 0; index < own.length; index++) {
			if (labelValues[index] !== own[index]) return false;
		}
		return true;
	}

	/** Takes a series with the same labels in the place of the one before; true where its text must be written anew. */
	turnTo(series: Series): boolean {
		const before = this.#series;
		this.#series = series;
		return series !== before && !sameNumbers(before, series);
	}

	write(definition: FamilyDefinition): void {
		const series = this.#series;
		this.flaw = flawInSeries(definition, series);
		if (this.flaw === undefined) this.text = linesOf(this.prefixes, series);
	}
}

function sameNumbers(before: Series, after: Series): boolean {
	if ('value' in before || 'value' in after) {
		return 'value' in before && 'value' in after && Object.is(before.value, after.value);
	}
	const { buckets, sum, count } = before;
	if (after.count !== count || after.sum !== sum || after.buckets.length !== buckets.length) return false;
	for (let index = 0; index < buckets.length; index++) {
		if (after.buckets[index] !== buckets[index]) return false;
	}
	return true;
}

function linesOf(prefixes: readonly string[], series: Series): string {
	if ('value' in series) return `${prefixes[0]}${spellNumber(series.value)}\n`;
	const { buckets, sum, count } = series;
	const lines: string[] = [];
	let observations = 0;
	for (let index = 0; index < buckets.length; index++) {
		observations += buckets[index]!;
		lines.push(`${prefixes[index]}${observations}\n`);
	}
	lines.push(`${prefixes[buckets.length]}${spellNumber(sum)}\n${prefixes[buckets.length + 1]}${count}\n`);
	return lines.join('');
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
