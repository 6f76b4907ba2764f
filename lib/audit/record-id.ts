import type { Key } from '../record/key.ts';
import { fromTagged } from '../record/tagged.ts';

const NUMBERS = ['Int', 'Long', 'Float'];
const LONGEST_TEXT = 4096;

/**
 * The ids that a text of a request may stand for, the likeliest first; none where it can be no id of such a table. Where
 * the primary key is a number, the text is one. A text in quotation marks and a list in brackets are JSON, tagged as
 * values are. Anything else is a text, and may be a number where it looks like one.
 */
export function recordIdsOf(text: string, primaryKeyType: string | undefined): readonly Key[] {
	if (text === '' || text.length > LONGEST_TEXT) return [];
	const number = numberOf(text);
	if (NUMBERS.includes(primaryKeyType ?? '')) return number === undefined ? [] : [number];
	if (primaryKeyType === 'BigInt') return /^-?\d+$/.test(text) ? bigintsOf(text) : [];
	if (text.startsWith('"') || text.startsWith('[')) {
		const key = parsed(text);
		return key === undefined ? [text] : [key];
	}
	return number === undefined ? [text] : [text, number];
}

function numberOf(text: string): number | undefined {
	if (!/^-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
	const number = Number(text);
	return Number.isFinite(number) ? number : undefined;
}

/** A small one may have been written as a number. */
function bigintsOf(text: string): readonly Key[] {
	const number = Number(text);
	return Number.isSafeInteger(number) ? [number, BigInt(text)] : [BigInt(text)];
}

function parsed(text: string): Key | undefined {
	try {
		const value = fromTagged(JSON.parse(text));
		return isKey(value) ? value : undefined;
	} catch (error) {
		if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
		throw error;
	}
}

function isKey(value: unknown): value is Key {
	if (Array.isArray(value)) return value.length > 0 && value.length <= 64 && value.every(isKey);
	return value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}
