// A strict reader of what /metrics answers, written from the specifications and not from our renderer. It also holds
// the exposition to what we promise beyond them: both a HELP and a TYPE, no family without samples, no empty labels,
// no timestamps or exemplars, and names that clash in neither format.

export type Labels = Readonly<Record<string, string>>;

interface ParsedSample {
	readonly name: string;
	readonly labels: Labels;
	readonly value: number;
}

interface ParsedFamily {
	readonly type: string;
	readonly help: string;
	readonly unit: string | undefined;
	readonly samples: readonly ParsedSample[];
}

/** By the family's name as TYPE says it: a counter has its `_total` in text, and not in OpenMetrics. */
export type Parsed = ReadonlyMap<string, ParsedFamily>;

/** Reads an exposition, or throws what is wrong with it and on which line. */
export function parse(exposition: string | Uint8Array, format: 'text' | 'openmetrics'): Parsed {
	const reader = new Reader(format);
	reader.read(decode(exposition));
	return reader.families;
}

/** The value of the one sample with this name and exactly these labels; undefined where there is none. */
export function value(parsed: Parsed, name: string, labels: Labels = {}): number | undefined {
	const wanted = seriesKey(name, labels);
	return samplesNamed(parsed, name).find((sample) => seriesKey(name, sample.labels) === wanted)?.value;
}

/** The sum over all samples with this name and at least these labels; 0 where there is none. */
export function total(parsed: Parsed, name: string, labels: Labels = {}): number {
	return samplesNamed(parsed, name)
		.filter((sample) => Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted))
		.reduce((sum, sample) => sum + sample.value, 0);
}

function samplesNamed(parsed: Parsed, name: string): ParsedSample[] {
	return [...parsed.values()].flatMap((family) => family.samples.filter((sample) => sample.name === name));
}

const SUFFIXES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
	openmetrics: {
		counter: ['_total', '_created'],
		gauge: [''],
		histogram: ['_bucket', '_sum', '_count', '_created'],
		summary: ['', '_sum', '_count', '_created'],
	},
	text: {
		counter: [''],
		gauge: [''],
		histogram: ['_bucket', '_sum', '_count'],
		summary: ['', '_sum', '_count'],
	},
};

/** What a family of a type may be taken for by some reader of either format. */
const CLAIMS: Readonly<Record<string, readonly string[]>> = {
	counter: ['', '_total', '_created'],
	gauge: [''],
	histogram: ['', '_bucket', '_sum', '_count', '_created'],
	summary: ['', '_sum', '_count', '_created'],
};

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;
const CANONICAL_DECIMAL = /^(?:0\.0|(?:0|[1-9]\d{0,5})\.(?:0|\d*[1-9]))$/;
const CANONICAL_POWER = /^[1-9](?:\.\d*[1-9])?e(?:\+(?:0[6-9]|[1-9]\d+)|-(?:0[5-9]|[1-9]\d+))$/;

interface OpenFamily {
	readonly name: string;
	readonly samples: ParsedSample[];
	type?: string;
	help?: string;
	unit?: string;
	/** The samples by label set, without `le` and `quantile`. */
	readonly groups: Map<string, ParsedSample[]>;
	openGroup?: string;
	lastLine: number;
}

class Reader {
	readonly families = new Map<string, ParsedFamily>();
	readonly #format: 'text' | 'openmetrics';
	readonly #names = new Map<string, string>();
	readonly #series = new Set<string>();
	#family: OpenFamily | undefined;
	#line = 0;

	constructor(format: 'text' | 'openmetrics') {
		this.#format = format;
	}

	read(text: string): void {
		const lines = text.split('\n');
		if (lines.pop() !== '') throw new Error(`line ${lines.length + 1}: the last line does not end`);
		let ended = false;
		for (const line of lines) {
			this.#line++;
			if (ended) this.#fail('something follows # EOF');
			if (line === '') this.#fail('a blank line');
			if (line === '# EOF' && this.#format === 'openmetrics') ended = true;
			else if (line.startsWith('#')) this.#readMetadata(line);
			else this.#readSample(line);
		}
		this.#close();
		if (this.#format === 'openmetrics' && !ended) this.#fail('there is no # EOF');
	}

	#fail(reason: string, line = this.#line): never {
		throw new Error(`line ${line}: ${reason}`);
	}

	#readMetadata(line: string): void {
		const match = /^# (HELP|TYPE|UNIT) ([^ ]+) (.*)$/s.exec(line);
		if (match === null) this.#fail(`neither HELP nor TYPE nor UNIT: ${line}`);
		const [, keyword, name = '', rest = ''] = match;
		if (!METRIC_NAME.test(name)) this.#fail(`${name} is no metric name`);
		if (this.#family?.name !== name) this.#open(name);
		const family = this.#family!;
		if (family.samples.length > 0) this.#fail(`${keyword} of ${name} after its samples`);
		if (keyword === 'HELP') {
			if (family.help !== undefined) this.#fail(`a second HELP of ${name}`);
			family.help = this.#unescape(rest, this.#format === 'openmetrics');
		} else if (keyword === 'TYPE') {
			if (family.type !== undefined) this.#fail(`a second TYPE of ${name}`);
			if (!(rest in CLAIMS)) this.#fail(`${rest} is no type of ours`);
			family.type = rest;
		} else {
			if (this.#format === 'text') this.#fail('text knows no UNIT');
			if (family.unit !== undefined) this.#fail(`a second UNIT of ${name}`);
			if (rest === '' || !name.endsWith(`_${rest}`)) this.#fail(`${name} does not end in its unit ${rest}`);
			family.unit = rest;
		}
		family.lastLine = this.#line;
	}

	#open(name: string): void {
		this.#close();
		if (this.families.has(name)) this.#fail(`${name} appears a second time`);
		this.#family = { name, samples: [], groups: new Map(), lastLine: this.#line };
	}

	#close(): void {
		const family = this.#family;
		this.#family = undefined;
		if (family === undefined) return;
		const { name, samples, type, help, unit, lastLine } = family;
		if (type === undefined) this.#fail(`${name} has no TYPE`, lastLine);
		if (help === undefined) this.#fail(`${name} has no HELP`, lastLine);
		if (samples.length === 0) this.#fail(`${name} has no samples`, lastLine);
		this.#claim(family, type);
		if (type === 'histogram') this.#checkHistogram(family);
		if (type === 'summary') this.#checkTotals(family);
		this.families.set(name, { type, help, unit, samples });
	}

	#claim({ name: family, lastLine }: OpenFamily, type: string): void {
		if (type === 'counter' && family.endsWith('_total') !== (this.#format === 'text')) {
			this.#fail(`the counter ${family} ${this.#format === 'text' ? 'lacks its' : 'has a'} _total`, lastLine);
		}
		const base = type === 'counter' ? family.replace(/_total$/, '') : family;
		for (const suffix of CLAIMS[type]!) {
			const other = this.#names.get(base + suffix);
			if (other !== undefined) this.#fail(`${family} clashes with ${other} over ${base}${suffix}`, lastLine);
			this.#names.set(base + suffix, family);
		}
	}

	#readSample(line: string): void {
		const name = /^[^{ ]*/.exec(line)![0];
		if (!METRIC_NAME.test(name)) this.#fail(`${name} is no metric name`);
		const family = this.#family;
		if (family?.type === undefined) this.#fail(`${name} comes without a TYPE`);
		const suffix = name.slice(family.name.length);
		if (!name.startsWith(family.name) || !SUFFIXES[this.#format]![family.type]!.includes(suffix)) {
			this.#fail(`${name} is no sample of the ${family.type} ${family.name}`);
		}
		const { labels, end } = this.#readLabels(line, name.length);
		if (line[end] !== ' ') this.#fail('no single space before the value');
		const spelling = line.slice(end + 1);
		if (!NUMBER.test(spelling)) this.#fail(`${spelling} is no value`);
		const sample = { name, labels, value: Number(spelling.replace('Inf', 'Infinity')) };
		this.#checkSample(family, sample, suffix);
		family.samples.push(sample);
		family.groups.get(groupKey(labels))!.push(sample);
		family.lastLine = this.#line;
	}

	#readLabels(line: string, start: number): { labels: Record<string, string>; end: number } {
		const labels: Record<string, string> = {};
		if (line[start] !== '{') return { labels, end: start };
		const pair = /([^=,{}"]*)="((?:[^"\\]|\\.)*)"([,}])/sy;
		pair.lastIndex = start + 1;
		for (;;) {
			const match = pair.exec(line);
			if (match === null) this.#fail('malformed labels');
			const [, label = '', escaped = '', separator] = match;
			if (!LABEL_NAME.test(label)) this.#fail(`${label} is no label name`);
			if (Object.hasOwn(labels, label)) this.#fail(`the label ${label} twice`);
			if (escaped === '') this.#fail(`the label ${label} is empty`);
			labels[label] = this.#unescape(escaped, true);
			if (separator === '}') return { labels, end: pair.lastIndex };
		}
	}

	/** Quotes are escaped in label values, and in the HELP of OpenMetrics; in the HELP of text they are not. */
	#unescape(escaped: string, quotes: boolean): string {
		if (quotes && /(?<!\\)(?:\\\\)*"/.test(escaped)) this.#fail('a quote is not escaped');
		return escaped.replaceAll(/\\(.?)/gs, (sequence, character: string) => {
			if (character === 'n') return '\n';
			if (character === '\\' || (character === '"' && quotes)) return character;
			return this.#fail(`${sequence} is no escape`);
		});
	}

	#checkSample(family: OpenFamily, { name, labels, value: number }: ParsedSample, suffix: string): void {
		const key = seriesKey(name, labels);
		if (this.#series.has(key)) this.#fail(`${key} appears a second time`);
		this.#series.add(key);
		if ('le' in labels !== (suffix === '_bucket' && family.type === 'histogram')) this.#fail('le belongs to buckets');
		if (family.type === 'summary' && 'quantile' in labels !== (suffix === '')) this.#fail('quantile is out of place');
		if ((family.type === 'counter' || suffix !== '') && !(number >= 0)) this.#fail(`${name} is negative or NaN`);
		if (['_bucket', '_count'].includes(suffix) && !Number.isInteger(number)) this.#fail(`${name} is no whole number`);
		const group = groupKey(labels);
		if (family.openGroup === group) return;
		if (family.groups.has(group)) this.#fail(`the samples of ${group} are not together`);
		family.groups.set(group, []);
		family.openGroup = group;
	}

	#checkHistogram(family: OpenFamily): void {
		const { lastLine } = family;
		this.#checkTotals(family);
		for (const [group, samples] of family.groups) {
			const buckets = samples.filter((sample) => sample.name.endsWith('_bucket'));
			let previous = { bound: -Infinity, count: 0 };
			for (const bucket of buckets) {
				const le = bucket.labels['le']!;
				if (le !== '+Inf' && !CANONICAL_DECIMAL.test(le) && !CANONICAL_POWER.test(le)) {
					this.#fail(`le="${le}" of ${family.name} is not canonical`, lastLine);
				}
				const bound = Number(le.replace('Inf', 'Infinity'));
				if (bound !== 0 && bound < 1e-4 && !le.includes('e')) this.#fail(`le="${le}" is not canonical`, lastLine);
				if (bound <= previous.bound) this.#fail(`the buckets of ${family.name} ${group} do not ascend`, lastLine);
				if (bucket.value < previous.count)
					this.#fail(`the buckets of ${family.name} ${group} are not cumulative`, lastLine);
				previous = { bound, count: bucket.value };
			}
			if (previous.bound !== Infinity) this.#fail(`${family.name} ${group} has no +Inf bucket`, lastLine);
			const count = samples.find((sample) => sample.name.endsWith('_count'))!.value;
			if (count !== previous.count) this.#fail(`the count of ${family.name} ${group} is not its +Inf bucket`, lastLine);
		}
	}

	#checkTotals({ name, groups, lastLine }: OpenFamily): void {
		for (const [group, samples] of groups) {
			for (const suffix of ['_sum', '_count']) {
				const found = samples.some((sample) => sample.name === name + suffix);
				if (!found) this.#fail(`${name} ${group} has no ${suffix}`, lastLine);
			}
		}
	}
}

function decode(exposition: string | Uint8Array): string {
	const bytes = typeof exposition === 'string' ? new TextEncoder().encode(exposition) : exposition;
	const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	if (typeof exposition === 'string' && text !== exposition) throw new Error('line 1: half a surrogate pair somewhere');
	const nul = text.indexOf('\0');
	if (nul >= 0) throw new Error(`line ${text.slice(0, nul).split('\n').length}: a NUL, where Prometheus stops reading`);
	return text;
}

function seriesKey(name: string, labels: Labels): string {
	return name + JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function groupKey({ le: _le, quantile: _quantile, ...labels }: Labels): string {
	return seriesKey('', labels);
}
