import { isDate } from '../time.ts';

/** What Harper appends where it cuts a text that is too long for a key. */
const CUT_MARK = '\uffff';
export const LONGEST_TEXT = 256;

/**
 * The values under which Harper 4.7 indexes an attribute. It is followed to the letter, its slips included: a list in
 * which a null (where nulls are indexed) or a date stands is not indexed at all.
 */
export function indexedValues(value: unknown, indexNulls: boolean): readonly unknown[] {
	if (value === null) return indexNulls ? [null] : [];
	if (isScalar(value)) return [cut(value)];
	if (isDate(value)) return [value.getTime()];
	if (!Array.isArray(value)) return [];
	const values: unknown[] = [];
	for (const member of value) {
		if (isScalar(member)) values.push(cut(member));
		else if ((member === null && indexNulls) || isDate(member)) return [];
	}
	return values;
}

function isScalar(value: unknown): boolean {
	switch (typeof value) {
		case 'string':
		case 'number':
		case 'boolean':
		case 'bigint':
			return true;
		default:
			return false;
	}
}

function cut(value: unknown): unknown {
	return typeof value === 'string' && value.length > LONGEST_TEXT ? value.slice(0, LONGEST_TEXT) + CUT_MARK : value;
}
