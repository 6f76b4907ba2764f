// The layout of LMDB's data version 2, as lmdb-js 3.5 builds it for 64-bit little-endian machines.

export const PAGE_HEADER_BYTES = 24;
export const NODE_HEADER_BYTES = 8;
export const META_BYTES = 144;
export const TREE_BYTES = 48;
/** Pages 0 and 1 are metas. */
export const FIRST_DATA_PAGE = 2;

export const MAGIC = 0xbeefc0de;
export const DATA_VERSION = 2;

export const pageFlag = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08, subPage: 0x40 } as const;
/** Bits that LMDB uses in memory and may leave in the file. */
export const TRANSIENT_PAGE_FLAGS = 0x2000 | 0x4000 | 0x8000;

export const nodeFlag = { overflow: 0x01, tree: 0x02, duplicates: 0x04 } as const;
export const treeFlag = { duplicates: 0x04 } as const;

/** On a meta page: committed, but not yet known to be on disk. */
export const UNSYNCED = 0x1000;

/** The root of an empty tree. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/** Where a meta keeps what, from its magic number. */
export const metaOffset = {
	magic: 0,
	version: 4,
	pageSize: 24,
	flags: 28,
	freeTree: 24,
	mainTree: 72,
	lastPage: 120,
	transaction: 128,
	bootId: 136,
} as const;

/** One tree, as a meta or the main tree describes it. */
export interface TreeHeader {
	readonly flags: number;
	readonly depth: number;
	readonly branchPages: number;
	readonly leafPages: number;
	readonly overflowPages: number;
	readonly entries: number;
	/** `undefined`: the tree is empty. */
	readonly root: number | undefined;
}

export function readTreeHeader(view: DataView, at: number): TreeHeader {
	const root = view.getBigUint64(at + 40, true);
	return {
		flags: view.getUint16(at + 4, true),
		depth: view.getUint16(at + 6, true),
		branchPages: readUint64(view, at + 8),
		leafPages: readUint64(view, at + 16),
		overflowPages: readUint64(view, at + 24),
		entries: readUint64(view, at + 32),
		root: root === NO_PAGE ? undefined : Number(root),
	};
}

/** Beyond 2^53 the number is only approximately right, which no count and no offset of a real file ever is. */
export function readUint64(view: DataView, at: number): number {
	return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}
