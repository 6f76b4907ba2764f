/** What a meta page of a database file says, as far as it decides which state LMDB opens. */
interface MetaFacts {
	readonly transaction: bigint;
	/** Committed, but not known to be on disk when the file was copied. */
	readonly unsynced: boolean;
}

/** The three places in which lmdb-js keeps where a state begins. */
export interface MetaPlaces {
	readonly slots: readonly [MetaFacts | undefined, MetaFacts | undefined];
	/** The last state that was known to be on disk. */
	readonly flushed: MetaFacts | undefined;
}

export interface BackupCheck {
	/** Whether the file opens with all it holds after a reboot, or on another machine. */
	readonly survives: boolean;
	/** The newest state, which is the one that was copied. */
	readonly newest: bigint;
	/** The state that opens elsewhere. */
	readonly opensElsewhere: bigint;
	readonly reasons: readonly string[];
}

export interface MendPlan {
	/** The slot whose state is written into all three places. */
	readonly from: 0 | 1;
	/** The transaction that each place then names; the state is marked as synced. */
	readonly slots: readonly [bigint, bigint];
	readonly flushed: bigint;
}

/**
 * A file that Harper's `get_backup` made may begin with a state that was not synced yet. LMDB takes that one only on the
 * boot that made it; anywhere else it goes back to an older one, whose pages the copy does not protect.
 */
export function checkBackup(places: MetaPlaces): BackupCheck {
	const { transaction: newest, unsynced } = newestSlot(places);
	const opensElsewhere = stateElsewhere(places).transaction;
	const survives = opensElsewhere === newest;
	const reasons = survives
		? [unsynced ? `Transaction ${newest} is kept as synced.` : `Transaction ${newest}, the newest, is synced.`]
		: [
				`Transaction ${newest}, the newest, was not synced when the file was copied.`,
				`After a reboot or on another machine LMDB opens transaction ${opensElsewhere} instead, whose pages may be overwritten.`,
			];
	return { survives, newest, opensElsewhere, reasons };
}

/** How to make a file open with its newest state everywhere. */
export function planMend(places: MetaPlaces): MendPlan {
	const { transaction } = newestSlot(places);
	// LMDB writes even transactions to slot 0, odd ones to slot 1.
	const isOdd = transaction % 2n === 1n;
	return {
		from: places.slots[0]?.transaction === transaction ? 0 : 1,
		slots: isOdd ? [transaction - 1n, transaction] : [transaction, transaction - 1n],
		flushed: transaction,
	};
}

function newestSlot({ slots: [first, second] }: MetaPlaces): MetaFacts {
	if (first === undefined) return second ?? nothing;
	return second !== undefined && second.transaction > first.transaction ? second : first;
}

/** `mdb_env_pick_meta` of lmdb-js 3.5 with another boot id. */
function stateElsewhere({ slots: [first = nothing, second = nothing], flushed = nothing }: MetaPlaces): MetaFacts {
	return pick(pick(first, second), flushed);
}

function pick(one: MetaFacts, other: MetaFacts): MetaFacts {
	if (other.transaction === 0n) return one;
	const latest = one.transaction >= other.transaction ? one : other;
	if (!latest.unsynced) return latest;
	return one.transaction > other.transaction ? other : one;
}

const nothing: MetaFacts = { transaction: 0n, unsynced: false };
