import { compareBytes } from '../../record/bytes.ts';
import { damaged } from './damage.ts';
import {
	NODE_HEADER_BYTES,
	nodeFlag,
	PAGE_HEADER_BYTES,
	pageFlag,
	readTreeHeader,
	readUint64,
	TRANSIENT_PAGE_FLAGS,
	TREE_BYTES,
	treeFlag,
	type TreeHeader,
} from './format.ts';
import type { PageLedger } from './ledger.ts';
import type { Chunk, Pages } from './pages.ts';

/** Deeper than any tree can grow: 2^64 entries with two to a page would be. */
const DEEPEST = 64;
const BIGGEST_KEPT_SCRATCH = 1 << 20;

/** One page on the way from the root. Offsets are those of its chunk. */
interface Level extends Chunk {
	readonly page: number;
	readonly base: number;
	readonly count: number;
	/** Nodes stand from here to the end of the page. */
	readonly nodesFrom: number;
	index: number;
}

/**
 * Walks a tree in the order of its keys, an entry at a time; in a tree of duplicates, every value of a key is an entry.
 * What it shows is to be read before the next step. Every offset and length is checked, keys must ascend, no page may be
 * reached twice, and at the end the number of entries must be what the tree says of itself.
 */
export class TreeCursor {
	bytes: Buffer = Buffer.alloc(0);
	keyStart = 0;
	keyEnd = 0;
	valueBytes: Buffer = this.bytes;
	valueStart = 0;
	valueEnd = 0;
	/** The value describes a tree of its own. */
	isTree = false;
	/** The key is the one of the entry before. */
	sameKey = false;
	/** The page of the entry, for whoever has to say where something is wrong. */
	page = 0;

	readonly #pages: Pages;
	readonly #header: TreeHeader;
	readonly #name: string;
	readonly #ledger: PageLedger;
	readonly #holdsDuplicates: boolean;
	readonly #levels: Level[] = [];
	#leaf: Level | undefined;
	#started = false;
	#entries = 0;
	#duplicates: TreeCursor | SubPage | undefined;
	#scratch: Buffer | undefined;
	/** The greatest key so far; a separator of a branch counts, and the key that follows may equal it. */
	#before: Buffer | undefined;
	#beforeStart = 0;
	#beforeEnd = 0;
	#mayEqual = false;

	constructor(pages: Pages, header: TreeHeader, name: string, ledger: PageLedger) {
		this.#pages = pages;
		this.#header = header;
		this.#name = name;
		this.#ledger = ledger;
		this.#holdsDuplicates = (header.flags & treeFlag.duplicates) !== 0;
		if (header.depth > DEEPEST) throw damaged(name, `it says that it is ${header.depth} pages deep`);
	}

	next(): boolean {
		if (this.#duplicates !== undefined) {
			if (this.#duplicates.next()) return this.#showDuplicate(this.#duplicates, true);
			this.#duplicates = undefined;
		}
		let leaf = this.#leaf;
		if (leaf === undefined || ++leaf.index >= leaf.count) {
			leaf = this.#started ? this.#nextLeaf() : this.#firstLeaf();
			this.#leaf = leaf;
			if (leaf === undefined) {
				this.#checkCount();
				return false;
			}
		}
		return this.#show(leaf);
	}

	#show(leaf: Level): boolean {
		const { view, bytes } = leaf;
		const node = this.#nodeAt(leaf);
		const flags = view.getUint16(node + 4, true);
		const keyStart = node + NODE_HEADER_BYTES;
		const keyEnd = keyStart + view.getUint16(node + 6, true);
		const size = view.getUint32(node, true);
		const stored = (flags & nodeFlag.overflow) === 0 ? size : PAGE_HEADER_BYTES;
		if (keyEnd + stored > leaf.base + this.#pages.pageSize) {
			throw this.#damaged(leaf.page, `entry ${leaf.index} reaches over its end`);
		}
		this.#ascend(bytes, keyStart, keyEnd, leaf);
		this.page = leaf.page;
		this.bytes = bytes;
		this.keyStart = keyStart;
		this.keyEnd = keyEnd;
		this.isTree = false;
		this.sameKey = false;
		if (flags === 0) {
			this.valueBytes = bytes;
			this.valueStart = keyEnd;
			this.valueEnd = keyEnd + size;
		} else if (flags === nodeFlag.overflow && !this.#holdsDuplicates) {
			this.#readOverflow(leaf, keyEnd, size);
		} else if (flags === nodeFlag.tree && size === TREE_BYTES && !this.#holdsDuplicates) {
			this.isTree = true;
			this.valueBytes = bytes;
			this.valueStart = keyEnd;
			this.valueEnd = keyEnd + size;
		} else if ((flags & nodeFlag.duplicates) !== 0 && this.#holdsDuplicates) {
			return this.#enterDuplicates(leaf, flags, keyEnd, size);
		} else {
			throw this.#damaged(leaf.page, `entry ${leaf.index} is of an unknown kind, ${flags}`);
		}
		this.#entries++;
		return true;
	}

	#enterDuplicates(leaf: Level, flags: number, at: number, size: number): true {
		let duplicates: TreeCursor | SubPage;
		if (flags === (nodeFlag.duplicates | nodeFlag.tree) && size === TREE_BYTES) {
			const header = { ...readTreeHeader(leaf.view, at), flags: 0 };
			duplicates = new TreeCursor(this.#pages, header, this.#name, this.#ledger);
		} else if (flags === nodeFlag.duplicates) {
			duplicates = new SubPage(leaf, at, size, `${this.#name}, page ${leaf.page}`);
		} else {
			throw this.#damaged(leaf.page, `entry ${leaf.index} is of an unknown kind, ${flags}`);
		}
		if (!duplicates.next()) throw this.#damaged(leaf.page, `entry ${leaf.index} has no value`);
		this.#duplicates = duplicates;
		return this.#showDuplicate(duplicates, false);
	}

	#showDuplicate(duplicate: TreeCursor | SubPage, sameKey: boolean): true {
		this.valueBytes = duplicate.bytes;
		this.valueStart = duplicate.keyStart;
		this.valueEnd = duplicate.keyEnd;
		this.sameKey = sameKey;
		this.#entries++;
		return true;
	}

	#readOverflow(leaf: Level, at: number, size: number): void {
		const page = readUint64(leaf.view, at);
		const count = readUint64(leaf.view, at + 16);
		const { pageSize } = this.#pages;
		const where = `${this.#name}, page ${leaf.page}`;
		if (size + PAGE_HEADER_BYTES > count * pageSize)
			throw damaged(where, `a value does not fit into its ${count} pages`);
		this.#ledger.claim(page, count, where);
		const chunk = this.#pages.chunkOf(page, where);
		const base = this.#pages.offsetOf(page);
		this.#checkPage(chunk, base, page, pageFlag.overflow);
		if (this.#pages.isWhole(page, PAGE_HEADER_BYTES + size)) {
			this.valueBytes = chunk.bytes;
			this.valueStart = base + PAGE_HEADER_BYTES;
			this.valueEnd = this.valueStart + size;
			if (this.valueEnd > chunk.bytes.length) throw damaged(where, `the value in page ${page} is cut off`);
			return;
		}
		if (page * pageSize + PAGE_HEADER_BYTES + size > this.#pages.sizeBytes) {
			throw damaged(where, `the value in page ${page} is cut off`);
		}
		this.valueBytes = this.#room(size);
		this.valueStart = 0;
		this.valueEnd = size;
		this.#pages.readAcross(page, PAGE_HEADER_BYTES, this.valueBytes.subarray(0, size), where);
	}

	#room(size: number): Buffer {
		if (size > BIGGEST_KEPT_SCRATCH) return Buffer.allocUnsafeSlow(size);
		this.#scratch ??= Buffer.allocUnsafeSlow(BIGGEST_KEPT_SCRATCH);
		return this.#scratch;
	}

	#firstLeaf(): Level | undefined {
		this.#started = true;
		const { root } = this.#header;
		return root === undefined ? undefined : this.#descend(root);
	}

	#nextLeaf(): Level | undefined {
		this.#levels.pop();
		for (;;) {
			const branch = this.#levels.at(-1);
			if (branch === undefined) return undefined;
			if (++branch.index < branch.count) {
				this.#passSeparator(branch);
				return this.#descend(this.#childOf(branch));
			}
			this.#levels.pop();
		}
	}

	/** To the first leaf below a page. */
	#descend(from: number): Level {
		for (let page = from; ;) {
			const isLeaf = this.#levels.length + 1 === this.#header.depth;
			if (this.#levels.length >= this.#header.depth) {
				throw this.#damaged(page, `it stands deeper than the ${this.#header.depth} levels of the tree`);
			}
			const level = this.#enter(page, isLeaf ? pageFlag.leaf : pageFlag.branch);
			this.#levels.push(level);
			if (isLeaf) return level;
			page = this.#childOf(level);
		}
	}

	#enter(page: number, kind: number): Level {
		this.#ledger.claim(page, 1, this.#name);
		const chunk = this.#pages.chunkOf(page, this.#name);
		const base = this.#pages.offsetOf(page);
		this.#checkPage(chunk, base, page, kind);
		const lower = chunk.view.getUint16(base + 20, true);
		const upper = chunk.view.getUint16(base + 22, true);
		if (lower > upper || upper > this.#pages.pageSize - PAGE_HEADER_BYTES || lower % 2 !== 0 || lower === 0) {
			throw this.#damaged(page, 'its bounds are impossible');
		}
		const nodesFrom = base + PAGE_HEADER_BYTES + upper;
		return { bytes: chunk.bytes, view: chunk.view, page, base, count: lower >> 1, nodesFrom, index: 0 };
	}

	#checkPage({ view }: Chunk, base: number, page: number, kind: number): void {
		if (readUint64(view, base) !== page) throw this.#damaged(page, `it calls itself page ${readUint64(view, base)}`);
		const flags = view.getUint16(base + 18, true) & ~TRANSIENT_PAGE_FLAGS;
		if (flags !== kind) throw this.#damaged(page, `it is of kind ${flags} and should be of kind ${kind}`);
	}

	#nodeAt(level: Level): number {
		const at = level.base + PAGE_HEADER_BYTES;
		const node = at + level.view.getUint16(at + 2 * level.index, true);
		if (node < level.nodesFrom || node + NODE_HEADER_BYTES > level.base + this.#pages.pageSize) {
			throw this.#damaged(level.page, `entry ${level.index} lies outside of it`);
		}
		return node;
	}

	#childOf(branch: Level): number {
		const node = this.#nodeAt(branch);
		return branch.view.getUint32(node, true) + branch.view.getUint16(node + 4, true) * 0x1_0000_0000;
	}

	/** All keys before a separator are less, all that follow are not. */
	#passSeparator(branch: Level): void {
		const node = this.#nodeAt(branch);
		const start = node + NODE_HEADER_BYTES;
		const end = start + branch.view.getUint16(node + 6, true);
		if (end > branch.base + this.#pages.pageSize) {
			throw this.#damaged(branch.page, `entry ${branch.index} reaches over its end`);
		}
		this.#ascend(branch.bytes, start, end, branch);
		this.#mayEqual = true;
	}

	#ascend(bytes: Buffer, start: number, end: number, level: Level): void {
		if (this.#before !== undefined) {
			const order = compareBytes(this.#before, this.#beforeStart, this.#beforeEnd, bytes, start, end);
			if (order > 0 || (order === 0 && !this.#mayEqual)) {
				throw this.#damaged(level.page, `the key of entry ${level.index} is not greater than the one before`);
			}
		}
		this.#before = bytes;
		this.#beforeStart = start;
		this.#beforeEnd = end;
		this.#mayEqual = false;
	}

	#checkCount(): void {
		if (this.#entries === this.#header.entries) return;
		throw damaged(this.#name, `it says that it has ${this.#header.entries} entries, and has ${this.#entries}`);
	}

	#damaged(page: number, what: string): Error {
		return damaged(`${this.#name}, page ${page}`, what);
	}
}

/** The values of one key, where they are few: a page within an entry. */
class SubPage {
	readonly bytes: Buffer;
	keyStart = 0;
	keyEnd = 0;
	readonly #view: DataView;
	readonly #at: number;
	readonly #end: number;
	readonly #where: string;
	readonly #count: number;
	readonly #nodesFrom: number;
	#index = -1;

	constructor({ bytes, view }: Chunk, at: number, size: number, where: string) {
		this.bytes = bytes;
		this.#view = view;
		this.#at = at;
		this.#end = at + size;
		this.#where = where;
		if (size < PAGE_HEADER_BYTES) throw damaged(where, 'the values of a key are cut off');
		const flags = view.getUint16(at + 18, true) & ~TRANSIENT_PAGE_FLAGS;
		const lower = view.getUint16(at + 20, true);
		const upper = view.getUint16(at + 22, true);
		if (flags !== (pageFlag.subPage | pageFlag.leaf)) throw damaged(where, `the values of a key are of kind ${flags}`);
		if (lower > upper || upper > size - PAGE_HEADER_BYTES || lower % 2 !== 0) {
			throw damaged(where, 'the bounds of the values of a key are impossible');
		}
		this.#count = lower >> 1;
		this.#nodesFrom = at + PAGE_HEADER_BYTES + upper;
	}

	next(): boolean {
		const first = this.#index < 0;
		if (++this.#index >= this.#count) return false;
		const at = this.#at + PAGE_HEADER_BYTES;
		const node = at + this.#view.getUint16(at + 2 * this.#index, true);
		if (node < this.#nodesFrom || node + NODE_HEADER_BYTES > this.#end) {
			throw damaged(this.#where, 'a value of a key lies outside of its place');
		}
		const start = node + NODE_HEADER_BYTES;
		const end = start + this.#view.getUint16(node + 6, true);
		if (end > this.#end) throw damaged(this.#where, 'a value of a key reaches over its end');
		if (!first && compareBytes(this.bytes, this.keyStart, this.keyEnd, this.bytes, start, end) >= 0) {
			throw damaged(this.#where, 'the values of a key do not ascend');
		}
		this.keyStart = start;
		this.keyEnd = end;
		return true;
	}
}
