import { sanitize } from './label.ts';

/** One group of observations of a raw analytics row: `count` values at most `value`. */
export interface Bin {
	readonly value: number;
	readonly count: number;
}

interface EntryName {
	readonly metric: string;
	readonly path: string;
	readonly method: string;
	readonly type: string;
	/** The three parts as recorded; a component may record arrays, which a custom mapping can index. */
	readonly parts: { readonly path: unknown; readonly method: unknown; readonly type: unknown };
}

/** One line of a raw analytics row, of one of the three kinds that Harper writes. */
export type Entry = EntryName &
	(
		| { readonly kind: 'numeric'; readonly sum: number; readonly count: number; readonly bins: readonly Bin[] }
		| { readonly kind: 'boolean'; readonly total: number; readonly count: number }
		| { readonly kind: 'measures'; readonly measures: ReadonlyMap<string, number> }
	);

/** One report of one thread: `threadId` 0 is the main thread. */
export interface Row {
	readonly threadId: number;
	readonly entries: readonly Entry[];
	/** Lines that could not be understood. */
	readonly unreadable: number;
}

/** More than any real second has; the rest of such a row counts as unreadable, so that no row can hold up the thread. */
const MAX_ENTRIES = 10_000;

/** Parses a value of `system.hdb_raw_analytics`. Never throws: what cannot be understood is counted. */
export function parseRow(value: unknown): Row {
	const row = isObject(value) ? value : {};
	const lines: readonly unknown[] = Array.isArray(row.metrics) ? row.metrics : [];
	const entries: Entry[] = [];
	for (const line of lines.slice(0, MAX_ENTRIES)) {
		const entry = parseEntry(line);
		if (entry) entries.push(entry);
	}
	return {
		threadId: finite(row.threadId) ? row.threadId : 0,
		entries,
		unreadable: lines.length - entries.length + (Array.isArray(row.metrics) ? 0 : 1),
	};
}

function parseEntry(line: unknown): Entry | undefined {
	if (!isObject(line) || typeof line.metric !== 'string' || line.metric === '') return undefined;
	const { mean, count, total } = line;
	const metric = sanitize(line.metric);
	const path = partText(line.path);
	const method = partText(line.method);
	const type = partText(line.type);
	const parts = { path: line.path, method: line.method, type: line.type };
	// No `{ ...name, kind }` here: V8 takes a hundred times as long for it, and a busy second has hundreds of entries.
	if (mean !== undefined && mean !== null) {
		if (!finite(mean) || !whole(count) || !finite(mean * count)) return undefined;
		const bins = parseBins(line.distribution, mean, count);
		return bins && { metric, path, method, type, parts, kind: 'numeric', sum: mean * count, count, bins };
	}
	if (finite(total) && whole(count)) {
		return total < 0 ? undefined : { metric, path, method, type, parts, kind: 'boolean', total, count };
	}
	return { metric, path, method, type, parts, kind: 'measures', measures: parseMeasures(line) };
}

/** A callback may report a mean without a distribution: then all its observations stand at the mean. */
function parseBins(distribution: unknown, mean: number, count: number): Bin[] | undefined {
	if (!Array.isArray(distribution) || distribution.length === 0) return [{ value: mean, count }];
	const bins: Bin[] = [];
	let binned = 0;
	for (const item of distribution as readonly unknown[]) {
		const bin = typeof item === 'number' ? { value: item, count: 1 } : item;
		if (!isObject(bin) || !finite(bin.value) || !whole(bin.count)) return undefined;
		bins.push({ value: bin.value, count: bin.count });
		binned += bin.count;
	}
	return binned === count ? bins : undefined;
}

const NAME_KEYS = new Set(['metric', 'path', 'method', 'type', 'threadId', 'byThread', 'count']);

function parseMeasures(line: Readonly<Record<string, unknown>>): Map<string, number> {
	const measures = new Map<string, number>();
	for (const [key, value] of Object.entries(line)) {
		if (!NAME_KEYS.has(key) && finite(value)) measures.set(sanitize(key), value);
	}
	return measures;
}

/** Harper stores whatever was recorded: a port number, an array, null. */
export function partText(part: unknown): string {
	if (typeof part === 'string') return sanitize(part);
	if (typeof part === 'number' || typeof part === 'boolean' || typeof part === 'bigint') return String(part);
	if (Array.isArray(part)) return sanitize(part.map(partText).join(','));
	return '';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null;
}

function finite(value: unknown): value is number {
	return typeof value === 'number' && Number.isFinite(value);
}

/** A number of observations. */
function whole(value: unknown): value is number {
	return Number.isSafeInteger(value) && typeof value === 'number' && value > 0;
}
