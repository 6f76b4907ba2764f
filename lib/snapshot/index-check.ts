import { isPlainText, LONGEST_KEY_BYTES, writeKey } from '../record/key.ts';
import type { Row, Shape } from '../record/shape.ts';
import { StoredText } from '../record/text.ts';
import type { IndexInFile, RowCursor } from './database-file.ts';
import { indexedValues, LONGEST_TEXT } from './indexed-values.ts';
import { Digest, Multiset } from './multiset.ts';

const scratch = Buffer.allocUnsafe(LONGEST_KEY_BYTES);

/** Collects which entries the indexes of a table should have, and tells whether one has just those. */
export class IndexCheck {
	readonly #expected: readonly Expected[];
	readonly #id = new Digest();
	#shape: Shape | undefined;

	constructor(indexes: readonly IndexInFile[]) {
		this.#expected = indexes.filter(({ kind }) => kind === 'plain').map((index) => new Expected(index));
	}

	/** To be told of every row. Throws a `RangeError` where a value makes no key. */
	add({ keyBytes, keyStart, keyEnd }: RowCursor, row: Row): void {
		if (this.#expected.length === 0) return;
		this.#id.set(keyBytes, keyStart, keyEnd);
		if (row.shape !== this.#shape) {
			this.#shape = row.shape;
			for (const expected of this.#expected) expected.position = row.shape.positionOf(expected.index.attribute);
		}
		for (const expected of this.#expected) {
			if (expected.position !== undefined) expected.add(row.values[expected.position], this.#id);
		}
	}

	/** What the rows call for; `undefined` for an index that cannot be told from the rows. */
	expectedOf(index: IndexInFile): Multiset | undefined {
		return this.#expected.find((expected) => expected.index === index)?.entries;
	}
}

class Expected {
	readonly index: IndexInFile;
	readonly entries = new Multiset();
	/** Where the attribute stands in rows of the present shape. */
	position: number | undefined;
	readonly #key = new Digest();

	constructor(index: IndexInFile) {
		this.index = index;
	}

	add(value: unknown, id: Digest): void {
		if (typeof value === 'number' || typeof value === 'boolean') {
			this.#addKey(value, id);
			return;
		}
		if (value instanceof StoredText && value.end - value.start <= LONGEST_TEXT) {
			const { bytes, start, end } = value;
			if (isPlainText(bytes, start, end)) {
				this.#key.set(bytes, start, end);
				this.entries.add(this.#key, id);
				return;
			}
		}
		const values = indexedValues(read(value), this.index.indexNulls);
		if (values.length === 1) this.#addKey(values[0], id);
		else if (values.length > 1) this.#addDistinct(values, id);
	}

	#addKey(value: unknown, id: Digest): void {
		this.#key.set(scratch, 0, writeKey(value, scratch, 0));
		this.entries.add(this.#key, id);
	}

	/** A value that stands in a list twice has one entry. */
	#addDistinct(values: readonly unknown[], id: Digest): void {
		const seen = new Set<string>();
		for (const value of values) {
			const end = writeKey(value, scratch, 0);
			const key = scratch.toString('latin1', 0, end);
			if (seen.has(key)) continue;
			seen.add(key);
			this.#key.set(scratch, 0, end);
			this.entries.add(this.#key, id);
		}
	}
}

function read(value: unknown): unknown {
	if (value instanceof StoredText) return value.toString();
	return Array.isArray(value) ? value.map(read) : value;
}
