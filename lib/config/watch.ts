import * as v from 'valibot';
import { object, wholeNumber } from './atoms.ts';

const perMinute = wholeNumber(1, 1_000_000_000);
const off = v.literal(false);
const SHARE = 'a share from 0 to 1, as 0.25';

/**
 * The defaults are above what people and well-behaved applications do, and below what hurts: a user who deletes 17
 * records of one table each second for a minute is a script. Overwriting is everyday work of an application, often all
 * of it by one user, so it is only unusual at 500 a second. Of small tables a quarter within a minute is, from a
 * hundred records on.
 */
const limits = object(
	{
		deletesPerMinute: v.optional(perMinute, 1000),
		overwritesPerMinute: v.optional(perMinute, 30_000),
		share: v.optional(v.pipe(v.number(SHARE), v.minValue(0, SHARE), v.maxValue(1, SHARE)), 0.25),
		shareMinimum: v.optional(perMinute, 100),
	},
	'{ deletesPerMinute?, overwritesPerMinute?, share?, shareMinimum? }, or false'
);

/** Chosen by what stands there, so that a mistake is named by its own key. */
export const watch = v.optional(
	v.lazy((input) => (input === false ? off : limits)),
	{}
);
