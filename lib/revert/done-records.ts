const SHARDS = 256;
const FIRST_SLOTS = 16;

/**
 * Remembers many records in twelve bytes and some air each: a hash, and where an entry of the record stands. Two records
 * of one hash are told apart by that entry, so that none is taken for another.
 */
export class DoneRecords {
	readonly #shards: (Shard | undefined)[] = Array.from({ length: SHARDS });
	/** Whether the entry that stands there is of the record that is asked for. */
	readonly #isOfRecord: (localTime: number, tableId: number, id: Uint8Array) => boolean;

	constructor(isOfRecord: (localTime: number, tableId: number, id: Uint8Array) => boolean) {
		this.#isOfRecord = isOfRecord;
	}

	has(tableId: number, id: Uint8Array): boolean {
		const hash = hashOf(tableId, id);
		const shard = this.#shards[hash % SHARDS];
		if (shard === undefined) return false;
		const { tags, places } = shard;
		for (let slot = firstSlot(hash, tags.length); places[slot] !== 0; slot = (slot + 1) % tags.length) {
			if (tags[slot] === hash && this.#isOfRecord(places[slot]!, tableId, id)) return true;
		}
		return false;
	}

	/** One that is not there yet. */
	add(tableId: number, id: Uint8Array, localTime: number): void {
		const hash = hashOf(tableId, id);
		let shard = (this.#shards[hash % SHARDS] ??= emptyShard(FIRST_SLOTS));
		if (shard.count * 4 >= shard.tags.length * 3) {
			shard = grown(shard);
			this.#shards[hash % SHARDS] = shard;
		}
		put(shard, hash, localTime);
	}
}

/** Each grows by itself, so that no growing takes long. */
interface Shard {
	count: number;
	readonly tags: Uint32Array;
	/** Zero where a slot is free. */
	readonly places: Float64Array;
}

function emptyShard(slots: number): Shard {
	return { count: 0, tags: new Uint32Array(slots), places: new Float64Array(slots) };
}

function grown({ tags, places }: Shard): Shard {
	const larger = emptyShard(tags.length * 2);
	for (let slot = 0; slot < tags.length; slot++) if (places[slot] !== 0) put(larger, tags[slot]!, places[slot]!);
	return larger;
}

function put(shard: Shard, hash: number, localTime: number): void {
	const { tags, places } = shard;
	let slot = firstSlot(hash, tags.length);
	while (places[slot] !== 0) slot = (slot + 1) % tags.length;
	tags[slot] = hash;
	places[slot] = localTime;
	shard.count++;
}

/** The lowest bits chose the shard. */
function firstSlot(hash: number, slots: number): number {
	return (hash >>> 8) % slots;
}

function hashOf(tableId: number, id: Uint8Array): number {
	let hash = Math.imul(tableId + 1, 0x9e3779b1);
	for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id[i]!, 0x01000193);
	hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
	hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
	return (hash ^ (hash >>> 16)) >>> 0;
}
