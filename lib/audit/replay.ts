import { isSame } from '../record/equal.ts';
import type { Change, RecordLog } from './change.ts';
import { add, incrementOf } from './increment.ts';
import type { LiveRecord } from './log.ts';

type Values = Readonly<Record<string, unknown>>;

/** What is known of a record at some moment. */
export interface RecordState {
	readonly existence: 'present' | 'absent' | 'unknown';
	/** Those that it has, and those that it had: what a change took away has no value since. */
	readonly attributes: ReadonlyMap<string, Attribute>;
	/** Whether attributes that are not listed have no value; otherwise it is not known whether they have. */
	readonly isWhole: boolean;
	/** Whether it waits to be fetched anew: all but its indexed attributes had been forgotten when it was invalidated. */
	readonly isInvalidated: boolean;
	/** The change that made it exist, or not; undefined where that was before the log begins. */
	readonly existsSince: Change | undefined;
	readonly expiresAt: number | undefined;
}

export interface Attribute {
	/** Undefined where there is none, or where it is not known. */
	readonly value: unknown;
	readonly isKnown: boolean;
	/**
	 * The last change that gave it another value, or took it away: not one that carried what was there. Undefined where
	 * that was before the log begins.
	 */
	readonly setBy: Change | undefined;
	/** Whether what was there before that change is known; otherwise it may have carried what was there. */
	readonly isSetForCertain: boolean;
}

export const NEVER_WAS: RecordState = {
	existence: 'absent',
	attributes: new Map(),
	isWhole: true,
	isInvalidated: false,
	existsSince: undefined,
	expiresAt: undefined,
};

export const UNKNOWN_STATE: RecordState = { ...NEVER_WAS, existence: 'unknown', isWhole: false };

/** What a record was at a moment. `Infinity` is the present, of which the table itself tells the values. */
export function stateAt(log: RecordLog, live: LiveRecord | undefined, at: number): RecordState {
	const arrived = log.changes.filter(({ localTime }) => localTime <= at);
	const state = arrived.reduce(applyChange, stateBefore(log, live));
	return arrived.length === log.changes.length && live !== undefined ? confirmed(state, live) : state;
}

/**
 * What a record was before the first change that the log still has. Where all of them are patches, the present record
 * tells: what none of them touched is what it was, and what they only added to is that much less.
 */
export function stateBefore({ changes, beginsWithCreation }: RecordLog, live: LiveRecord | undefined): RecordState {
	if (beginsWithCreation) return NEVER_WAS;
	const acting = changes.filter(({ action }) => action !== 'message' && action !== 'relocate');
	if (live === undefined) return UNKNOWN_STATE;
	if (acting.length === 0) return presentOf(live);
	if (live.isInvalidated || live.values === null || acting.some(({ action }) => action !== 'patch'))
		return UNKNOWN_STATE;
	const attributes = new Map(presentOf(live).attributes);
	for (const { values = {} } of acting.toReversed()) {
		for (const [name, value] of Object.entries(values)) {
			const less = subtract(attributes.get(name)?.value, incrementOf(value));
			// What something was added to may have been zero, null or nothing; what is added to them is the same.
			attributes.set(name, { ...NO_ATTRIBUTE, value: less, isKnown: less !== undefined && Number(less) !== 0 });
		}
	}
	// Patches may have made it anew, where nothing is left that they have not touched.
	const wasThere = Array.from(attributes.values()).some(({ value, isKnown }) => isKnown && value !== undefined);
	return { ...NEVER_WAS, existence: wasThere ? 'present' : 'unknown', attributes, expiresAt: live.expiresAt };
}

/** A record after a change, as Harper makes it. */
export function applyChange(state: RecordState, change: Change): RecordState {
	const { action, values, expiresAt } = change;
	if (change.isUnreadable === true && action !== 'message')
		return { ...presentSince(UNKNOWN_STATE, change), existsSince: undefined };
	switch (action) {
		case 'delete':
			return { ...NEVER_WAS, existsSince: state.existence === 'absent' ? state.existsSince : change };
		case 'put':
			return change.isFitted === true ? withPatch(state, values ?? {}, change) : replaced(state, values ?? {}, change);
		case 'invalidate':
			// Where there is no index, nothing at all is left of it.
			return values === undefined
				? { ...NEVER_WAS, isInvalidated: true, existsSince: state.existence === 'absent' ? state.existsSince : change }
				: { ...replaced(state, values, change), isInvalidated: true };
		case 'patch':
			// Nothing is patched into being by nothing.
			if (state.existence === 'absent' && Object.keys(values ?? {}).length === 0) return state;
			return withPatch(state, values ?? {}, change);
		case 'message':
			// Harper writes the record anew, and forgets what it does not write.
			return state.existence === 'absent' ? state : { ...state, isInvalidated: false, expiresAt };
		default:
			return state;
	}
}

/** The attributes of a present record, as far as they are known; null where there is none, undefined where that is not known. */
export function recordOf({ existence, attributes }: RecordState): Readonly<Record<string, unknown>> | null | undefined {
	if (existence !== 'present') return existence === 'absent' ? null : undefined;
	const known = Array.from(attributes).filter(([, { value, isKnown }]) => isKnown && value !== undefined);
	return Object.fromEntries(known.map(([name, { value }]) => [name, value]));
}

const NO_ATTRIBUTE: Attribute = { value: undefined, isKnown: true, setBy: undefined, isSetForCertain: true };

/** What the table holds, where no change that the log has made it so. */
function presentOf({ values, isInvalidated, expiresAt }: LiveRecord): RecordState {
	if (values === null) return { ...NEVER_WAS, isInvalidated };
	const attributes = Object.entries(values).map(([name, value]) => [name, { ...NO_ATTRIBUTE, value }] as const);
	return { ...NEVER_WAS, existence: 'present', attributes: new Map(attributes), isInvalidated, expiresAt };
}

/** The present state with the values that the table holds. What changes tell of it is who made it so. */
export function confirmed(state: RecordState, live: LiveRecord): RecordState {
	const present = presentOf(live);
	const attributes = new Map(present.attributes);
	for (const [name, { value }] of present.attributes) {
		attributes.set(name, { ...attributeOf(state, name), value, isKnown: true });
	}
	for (const [name, attribute] of state.attributes) {
		if (!attributes.has(name)) attributes.set(name, { ...attribute, value: undefined, isKnown: true });
	}
	return {
		...present,
		attributes: present.existence === 'present' ? attributes : new Map(),
		existsSince: state.existsSince,
	};
}

/** An attribute that is not listed has no value, or it is not known. */
function attributeOf(state: RecordState, name: string): Attribute {
	return state.attributes.get(name) ?? { ...NO_ATTRIBUTE, isKnown: state.isWhole };
}

function presentSince(before: RecordState, change: Change): RecordState {
	const existsSince = before.existence === 'present' ? before.existsSince : change;
	return { ...before, existence: 'present', isInvalidated: false, existsSince, expiresAt: change.expiresAt };
}

function withPatch(before: RecordState, values: Values, change: Change): RecordState {
	const attributes = new Map(before.attributes);
	for (const [name, value] of Object.entries(values)) {
		attributes.set(name, patched(attributeOf(before, name), value, change));
	}
	return { ...presentSince(before, change), attributes };
}

function replaced(before: RecordState, values: Values, change: Change): RecordState {
	const attributes = new Map<string, Attribute>();
	for (const name of before.attributes.keys()) {
		attributes.set(name, set(attributeOf(before, name), undefined, change));
	}
	for (const [name, value] of Object.entries(values)) {
		attributes.set(name, set(attributeOf(before, name), value, change));
	}
	return { ...presentSince(before, change), attributes, isWhole: true };
}

function set(before: Attribute, value: unknown, change: Change): Attribute {
	if (before.isKnown && isSame(before.value, value)) return before;
	return { value, isKnown: true, setBy: change, isSetForCertain: before.isKnown };
}

function patched(before: Attribute, value: unknown, change: Change): Attribute {
	const increment = incrementOf(value);
	if (increment === undefined) return set(before, value, change);
	// What is not known may have a stand-in, to which adding gives what it would.
	if (!before.isKnown && before.value === undefined) {
		return { value: undefined, isKnown: false, setBy: change, isSetForCertain: false };
	}
	return set(before, add(before.value, increment), change);
}

function subtract(after: unknown, increment: number | bigint | undefined): number | bigint | undefined {
	if (typeof after === 'bigint' && increment !== undefined) return after - BigInt(increment);
	if (typeof after !== 'number' || typeof increment !== 'number') return undefined;
	// Fractions are rounded at each addition.
	return Number.isSafeInteger(after) && Number.isSafeInteger(increment) ? after - increment : undefined;
}
