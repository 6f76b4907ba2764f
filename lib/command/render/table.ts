/** Rows below their heading, in columns as wide as they need to be. Numbers stand to the right. */
export function table(heading: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
	const cells = [heading, ...rows].map((row) => row.map((cell) => plain(String(cell))));
	const widths = heading.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
	const isNumeric = heading.map((_, column) => holdsNumbers(rows.map((row) => String(row[column]))));
	return cells
		.map((row) =>
			row
				.map((cell, column) =>
					isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
				)
				.join('  ')
				.trimEnd()
		)
		.join('\n');
}

/** Names and what they name, one a line; what is undefined is left out. */
export function pairs(fields: readonly (readonly [string, string | number | undefined])[]): string {
	const known = fields.filter(([, value]) => value !== undefined);
	const width = Math.max(...known.map(([name]) => name.length));
	return known.map(([name, value]) => `${name.padEnd(width)}  ${plain(String(value))}`).join('\n');
}

/** What strangers wrote must not move the cursor of a terminal, or colour it. */
export function plain(text: string): string {
	// oxlint-disable-next-line no-control-regex -- these are what it looks for
	return text.replaceAll(/[\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '?');
}

function holdsNumbers(column: readonly string[]): boolean {
	return column.some((cell) => /\d/.test(cell)) && column.every((cell) => NUMERIC.test(cell));
}

const NUMERIC = /^(?:-|[\d,.]+(?: [kMGT]?B)?)$/;
