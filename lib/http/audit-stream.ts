import type { Slice } from '../audit/scan.ts';
import type { ShownEntry } from './audit-shape.ts';

/** How a stream of entries is written. Its last line says that it is whole, so that one that broke off is noticed. */
export interface LineFormat {
	readonly contentType: string;
	readonly heading: string;
	line(entry: ShownEntry): string;
	trailer(end: object): string;
}

export const ndjson: LineFormat = {
	contentType: 'application/x-ndjson',
	heading: '',
	line: (entry) => `${JSON.stringify(entry)}\n`,
	trailer: (end) => `${JSON.stringify({ end })}\n`,
};

const COLUMNS = [
	'at',
	'localTime',
	'transaction',
	'table',
	'id',
	'type',
	'operation',
	'user',
	'node',
	'expiresAt',
	'values',
] as const satisfies readonly (keyof ShownEntry)[];

/** A text stands as it is, an id or values that are none as JSON. The last row has the type `end`, which no entry has. */
export const csv: LineFormat = {
	contentType: 'text/csv; charset=utf-8',
	heading: `${COLUMNS.join(',')}\r\n`,
	line: (entry) => `${COLUMNS.map((name) => cellOf(entry[name])).join(',')}\r\n`,
	trailer: (end) =>
		`${COLUMNS.map((name) => (name === 'type' ? 'end' : name === 'values' ? cellOf({ ...end }) : '')).join(',')}\r\n`,
};

/** One chunk per slice, as fast as the client takes them. */
export async function* streamed(
	slices: AsyncIterable<Slice>,
	format: LineFormat,
	{ show, end }: { readonly show: (slice: Slice) => readonly ShownEntry[]; readonly end: () => object }
): AsyncIterable<Uint8Array> {
	const encoder = new TextEncoder();
	let text = format.heading;
	for await (const slice of slices) {
		text += show(slice)
			.map((entry) => format.line(entry))
			.join('');
		if (text !== '') yield encoder.encode(text);
		text = '';
	}
	yield encoder.encode(text + format.trailer(end()));
}

function cellOf(value: unknown): string {
	if (value === undefined) return '';
	const text = typeof value === 'string' ? value : JSON.stringify(value);
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
