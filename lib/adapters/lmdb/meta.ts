import {
	DATA_VERSION,
	FIRST_DATA_PAGE,
	MAGIC,
	META_BYTES,
	metaOffset,
	PAGE_HEADER_BYTES,
	pageFlag,
	readTreeHeader,
	readUint64,
	type TreeHeader,
	UNSYNCED,
} from './format.ts';
import { damaged } from './damage.ts';

/** The start of one state of the database. */
export interface Meta {
	/** Where its magic number stands in the file. */
	readonly offset: number;
	readonly pageSize: number;
	readonly lastPage: number;
	readonly transaction: bigint;
	readonly bootId: bigint;
	readonly unsynced: boolean;
	readonly freeTree: TreeHeader;
	readonly mainTree: TreeHeader;
}

export interface Metas {
	readonly pageSize: number;
	/** The slots 0 and 1. A slot that is no meta is missing; one of the two is there. */
	readonly slots: readonly [Meta | undefined, Meta | undefined];
	/** lmdb-js keeps the last state that was synced in the middle of page 0. */
	readonly flushed: Meta | undefined;
}

/** How much of the beginning of a file `readMetas` wants, at most. */
export const METAS_BYTES = 2 * 65_536;

const PAGE_SIZES = [4096, 8192, 16_384, 32_768, 65_536, 2048, 1024, 512];

/** Throws `snapshot_damaged` where neither slot holds a meta. */
export function readMetas(head: Uint8Array): Metas {
	const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
	const first = readMeta(view, 0);
	const sizes = first === undefined ? PAGE_SIZES : [first.pageSize];
	for (const pageSize of sizes) {
		const second = readMeta(view, pageSize);
		if (first === undefined && second?.pageSize !== pageSize) continue;
		const flushed = readBareMeta(view, (pageSize >> 1) + PAGE_HEADER_BYTES, pageSize);
		return { pageSize, slots: [first, second?.pageSize === pageSize ? second : undefined], flushed };
	}
	throw damaged('the meta pages', 'neither is one of LMDB data version 2');
}

/** What LMDB takes where it need not fear that a transaction was lost: the newest. */
export function newestMeta({ slots: [first, second] }: Metas): Meta {
	const newest =
		second !== undefined && (first === undefined || second.transaction > first.transaction) ? second : first;
	const other = newest === first ? second : first;
	if (newest === undefined) throw damaged('the meta pages', 'there is none');
	// A database never gives pages back, so an older state cannot reach further than a newer one.
	if (other !== undefined && other.lastPage > newest.lastPage) {
		throw damaged('the meta pages', 'the older state has pages that the newer one lacks');
	}
	return newest;
}

function readMeta(view: DataView, page: number): Meta | undefined {
	if (page + PAGE_HEADER_BYTES + META_BYTES > view.byteLength) return undefined;
	if ((view.getUint16(page + 18, true) & pageFlag.meta) === 0) return undefined;
	const at = page + PAGE_HEADER_BYTES;
	if (view.getUint32(at, true) !== MAGIC || view.getUint16(at + metaOffset.version, true) !== DATA_VERSION) {
		return undefined;
	}
	return readBareMeta(view, at, view.getUint32(at + metaOffset.pageSize, true));
}

/** The flushed meta has neither a page header nor a magic number: it is there if it makes sense. */
function readBareMeta(view: DataView, at: number, pageSize: number): Meta | undefined {
	if (at + META_BYTES > view.byteLength || !PAGE_SIZES.includes(pageSize)) return undefined;
	if (view.getUint32(at + metaOffset.pageSize, true) !== pageSize) return undefined;
	const lastPage = readUint64(view, at + metaOffset.lastPage);
	if (lastPage < FIRST_DATA_PAGE - 1 || lastPage * pageSize > Number.MAX_SAFE_INTEGER) return undefined;
	return {
		offset: at,
		pageSize,
		lastPage,
		transaction: view.getBigUint64(at + metaOffset.transaction, true),
		bootId: view.getBigInt64(at + metaOffset.bootId, true),
		unsynced: (view.getUint16(at + metaOffset.flags, true) & UNSYNCED) !== 0,
		freeTree: readTreeHeader(view, at + metaOffset.freeTree),
		mainTree: readTreeHeader(view, at + metaOffset.mainTree),
	};
}
