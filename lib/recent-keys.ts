/** The keys that were read lately, ascending. They tell a row that is new from one that only looks old. */
export class RecentKeys {
	#keys: number[];

	constructor(keys: readonly number[] = []) {
		this.#keys = [...keys];
	}

	get size(): number {
		return this.#keys.length;
	}

	has(key: number): boolean {
		return this.#keys[this.#position(key)] === key;
	}

	add(key: number): void {
		const position = this.#position(key);
		if (position === this.#keys.length) this.#keys.push(key);
		else if (this.#keys[position] !== key) this.#keys.splice(position, 0, key);
	}

	/** Forgets the keys below `key`. */
	forgetBelow(key: number): void {
		this.#keys = this.#keys.slice(this.#position(key));
	}

	values(): readonly number[] {
		return this.#keys;
	}

	/** Where `key` stands, or would stand. Keys mostly arrive in order, so the end is tried first. */
	#position(key: number): number {
		let high = this.#keys.length;
		if (high === 0 || key > (this.#keys[high - 1] ?? 0)) return high;
		let low = 0;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((this.#keys[middle] ?? 0) < key) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}
