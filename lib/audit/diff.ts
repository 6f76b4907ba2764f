import { isPlain, isSame } from '../record/equal.ts';
import { ownValue } from '../record/own-value.ts';
import { incrementOf } from './increment.ts';
import type { Attribute, RecordState } from './replay.ts';

/** One place in a record that is another after a change. */
export interface Difference {
	/** Names of attributes, and numbers of places in lists. */
	readonly path: readonly (string | number)[];
	readonly kind: 'added' | 'removed' | 'changed';
	/** What was there; of what was added, nothing. */
	readonly before: Side;
	readonly after: Side;
	/** How much was added to what was there, where that is what the change says. */
	readonly increment?: number | bigint;
}

/** `undefined`: it is not known. */
type Side = { readonly value: unknown } | undefined;

/** Deeper than this a value is told as a whole, and so is one of which more places differ. */
const DEEPEST = 32;
const MOST = 200;

/** What of a record a change has made another, attribute by attribute. */
export function differences(
	before: RecordState,
	after: RecordState,
	written: Readonly<Record<string, unknown>> | undefined
): readonly Difference[] {
	const names = new Set([...before.attributes.keys(), ...after.attributes.keys()]);
	return Array.from(names).flatMap((name) => {
		const increment = incrementOf(ownValue(written, name));
		const found = attributeDifferences(name, sideOf(before, name), sideOf(after, name));
		return increment === undefined ? found : found.map((one) => ({ ...one, increment }));
	});
}

const NOTHING: Attribute = { value: undefined, isKnown: true, setBy: undefined, isSetForCertain: true };

function sideOf({ attributes, isWhole, existence }: RecordState, name: string): Side {
	const { value, isKnown } = attributes.get(name) ?? { ...NOTHING, isKnown: isWhole && existence !== 'unknown' };
	return isKnown ? { value } : undefined;
}

function attributeDifferences(name: string, before: Side, after: Side): readonly Difference[] {
	const path = [name];
	if (before === undefined && after === undefined) return [];
	if (before === undefined || after === undefined) return [{ path, kind: 'changed', before, after }];
	const found: Difference[] = [];
	compare(path, before.value, after.value, found);
	return found.length > MOST ? [difference(path, before.value, after.value)] : found;
}

function compare(path: Difference['path'], before: unknown, after: unknown, found: Difference[]): void {
	if (found.length > MOST || isSame(before, after)) return;
	if (path.length < DEEPEST && isPlain(before) && isPlain(after)) compareObjects(path, before, after, found);
	else if (path.length < DEEPEST && Array.isArray(before) && Array.isArray(after)) {
		compareLists(path, before, after, found);
	} else found.push(difference(path, before, after));
}

function compareObjects(
	path: Difference['path'],
	before: Readonly<Record<string, unknown>>,
	after: Readonly<Record<string, unknown>>,
	found: Difference[]
): void {
	for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
		const [was, is] = [before, after].map((object) => ownValue(object, name));
		compare([...path, name], was, is, found);
	}
}

/** What both begin and end with stayed; between them, place by place. */
function compareLists(
	path: Difference['path'],
	before: readonly unknown[],
	after: readonly unknown[],
	found: Difference[]
): void {
	const shorter = Math.min(before.length, after.length);
	let start = 0;
	while (start < shorter && isSame(before[start], after[start])) start++;
	let rest = 0;
	while (rest < shorter - start && isSame(before.at(-1 - rest), after.at(-1 - rest))) rest++;
	const [beforeEnd, afterEnd] = [before.length - rest, after.length - rest];
	for (let at = start; at < Math.max(beforeEnd, afterEnd); at++) {
		if (at >= beforeEnd)
			found.push({ path: [...path, at], kind: 'added', before: { value: undefined }, after: { value: after[at] } });
		else if (at >= afterEnd)
			found.push({ path: [...path, at], kind: 'removed', before: { value: before[at] }, after: { value: undefined } });
		else compare([...path, at], before[at], after[at], found);
	}
}

function difference(path: Difference['path'], before: unknown, after: unknown): Difference {
	const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
	return { path, kind, before: { value: before }, after: { value: after } };
}

/** A JSON Pointer. */
export function pointerOf(path: Difference['path']): string {
	return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
