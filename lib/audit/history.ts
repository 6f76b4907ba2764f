import type { Pause } from '../pause.ts';
import { isSame } from '../record/equal.ts';
import type { Key } from '../record/key.ts';
import type { Clock } from '../time.ts';
import { chainFrom, readWhatCanBe, type Change, type RecordLog } from './change.ts';
import { differences, type Difference } from './diff.ts';
import { lookForEarlier, type Earlier } from './earlier-life.ts';
import { inEffect } from './effect.ts';
import type { AuditLog, LiveRecord, LoggedTable } from './log.ts';
import { applyChange, confirmed, recordOf, stateBefore, UNKNOWN_STATE, type RecordState } from './replay.ts';

export interface HistoryPorts {
	readonly pause: Pause;
	readonly clock: Clock;
}

/** What the log and the table tell of one record. */
export interface History {
	readonly id: Key;
	readonly log: RecordLog;
	readonly live: LiveRecord | undefined;
	/** From when on anything is known; `-Infinity` where nothing has been removed. */
	readonly knownFrom: number;
	/** What makes all of it less than the truth. */
	readonly flaws: readonly Flaw[];
}

/** Why something is not known: see docs/records.md. */
export const flawReasons = [
	'removed_by_retention',
	'history_cut_off',
	'history_too_long',
	'history_broken',
	'not_scanned',
	'table_not_logged',
	'table_caching',
	'values_unreadable',
	'changed_without_entry',
	'record_expired',
] as const;

export interface Flaw {
	readonly reason: (typeof flawReasons)[number];
	readonly message: string;
	/** Up to when; milliseconds. */
	readonly to?: number;
}

/** What one change made of the record. */
export interface Version {
	readonly change: Change;
	readonly differences: readonly Difference[];
	readonly state: RecordState;
}

/** A record may have been changed without end; older changes than so many are not looked at. */
const MOST_CHANGES = 50_000;
/** Nor are those beyond so many bytes of the log: all of them are in memory at once, and take several times as much. */
const MOST_BYTES = 32 * 2 ** 20;
/** How long the event loop may wait for one slice of the work. */
const SLICE_MS = 4;

/**
 * Reads what there is of a record: the first of the ids that the table knows. Undefined where it knows none of them, not
 * even as a deleted one.
 */
export async function readHistory(
	log: AuditLog,
	table: LoggedTable,
	ids: readonly Key[],
	ports: HistoryPorts
): Promise<History | undefined> {
	log.refresh();
	for (const id of ids) {
		const live = liveOf(log, table, id);
		if (live !== undefined)
			return live === 'unreadable' ? unreadable(id, table) : follow(log, table, { id, live }, ports);
	}
	return undefined;
}

/** What the record was at a moment; `Infinity` is the present. */
export async function stateIn(
	{ log, live, knownFrom }: History,
	at: number,
	ports: HistoryPorts
): Promise<RecordState> {
	if (at < knownFrom) return UNKNOWN_STATE;
	const arrived = log.changes.filter(({ localTime }) => localTime <= at);
	const state = await play(arrived, stateBefore(log, live), ports);
	return arrived.length === log.changes.length && live !== undefined ? confirmed(state, live) : state;
}

/** What made it what it was at a moment is known; otherwise this is why not. */
export function flawsAt({ flaws, knownFrom, log }: History, at: number, state: RecordState): readonly Flaw[] {
	const found = flaws.filter(({ reason }) => !OF_THE_WHOLE.has(reason));
	const { expiresAt } = state;
	if (expiresAt !== undefined && at !== Infinity && at > expiresAt) found.push({ ...EXPIRED, to: expiresAt });
	if (isWhollyKnown(state)) return found;
	const isUnreadable = log.changes.some((change) => change.isUnreadable === true && change.localTime <= at);
	if (isUnreadable) found.push(UNREADABLE);
	const older = flaws.filter(({ reason }) => OF_THE_WHOLE.has(reason) && reason !== 'values_unreadable');
	if (at < knownFrom || !isUnreadable) found.push(...older);
	return found;
}

export function isWhollyKnown({ existence, isWhole, attributes }: RecordState): boolean {
	if (existence === 'unknown' || !isWhole) return false;
	for (const { isKnown } of attributes.values()) if (!isKnown) return false;
	return true;
}

/** The newest first, so many of those that arrived before a moment; and whether there are more. */
export async function versionsBefore(
	history: History,
	{ before, limit }: { readonly before: number; readonly limit: number },
	ports: HistoryPorts
): Promise<{ readonly versions: readonly Version[]; readonly hasMore: boolean }> {
	const { log, live } = history;
	const end = log.changes.findLastIndex(({ localTime }) => localTime < before) + 1;
	const start = Math.max(0, end - limit);
	const versions: Version[] = [];
	await play(log.changes.slice(0, end), stateBefore(log, live), ports, (change, was, state, index) => {
		if (index >= start) versions.push({ change, differences: differences(was, state, change.values), state });
	});
	return { versions: versions.toReversed(), hasMore: start > 0 };
}

const OF_THE_WHOLE: ReadonlySet<Flaw['reason']> = new Set([
	'removed_by_retention',
	'history_cut_off',
	'history_too_long',
	'history_broken',
	'not_scanned',
	'values_unreadable',
]);

const UNREADABLE: Flaw = {
	reason: 'values_unreadable',
	message: 'The values of an entry, or of the record itself, are damaged: Harper cannot read them either.',
};

const EXPIRED: Omit<Flaw, 'to'> = {
	reason: 'record_expired',
	message: 'It had expired by then. When Harper removed it is in no log.',
};

function liveOf(log: AuditLog, { tableId }: LoggedTable, id: Key): LiveRecord | 'unreadable' | undefined {
	try {
		return log.live(tableId, id);
	} catch (error) {
		if (error instanceof RangeError) return 'unreadable';
		throw error;
	}
}

function unreadable(id: Key, table: LoggedTable): History {
	const log = { changes: [], beginsWithCreation: false };
	return { id, log, live: undefined, knownFrom: Infinity, flaws: [...tableFlaws(table), UNREADABLE] };
}

async function follow(
	log: AuditLog,
	table: LoggedTable,
	{ id, live }: { readonly id: Key; readonly live: LiveRecord },
	ports: HistoryPorts
): Promise<History> {
	const { changes: arrived, end } = await collect(log, live.localTime, ports);
	const first = arrived[0];
	const beginning =
		end === 'creation' && first !== undefined ? BEGINNINGS[await lookForEarlier(log, first.localTime, ports)] : end;
	const beginsWithCreation = beginning === 'creation';
	const removedUntil = log.removedUntil() ?? -Infinity;
	// Where the log has lost what came before, the state is known from the last change that was lost.
	const lostAt = first === undefined ? live.localTime : first.previousLocalTime;
	const knownFrom = beginsWithCreation ? removedUntil : (lostAt ?? first?.localTime ?? Infinity);
	const recordLog = { changes: inEffect(arrived), beginsWithCreation };
	const flaws = [...tableFlaws(table), ...lossFlaws(beginning, first?.localTime ?? live.localTime, removedUntil)];
	if (arrived.some(({ isUnreadable }) => isUnreadable === true)) flaws.push(UNREADABLE);
	const mayDiffer = !table.isAudited || table.isCaching;
	if (!mayDiffer && (await isOther(recordLog, live, ports))) flaws.push(UNLOGGED);
	return { id, log: recordLog, live, knownFrom, flaws };
}

/** What is before the first change that was found; otherwise why that is not known. */
type Beginning = 'creation' | 'history_cut_off' | 'history_too_long' | 'history_broken' | 'not_scanned';

const BEGINNINGS: Readonly<Record<Earlier, Beginning>> = {
	none: 'creation',
	some: 'history_broken',
	unknown: 'not_scanned',
};

interface Collected {
	readonly changes: readonly Change[];
	readonly end: Beginning;
}

/** In the order of their arrival. What is read never changes, so that nothing is lost by pausing on the way. */
async function collect(log: AuditLog, newest: number | undefined, { clock, pause }: HistoryPorts): Promise<Collected> {
	const changes: Change[] = [];
	const chain = chainFrom(log, newest);
	let bytes = 0;
	let began = clock.monotonic();
	for (;;) {
		const { done, value } = chain.next();
		if (done === true) return { changes: changes.toReversed(), end: value ? 'creation' : 'history_cut_off' };
		if (changes.length === MOST_CHANGES || bytes >= MOST_BYTES) {
			return { changes: changes.toReversed(), end: 'history_too_long' };
		}
		bytes += value.bytes.length;
		changes.push(readWhatCanBe(log, value));
		if (clock.monotonic() - began < SLICE_MS) continue;
		await pause();
		log.refresh();
		began = clock.monotonic();
	}
}

type Visit = (change: Change, before: RecordState, after: RecordState, index: number) => void;

async function play(
	changes: readonly Change[],
	before: RecordState,
	{ clock, pause }: HistoryPorts,
	visit: Visit = () => {}
): Promise<RecordState> {
	let state = before;
	let began = clock.monotonic();
	for (const [index, change] of changes.entries()) {
		const after = applyChange(state, change);
		visit(change, state, after, index);
		state = after;
		if (clock.monotonic() - began < SLICE_MS) continue;
		await pause();
		began = clock.monotonic();
	}
	return state;
}

/** Whether the table holds what the log does not account for. */
async function isOther(log: RecordLog, live: LiveRecord, ports: HistoryPorts): Promise<boolean> {
	const state = await play(log.changes, stateBefore(log, live), ports);
	return isWhollyKnown(state) && !isSame(recordOf(state), live.values);
}

const UNLOGGED: Flaw = {
	reason: 'changed_without_entry',
	message: 'The table holds something else than its entries have made: it was changed past the log.',
};

function tableFlaws({ isAudited, isCaching }: LoggedTable): Flaw[] {
	const flaws: Flaw[] = [];
	if (!isAudited) {
		const message = 'Changes of this table are not logged (`audit: false`).';
		flaws.push({ reason: 'table_not_logged', message });
	}
	if (isCaching) {
		const message = 'This table caches another source; what it forgot and fetched from there is not logged.';
		flaws.push({ reason: 'table_caching', message });
	}
	return flaws;
}

const LOSSES: Readonly<Record<Exclude<Beginning, 'creation'>, string>> = {
	history_cut_off: 'What changed the record before is in the log no more.',
	history_too_long: `The record has more than ${MOST_CHANGES} changes, or ${MOST_BYTES} bytes of them; the older ones were not looked at.`,
	history_broken:
		'The log has older entries of this record, to which the newer ones do not lead: Harper had evicted it, or could not read it.',
	not_scanned: 'The log is too long to be looked through for an earlier life of this record.',
};

function lossFlaws(beginning: Beginning, first: number | undefined, removedUntil: number): Flaw[] {
	if (beginning !== 'creation') {
		return [{ reason: beginning, message: LOSSES[beginning], ...(first === undefined ? {} : { to: first }) }];
	}
	if (removedUntil === -Infinity) return [];
	const message = 'Harper has removed the entries before: `logging.auditRetention` says how long it keeps them.';
	return [{ reason: 'removed_by_retention', message, to: removedUntil }];
}
