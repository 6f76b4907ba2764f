import { add, incrementOf } from './increment.ts';

/** What decides over the effect of a change. */
interface Arrived {
	readonly version: number;
	readonly localTime: number;
	readonly action: string;
	readonly values: Readonly<Record<string, unknown>> | undefined;
	readonly isFitted?: true;
}

/**
 * What the entries of a record did to it, one after the other: applied in this order, they give what Harper held at
 * each moment. They come and stay in the order of their arrival, but two kinds of them had less effect than they say:
 *
 * - All writes of one transaction to one record begin with what it was before the transaction, so that the last of them
 *   alone counts; those before it are left out.
 * - A write that arrives late, behind newer patches, gives way to them. It is given here with what remained of it. A put
 *   then is fitted in as a patch would be: it takes nothing away.
 */
export function inEffect<Change extends Arrived>(arrived: readonly Change[]): readonly Change[] {
	const effective: Change[] = [];
	/** The version of the record; after a late write it is lower than before. */
	let version = -Infinity;
	/** What the record was, and how many had made it so, when the present transaction began. */
	let begin = { version: -Infinity, arrived: 0, effective: 0 };
	for (const [index, change] of arrived.entries()) {
		// A message keeps the version, and all else, of the record that it found: another one is that before the transaction.
		const isSame = (change.action === 'message') === (change.version !== version);
		if (isSame) takeBack(effective, begin.effective);
		else begin = { version, arrived: index, effective: effective.length };
		const isLate = change.action !== 'message' && change.version < begin.version;
		effective.push(isLate ? remaining(change, newerPatches(arrived, begin, change)) : change);
		version = change.version;
	}
	return effective;
}

/** Messages stay: they are of no effect anyway. */
function takeBack(effective: Arrived[], from: number): void {
	const messages = effective.slice(from).filter(({ action }) => action === 'message');
	effective.splice(from, effective.length - from, ...messages);
}

/** Looks back as far as Harper does. */
function newerPatches(
	arrived: readonly Arrived[],
	begin: { readonly version: number; readonly arrived: number },
	{ version }: Arrived
): readonly Arrived[] {
	const newer: Arrived[] = [];
	let seen = begin.version;
	for (let index = begin.arrived - 1; index >= 0; index--) {
		const other = arrived[index]!;
		if (other.localTime <= version && seen < version) break;
		seen = other.version;
		if (seen > version && other.action === 'patch') newer.push(other);
	}
	return newer.sort((a, b) => a.version - b.version);
}

function remaining<Change extends Arrived>(change: Change, newer: readonly Arrived[]): Change {
	if (newer.length === 0) return change;
	let values = change.values ?? {};
	for (const patch of newer) values = yielding(values, patch.values ?? {}, change.action === 'put');
	return { ...change, values, isFitted: true };
}

/** What is left of values where newer ones have been set; a whole record takes over those that it has itself. */
function yielding(
	values: Readonly<Record<string, unknown>>,
	newer: Readonly<Record<string, unknown>>,
	isWhole: boolean
): Readonly<Record<string, unknown>> {
	const left: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(values)) {
		const increment = Object.hasOwn(newer, name) ? incrementOf(newer[name]) : undefined;
		if (!Object.hasOwn(newer, name)) left[name] = value;
		else if (increment !== undefined) left[name] = incrementOf(value) === undefined ? add(value, increment) : value;
		else if (isWhole) left[name] = newer[name];
	}
	return left;
}
