import { damaged } from './damage.ts';
import { FIRST_DATA_PAGE } from './format.ts';

/**
 * Which pages were reached. Each page belongs to one place: a second claim means a cycle, or two owners, and is
 * refused, so that no damage makes a walk endless.
 */
export class PageLedger {
	readonly #seen: Uint8Array;
	readonly #lastPage: number;
	#count = 0;

	constructor(lastPage: number) {
		this.#lastPage = lastPage;
		this.#seen = new Uint8Array((lastPage >> 3) + 1);
	}

	/** Pages that no tree has claimed. */
	get unclaimed(): number {
		return this.#lastPage + 1 - FIRST_DATA_PAGE - this.#count;
	}

	claim(page: number, count: number, where: string): void {
		if (page < FIRST_DATA_PAGE || count < 1 || page + count - 1 > this.#lastPage) {
			throw damaged(
				where,
				`it refers to page ${page}, and the database has pages ${FIRST_DATA_PAGE} to ${this.#lastPage}`
			);
		}
		for (let one = page; one < page + count; one++) {
			const byte = one >>> 3;
			const bit = 1 << (one & 7);
			const before = this.#seen[byte] ?? 0;
			if ((before & bit) !== 0) throw damaged(where, `it refers to page ${one}, which stands elsewhere already`);
			this.#seen[byte] = before | bit;
		}
		this.#count += count;
	}
}
