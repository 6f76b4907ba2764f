import type { Format } from '../metrics/notation.ts';

/**
 * The exposition format that an Accept header asks for; undefined when it excludes both (406). OpenMetrics only goes
 * to who prefers it; whoever takes HTML is a person with a browser and gets text.
 */
export function negotiate(accept: string | undefined): Format | undefined {
	if (accept === undefined || accept.trim() === '') return 'text';
	const ranges = parseWeighted(accept);
	const openmetrics = mostSpecific(ranges, (range) => specificity(range, 'application/openmetrics-text', '1.0.0'));
	const plain = mostSpecific(ranges, (range) => specificity(range, 'text/plain', '0.0.4'));
	const page = mostSpecific(ranges, (range) => (PAGES.includes(range.value) ? 2 : 0));
	// Who names text/plain has said what it is worth; only who does not may be meant by the name of a page.
	const text = plain.specificity >= 2 || plain.quality >= page.quality ? plain : page;
	if (openmetrics.quality === 0 && text.quality === 0) return undefined;
	if (openmetrics.quality !== text.quality) return openmetrics.quality > text.quality ? 'openmetrics' : 'text';
	return openmetrics.specificity >= 2 && text.specificity < 2 ? 'openmetrics' : 'text';
}

/** Whether an Accept-Encoding header allows gzip. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
	const codings = parseWeighted(acceptEncoding ?? '');
	return mostSpecific(codings, ({ value }) => (GZIP.includes(value) ? 2 : value === '*' ? 1 : 0)).quality > 0;
}

const PAGES = ['text/html', 'application/xhtml+xml'];
const GZIP = ['gzip', 'x-gzip'];
const LONGEST_HEADER = 8_192;

/** One element of a header such as Accept: what it names, its parameters, and its weight. */
interface Weighted {
	readonly value: string;
	readonly parameters: ReadonlyMap<string, string>;
	readonly quality: number;
}

interface Match {
	readonly quality: number;
	readonly specificity: number;
}

/** The best of the most specific matches; quality 0 where nothing matches. */
function mostSpecific(elements: readonly Weighted[], specificityOf: (element: Weighted) => number): Match {
	let best: Match = { quality: 0, specificity: 0 };
	for (const element of elements) {
		const match = { quality: element.quality, specificity: specificityOf(element) };
		const closer = match.specificity - best.specificity || match.quality - best.quality;
		if (match.specificity > 0 && closer > 0) best = match;
	}
	return best;
}

/** 4 with the type and our very version, 3 and 2 with the type, 1.5 for its tree, 1 for anything, 0 for no match. */
function specificity({ value, parameters }: Weighted, type: string, version: string): number {
	const charset = parameters.get('charset');
	if (charset !== undefined && charset !== 'utf-8') return 0;
	if (value === '*/*') return 1;
	if (value === `${type.split('/')[0]}/*`) return 1.5;
	if (value !== type) return 0;
	const asked = parameters.get('version');
	if (asked === version) return 4;
	if (asked === undefined) return 3;
	// Text of another version differs in what names may hold, and ours are plain; of OpenMetrics only the draft is alike.
	return type === 'text/plain' || asked === '0.0.1' ? 2 : 0;
}

/** Elements that are not well formed are passed over, and so is a header longer than anyone has reason to send. */
function parseWeighted(header: string): Weighted[] {
	if (header.length > LONGEST_HEADER) return [];
	return splitUnquoted(header, ',').flatMap((element) => {
		const [name = '', ...rest] = splitUnquoted(element, ';');
		const value = name.trim().toLowerCase();
		const parameters = new Map(rest.map(parseParameter));
		const weight = parameters.get('q') ?? '1';
		const valid = /^[\w!#$%&'*+.^`|~/-]+$/.test(value) && /^(0?\.\d+|0\.?|1(\.0*)?)$/.test(weight);
		return valid ? [{ value, parameters, quality: Number(weight) }] : [];
	});
}

function parseParameter(parameter: string): [name: string, value: string] {
	const [name = '', ...value] = parameter.split('=');
	const plain = value.join('=').trim().toLowerCase();
	return [name.trim().toLowerCase(), plain.startsWith('"') ? plain.slice(1, -1).replaceAll(/\\(.)/g, '$1') : plain];
}

/** Splits in one pass, leaving alone the separators in quoted strings. */
function splitUnquoted(text: string, separator: string): string[] {
	const parts: string[] = [];
	let quoted = false;
	let start = 0;
	for (let index = 0; index < text.length; index++) {
		const character = text[index];
		if (character === '"') quoted = !quoted;
		else if (character === '\\' && quoted) index++;
		else if (character === separator && !quoted) {
			parts.push(text.slice(start, index));
			start = index + 1;
		}
	}
	parts.push(text.slice(start));
	return parts;
}
