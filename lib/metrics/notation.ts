import type { FamilyDefinition, FamilyType } from './family.ts';

/** Prometheus text 0.0.4, or OpenMetrics 1.0. They differ in headers and the last line; sample lines are the same. */
export type Format = 'text' | 'openmetrics';

/** The lines that precede a family's samples. */
export function header(definition: FamilyDefinition, format: Format): string {
	const { type, help } = definition;
	if (format === 'text') return `# HELP ${definition.name} ${escape(help)}\n# TYPE ${definition.name} ${type}\n`;
	const name = baseName(definition);
	const unit = BASE_UNITS.find((word) => name.endsWith(`_${word}`));
	return (
		`# HELP ${name} ${escape(help).replaceAll('"', '\\"')}\n# TYPE ${name} ${type}\n` +
		(unit === undefined ? '' : `# UNIT ${name} ${unit}\n`)
	);
}

/** Every name that the family lays claim to, in either format; no two families may share one. */
export function claimedNames(definition: FamilyDefinition): string[] {
	return CLAIMED_SUFFIXES[definition.type].map((suffix) => baseName(definition) + suffix);
}

/** What stands before the number, for each line of a series: its value; or its buckets, sum and count. */
export function linePrefixes(definition: FamilyDefinition, labelValues: readonly string[]): string[] {
	const { name, type, bounds = [] } = definition;
	const pairs = labelPairs(definition.labels, labelValues);
	const labels = pairs === '' ? ' ' : `{${pairs}} `;
	if (type === 'counter' || type === 'gauge') return [name + labels];
	const prefixes = [`${name}_sum${labels}`, `${name}_count${labels}`];
	if (type === 'summary') return prefixes;
	const separator = pairs === '' ? '' : ',';
	// Joined, the text lies in one piece; a template of this length is a tree of its parts, walked whenever it is read.
	const bucket = (bound: string) => [name, '_bucket{', pairs, separator, 'le="', bound, '"} '].join('');
	return [...bounds.map((bound) => bucket(spellBound(bound))), bucket('+Inf'), ...prefixes];
}

export function spellNumber(value: number): string {
	if (value === Infinity) return '+Inf';
	if (value === -Infinity) return '-Inf';
	return String(value);
}

const BASE_UNITS = ['seconds', 'bytes', 'ratio'];

const CLAIMED_SUFFIXES: Readonly<Record<FamilyType, readonly string[]>> = {
	counter: ['', '_total', '_created'],
	gauge: [''],
	histogram: ['', '_bucket', '_sum', '_count', '_created'],
	summary: ['', '_sum', '_count', '_created'],
};

/** The name as OpenMetrics knows the family: counters without `_total`. */
function baseName({ name, type }: FamilyDefinition): string {
	return type === 'counter' ? name.replace(/_total$/, '') : name;
}

function labelPairs(labels: readonly string[], values: readonly string[]): string {
	let pairs = '';
	for (const [index, label] of labels.entries()) {
		const value = values[index] ?? '';
		if (value === '') continue;
		pairs += `${pairs === '' ? '' : ','}${label}="${escape(value).replaceAll('"', '\\"')}"`;
	}
	return pairs;
}

/** The canonical spelling of `le`: Prometheus 3 stores this one, whatever it reads, so no upgrade renames a series. */
function spellBound(bound: number): string {
	const [digits, power] = bound.toExponential().split('e');
	const exponent = Number(power);
	if (exponent < -4 || exponent >= 6) {
		return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
	}
	const decimal = String(bound);
	return decimal.includes('.') ? decimal : `${decimal}.0`;
}

/** Half a surrogate pair is no UTF-8, and a NUL ends Prometheus' reading: either would cost the whole scrape. */
function escape(text: string): string {
	if (!/[\\\n\0\ud800-\udfff]/.test(text)) return text;
	return text
		.replaceAll('\\', '\\\\')
		.replaceAll('\n', '\\n')
		.replaceAll(/[\0\ud800-\udfff]/gu, '\ufffd');
}
