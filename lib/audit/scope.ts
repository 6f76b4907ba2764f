import { writeKey } from '../record/key.ts';
import type { LoggedTable } from './log.ts';
import { recordIdsOf } from './record-id.ts';

/** A table that is looked at, with what may be shown of it. */
export interface ScopedTable {
	readonly table: LoggedTable;
	/** Whether every attribute may be shown. */
	readonly isWhole: boolean;
	readonly shows: (attribute: string) => boolean;
}

/** The tables that are looked at. */
export interface Scope {
	readonly tables: ReadonlyMap<number, ScopedTable>;
	/** Whether entries of tables that are gone are shown too: nobody can say any more who might read those. */
	readonly withDropped: boolean;
}

/** The bytes of the keys that a filter means in one table; undefined where it means every one. */
export function keysOf(ids: readonly string[], { primaryKeyType }: LoggedTable): readonly Uint8Array[] | undefined {
	if (ids.length === 0) return undefined;
	return ids.flatMap((text) => recordIdsOf(text, primaryKeyType)).flatMap((id) => keyBytes(id) ?? []);
}

/** Undefined for what is too long to be one. */
function keyBytes(id: unknown): Uint8Array | undefined {
	try {
		// A slice of a buffer would be the same memory, which the next key is written to.
		return Uint8Array.from(room.subarray(0, writeKey(id, room, 0)));
	} catch (error) {
		if (error instanceof RangeError) return undefined;
		throw error;
	}
}

const room = Buffer.alloc(16_384);
