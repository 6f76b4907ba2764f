import type { Change, RecordLog } from './change.ts';
import { add, incrementOf } from './increment.ts';
import type { LiveRecord } from './log.ts';

/** What is known of a record at some moment. */
export interface RecordState {
	readonly existence: 'present' | 'absent' | 'unknown';
	readonly attributes: ReadonlyMap<string, Attribute>;
	/** Whether attributes that are not listed have no value; otherwise it is not known whether they have. */
	readonly isWhole: boolean;
	/** The change that made it exist, or not; undefined where that was before the log begins. */
	readonly existsSince: Change | undefined;
	readonly expiresAt: number | undefined;
}

export interface Attribute {
	/** Undefined where it is not known. */
	readonly value: unknown;
	readonly isKnown: boolean;
	/** The last change that set it; undefined where that was before the log begins. */
	readonly setBy: Change | undefined;
}

export const NEVER_WAS: RecordState = {
	existence: 'absent',
	attributes: new Map(),
	isWhole: true,
	existsSince: undefined,
	expiresAt: undefined,
};

const NOTHING_KNOWN: RecordState = { ...NEVER_WAS, existence: 'unknown', isWhole: false };

/**
 * What a record was before the first change that the log still has. Where all of them are patches, the present record
 * tells: what none of them touched is what it was, and what they only added to is that much less.
 */
export function stateBefore({ changes, beginsWithCreation }: RecordLog, live: LiveRecord | undefined): RecordState {
	if (beginsWithCreation) return NEVER_WAS;
	const acting = changes.filter(({ action }) => action !== 'message' && action !== 'relocate');
	if (live === undefined || live.isInvalidated || acting.some(({ action }) => action !== 'patch')) return NOTHING_KNOWN;
	if (live.values === null) return acting.length === 0 ? { ...NEVER_WAS, existence: 'absent' } : NOTHING_KNOWN;
	const attributes = new Map<string, Attribute>();
	for (const [name, value] of Object.entries(live.values)) {
		attributes.set(name, { value, isKnown: true, setBy: undefined });
	}
	for (const { values = {} } of acting.toReversed()) {
		for (const [name, value] of Object.entries(values)) {
			const before = attributes.get(name);
			const increment = incrementOf(value);
			const less = increment === undefined || !before?.isKnown ? undefined : subtract(before.value, increment);
			attributes.set(name, { value: less, isKnown: less !== undefined, setBy: undefined });
		}
	}
	return { existence: 'present', attributes, isWhole: true, existsSince: undefined, expiresAt: live.expiresAt };
}

/** A record after a change, as Harper makes it. */
export function applyChange(state: RecordState, change: Change): RecordState {
	const { action, values = {}, expiresAt } = change;
	switch (action) {
		case 'delete':
			return { ...NEVER_WAS, existsSince: state.existence === 'absent' ? state.existsSince : change };
		case 'put':
			return { ...stateOf(state, change, attributesOf(values, change)), isWhole: true, expiresAt };
		case 'invalidate':
			return { ...stateOf(state, change, attributesOf(values, change)), isWhole: false, expiresAt };
		case 'patch': {
			// Nothing is patched into being by nothing.
			if (state.existence === 'absent' && Object.keys(values).length === 0) return state;
			const attributes = new Map(state.attributes);
			for (const [name, value] of Object.entries(values)) {
				attributes.set(name, patched(state, name, value, change));
			}
			return { ...stateOf(state, change, attributes), expiresAt };
		}
		default:
			return state;
	}
}

/** The attributes of a present record, as far as they are known; null where there is none, undefined where that is not known. */
export function recordOf({ existence, attributes }: RecordState): Readonly<Record<string, unknown>> | null | undefined {
	if (existence !== 'present') return existence === 'absent' ? null : undefined;
	const known = Array.from(attributes).filter(([, { isKnown }]) => isKnown);
	return Object.fromEntries(known.map(([name, { value }]) => [name, value]));
}

function stateOf(before: RecordState, change: Change, attributes: ReadonlyMap<string, Attribute>): RecordState {
	const existsSince = before.existence === 'present' ? before.existsSince : change;
	return { ...before, existence: 'present', attributes, existsSince };
}

function attributesOf(values: Readonly<Record<string, unknown>>, setBy: Change): ReadonlyMap<string, Attribute> {
	return new Map(Object.entries(values).map(([name, value]) => [name, { value, isKnown: true, setBy }]));
}

function patched(state: RecordState, name: string, value: unknown, setBy: Change): Attribute {
	const increment = incrementOf(value);
	if (increment === undefined) return { value, isKnown: true, setBy };
	const before = state.attributes.get(name);
	if (before === undefined ? !state.isWhole : !before.isKnown) return { value: undefined, isKnown: false, setBy };
	return { value: add(before?.value, increment), isKnown: true, setBy };
}

function subtract(after: unknown, increment: number | bigint): number | bigint | undefined {
	if (typeof after === 'bigint') return after - BigInt(increment);
	return typeof after === 'number' && typeof increment === 'number' ? after - increment : undefined;
}
