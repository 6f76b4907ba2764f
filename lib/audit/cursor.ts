export type Order = 'newest' | 'oldest';

/** Where the next page begins. It keeps the window of the first page, whose bounds may have been told as spans. */
export interface Cursor {
	readonly order: Order;
	/** The row that was looked at last. */
	readonly after: number;
	readonly from: number;
	readonly to: number;
}

/** Opaque to clients. */
export function writeCursor({ order, after, from, to }: Cursor): string {
	const text = [order === 'newest' ? 'n' : 'o', after, from, to].join('_');
	return btoa(text).replaceAll('+', '-').replaceAll('/', '.').replace(/=+$/, '');
}

/** Undefined for what is no cursor. */
export function readCursor(text: string): Cursor | undefined {
	if (!/^[\w.-]{1,200}$/.test(text)) return undefined;
	const [order, ...numbers] = decoded(text).split('_');
	const [after, from, to] = numbers.map(Number);
	if ((order !== 'n' && order !== 'o') || numbers.length !== 3) return undefined;
	if (after === undefined || from === undefined || to === undefined) return undefined;
	if (![after, from, to].every((number) => Number.isFinite(number) && number >= 0)) return undefined;
	return { order: order === 'n' ? 'newest' : 'oldest', after, from, to };
}

function decoded(text: string): string {
	try {
		return atob(text.replaceAll('-', '+').replaceAll('.', '/'));
	} catch {
		return '';
	}
}
