import * as v from 'valibot';
import { parseSpan } from '../span.ts';

export const wholeNumber = (minimum: number, maximum: number) => {
	const message = `a whole number from ${minimum} to ${maximum}`;
	return v.pipe(v.number(message), v.integer(message), v.minValue(minimum, message), v.maxValue(maximum, message));
};

/** valibot takes lists for objects; an operator's list is a mistake. */
export const object = <const T extends v.ObjectEntries>(entries: T, message: string) =>
	v.pipe(
		v.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), message),
		v.strictObject(entries, message)
	);

export const bool = v.boolean('true or false');
export const text = (what: string) => v.pipe(v.string(what), v.minLength(1, what), v.maxLength(1000, what));

/** A length of time, as `30s`, `15m`, `12h` or `7d`; milliseconds once it is parsed. */
export const span = (minimumMs: number, maximumMs: number, message: string) =>
	v.pipe(
		v.string(message),
		v.check((written) => {
			const ms = parseSpan(written) ?? NaN;
			return ms >= minimumMs && ms <= maximumMs;
		}, message),
		v.transform((written) => parseSpan(written) ?? NaN)
	);

const SIZE_MESSAGE = 'bytes, as 512KB, 10MB or 1GB';
const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** Bytes, as `512KB`, `10MB` or `1GB`, or a number of them. The units are those of disks: a MB is a million. */
export const bytes = v.pipe(
	v.union([v.string(), v.number()], SIZE_MESSAGE),
	v.check((written) => parseBytes(written) >= 1, SIZE_MESSAGE),
	v.transform(parseBytes)
);

/** An absolute path of this machine. */
export const path = v.pipe(
	v.string('an absolute path'),
	v.maxLength(4096, 'an absolute path'),
	v.check((value) => value.startsWith('/') && !value.includes('\0'), 'an absolute path')
);

/** A name that stands in labels, paths and ids. */
export const name = v.pipe(
	v.string('a name of letters, digits, - and _'),
	v.regex(/^[A-Za-z\d_-]{1,64}$/, 'a name of at most 64 letters, digits, - and _')
);

export function unique(names: readonly string[]): boolean {
	return new Set(names).size === names.length;
}

/** NaN for what is no number of bytes. */
function parseBytes(value: string | number): number {
	if (typeof value === 'number') return Number.isSafeInteger(value) ? value : NaN;
	const [, amount, unit = 'B'] = /^(\d{1,9}(?:\.\d{1,3})?) ?([KMGT]?B)?$/.exec(value) ?? [];
	return Math.round(Number(amount) * (UNITS[unit] ?? NaN));
}
