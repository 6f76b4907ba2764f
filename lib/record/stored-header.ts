/** What may stand in front of a record in its primary store. */
const LOCAL_TIME = 2;
const WIDE_FLAGS = 14;
const FIRST_OF_A_RECORD = 32;
/** The years of the present begin with this byte, once a bit is turned; see `localTimeAt`. */
const TURNED = 0x40;

const flag = { invalidated: 1, evicted: 8, expires: 16, residency: 32 } as const;

/** Reads what Harper writes in front of a record. One of these serves for many. */
export class StoredHeader {
	/** Where the local time stands; undefined where there is none. */
	#localTimeAt: number | undefined;
	#bytes: Buffer = Buffer.alloc(0);
	flags = 0;
	expiresAt: number | undefined;

	/** Notes what stands there, and returns where the record begins. Throws a `RangeError` where it is cut off. */
	read(bytes: Buffer, start: number, end: number): number {
		this.#bytes = bytes;
		this.#localTimeAt = undefined;
		this.flags = 0;
		this.expiresAt = undefined;
		let at = start;
		if (end - start <= 2 || bytes[at]! >= FIRST_OF_A_RECORD) return at;
		if (bytes[at] === LOCAL_TIME) {
			if (at + 8 > end) throw new RangeError('its local time is cut off');
			this.#localTimeAt = at;
			at += 8;
		}
		if (at >= end || bytes[at]! >= FIRST_OF_A_RECORD) return at;
		const isWide = bytes[at] === WIDE_FLAGS;
		if (at + (isWide ? 4 : 2) > end) throw new RangeError('its flags are cut off');
		this.flags = isWide ? bytes.readUInt32BE(at) & 0xff_ffff : bytes[at]! | (bytes[at + 1]! << 5);
		at += isWide ? 4 : 2;
		if ((this.flags & flag.expires) !== 0) {
			if (at + 8 > end) throw new RangeError('its expiry is cut off');
			this.expiresAt = bytes.readDoubleBE(at);
			at += 8;
		}
		return (this.flags & flag.residency) === 0 ? at : at + 4;
	}

	/** Where the entry of the log stands that made the record what it is. */
	get localTime(): number | undefined {
		if (this.#localTimeAt === undefined) return undefined;
		turned.set(this.#bytes.subarray(this.#localTimeAt, this.#localTimeAt + 8));
		turned[0]! ^= TURNED;
		return turned.readDoubleBE(0);
	}

	/** Whether only its indexed attributes are left of the record. */
	get isPartial(): boolean {
		return (this.flags & (flag.invalidated | flag.evicted)) !== 0;
	}
}

const turned = Buffer.alloc(8);
