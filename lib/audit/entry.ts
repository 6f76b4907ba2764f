import { readKey, type Key } from '../record/key.ts';

type AuditAction = 'put' | 'delete' | 'message' | 'invalidate' | 'patch' | 'relocate';
type AuditOperation = 'insert' | 'update' | 'upsert';

/** One row of the audit log, but for the record in it, which only its table can read. */
export interface AuditEntry {
	readonly action: AuditAction;
	/** Where the previous entry of the same record stands; 1 and less mean that Harper did not say. */
	readonly previousLocalTime: number | undefined;
	/** Which node made it, by this node's numbers; 0 is this node itself. */
	readonly nodeId: number;
	readonly tableId: number;
	/** When its transaction was, on the node that made it. */
	readonly version: number;
	readonly residencyId: number | undefined;
	readonly previousResidencyId: number | undefined;
	readonly expiresAt: number | undefined;
	readonly operation: AuditOperation | undefined;
	/** `full` for a whole record or message, `partial` for the attributes of a patch. */
	readonly holds: 'full' | 'partial' | 'nothing';
	readonly hasBlobs: boolean;
	/** Read with `recordIdOf`. */
	readonly recordId: Place;
	/** Read with `userOf`; empty where nobody is named. */
	readonly user: Place;
	/** Where the encoded record stands; empty where it holds nothing. */
	readonly value: Place;
}

/** Where something stands among the bytes of an entry. */
interface Place {
	readonly start: number;
	readonly end: number;
}

/** The primary key. Throws a `RangeError` on bytes that are no key. */
export function recordIdOf(bytes: Uint8Array, { recordId }: AuditEntry): Key {
	return readKey(bytes, recordId.start, recordId.end);
}

/** Throws a `RangeError` on bytes that are no name. */
export function userOf(bytes: Uint8Array, { user }: AuditEntry): string | undefined {
	return user.start === user.end ? undefined : String(readKey(bytes, user.start, user.end));
}

const ACTIONS: readonly (AuditAction | undefined)[] = [
	undefined,
	'put',
	'delete',
	'message',
	'invalidate',
	'patch',
	'relocate',
];
const OPERATIONS: readonly (AuditOperation | undefined)[] = [undefined, 'insert', 'update', 'upsert'];

const flag = {
	record: 16,
	partialRecord: 32,
	residency: 512,
	previousResidency: 1024,
	operation: 2048,
	expiry: 4096,
	blobs: 8192,
} as const;

/** How a previous local time begins: as a float of the years 1970 to 2100 does. */
const PREVIOUS_LOCAL_TIME = 66;

/** Throws a `RangeError` on bytes that are no entry. */
export function decodeEntry(bytes: Uint8Array, start = 0, end = bytes.length): AuditEntry {
	const reader = new EntryReader(bytes, start, end);
	const previousLocalTime = bytes[start] === PREVIOUS_LOCAL_TIME ? reader.float64() : undefined;
	const flags = reader.int();
	const action = ACTIONS[flags & 7];
	if (action === undefined) throw new RangeError(`there is no action ${flags & 7}`);
	const nodeId = reader.int();
	const tableId = reader.int();
	const recordId = reader.place();
	if (recordId.start === recordId.end) throw new RangeError('the record has no id');
	const version = reader.float64();
	const residencyId = (flags & flag.residency) === 0 ? undefined : reader.int();
	const previousResidencyId = (flags & flag.previousResidency) === 0 ? undefined : reader.int();
	const expiresAt = (flags & flag.expiry) === 0 ? undefined : reader.float64();
	const operation = (flags & flag.operation) === 0 ? undefined : OPERATIONS[reader.int()];
	const user = reader.place();
	const holds = (flags & flag.record) !== 0 ? 'full' : (flags & flag.partialRecord) !== 0 ? 'partial' : 'nothing';
	return {
		action,
		previousLocalTime,
		nodeId,
		tableId,
		version,
		residencyId,
		previousResidencyId,
		expiresAt,
		operation,
		holds,
		hasBlobs: (flags & flag.blobs) !== 0,
		recordId,
		user,
		value: { start: reader.at, end: holds === 'nothing' ? reader.at : end },
	};
}

class EntryReader {
	at: number;
	readonly #bytes: Uint8Array;
	readonly #end: number;

	constructor(bytes: Uint8Array, start: number, end: number) {
		this.#bytes = bytes;
		this.at = start;
		this.#end = end;
	}

	/** One, two, four or five bytes, as the first one says. */
	int(): number {
		const first = this.#take(1);
		const byte = this.#bytes[first]!;
		if (byte < 0x80) return byte;
		if (byte < 0xc0) return ((byte & 0x7f) << 8) | this.#bytes[this.#take(1)]!;
		if (byte < 0xff) return (uint32(this.#bytes, this.#take(3) - 1) & 0x3fffffff) >>> 0;
		return uint32(this.#bytes, this.#take(4));
	}

	float64(): number {
		const at = this.#take(8);
		for (let i = 0; i < 8; i++) float.setUint8(i, this.#bytes[at + i]!);
		return float.getFloat64(0);
	}

	place(): Place {
		const length = this.int();
		const start = this.#take(length);
		return { start, end: start + length };
	}

	#take(length: number): number {
		const { at } = this;
		if (length > this.#end - at) throw new RangeError('an entry is cut off');
		this.at = at + length;
		return at;
	}
}

const float = new DataView(new ArrayBuffer(8));

function uint32(bytes: Uint8Array, at: number): number {
	return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
