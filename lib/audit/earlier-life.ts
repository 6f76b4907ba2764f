import type { Pause } from '../pause.ts';
import type { Clock } from '../time.ts';
import { isOfSameRecord } from './change.ts';
import { decodeEntry } from './entry.ts';
import type { AuditLog } from './log.ts';

/** Whether the log has older entries of a record; unknown where it is too long to be looked through. */
export type Earlier = 'none' | 'some' | 'unknown';

interface LookPorts {
	readonly pause: Pause;
	readonly clock: Pick<Clock, 'monotonic'>;
}

/** How much work it may be in all, and how long the event loop may wait for a part of it. */
const LOOK_MS = 1000;
const SLICE_MS = 4;
const ROWS_BETWEEN_LOOKS = 32;
/** A row of this size may take as long as many. */
const LARGE_BYTES = 65_536;

/**
 * That an entry names none before it does not say that there was none: Harper forgets it with a record that it evicts or
 * cannot read, and with `storage.caching: false` at every write. So what arrived before is looked through.
 */
export async function lookForEarlier(
	log: AuditLog,
	first: number,
	{ clock, pause }: LookPorts,
	from = 0
): Promise<Earlier> {
	const own = log.row(first);
	if (own === undefined) return 'unknown';
	let to = first;
	for (let spent = 0; spent < LOOK_MS;) {
		const began = clock.monotonic();
		const outcome = lookBack(log, own, { from, to }, () => clock.monotonic() - began > SLICE_MS);
		if (typeof outcome !== 'number') return outcome;
		to = outcome;
		spent += clock.monotonic() - began;
		await pause();
		log.refresh();
	}
	return 'unknown';
}

/** A number is the row at which to go on, when the time of a slice is over. */
function lookBack(
	log: AuditLog,
	own: Uint8Array,
	span: { readonly from: number; readonly to: number },
	isOver: () => boolean
): Earlier | number {
	let count = 0;
	for (const { localTime, bytes } of log.rows({ ...span, newestFirst: true })) {
		if (localTime === span.to) continue;
		if (isOfSameRecord(bytes, own) && !isOfSameTransaction(bytes, own)) return 'some';
		const isLook = ++count % ROWS_BETWEEN_LOOKS === 0 || bytes.length > LARGE_BYTES;
		if (isLook && isOver()) return localTime;
	}
	return 'none';
}

/** All writes of one transaction begin with what was before it: to a record that was not there, each names none. */
function isOfSameTransaction(bytes: Uint8Array, others: Uint8Array): boolean {
	return decodeEntry(bytes).version === decodeEntry(others).version;
}
