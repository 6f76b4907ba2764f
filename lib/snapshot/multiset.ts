/**
 * Adds up what the members of a collection are, in whatever order they come: equal sums mean equal members, but for one
 * chance in 2^64. It finds damage, and does not withstand somebody who plans it.
 */
export class Multiset {
	count = 0;
	#one = 0;
	#other = 0;

	add(key: Digest, value: Digest): void {
		this.count++;
		// The two are mixed before they are added: else entries could swap their values unseen.
		this.#one = (this.#one + scramble(key.one ^ Math.imul(value.other, 0x9e3779b1))) | 0;
		this.#other = (this.#other + scramble(key.other + Math.imul(value.one, 0x85ebca77))) | 0;
	}

	equals(other: Multiset): boolean {
		return this.count === other.count && this.#one === other.#one && this.#other === other.#other;
	}
}

/** 64 bits of some bytes. */
export class Digest {
	one = 0;
	other = 0;

	set(bytes: Uint8Array, start: number, end: number): void {
		let one = end - start;
		let other = ~one;
		for (let at = start; at < end; at++) {
			const byte = bytes[at]!;
			one = Math.imul(one ^ byte, 0x01000193);
			other = Math.imul(other + byte, 0x5bd1e995) ^ (other >>> 13);
		}
		this.one = scramble(one);
		this.other = scramble(other);
	}
}

function scramble(bits: number): number {
	let mixed = bits;
	mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
	mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
	return mixed ^ (mixed >>> 16);
}
