import { damaged } from './damage.ts';
import { META_BYTES, PAGE_HEADER_BYTES, readTreeHeader, type TreeHeader } from './format.ts';
import { PageLedger } from './ledger.ts';
import { METAS_BYTES, newestMeta, readMetas } from './meta.ts';
import { closeFile, type OpenFile, openFile, Pages, readFully } from './pages.ts';
import { TreeCursor } from './tree-cursor.ts';

/** An LMDB file: its trees by name. */
export class Environment {
	readonly sizeBytes: number;
	readonly trees: ReadonlyMap<string, TreeHeader>;
	readonly #file: OpenFile;
	readonly #pages: Pages;
	readonly #ledger: PageLedger;
	readonly #lastPage: number;
	/** Without a free list every page belongs to a tree. */
	readonly #isCompact: boolean;

	/** Throws `snapshot_unreadable` where there is no such file, `snapshot_damaged` where it is no database. */
	static open(path: string): Environment {
		const file = openFile(path);
		try {
			return new Environment(file);
		} catch (error) {
			closeFile(file);
			throw error;
		}
	}

	private constructor(file: OpenFile) {
		const head = new Uint8Array(Math.min(METAS_BYTES, file.sizeBytes));
		readFully(file.descriptor, head, 0);
		if (head.length < PAGE_HEADER_BYTES + META_BYTES) throw damaged('the meta pages', 'the file is too short for them');
		const meta = newestMeta(readMetas(head));
		if ((meta.lastPage + 1) * meta.pageSize > file.sizeBytes) {
			throw damaged(
				'the file',
				`it has ${file.sizeBytes} bytes and should have ${(meta.lastPage + 1) * meta.pageSize}`
			);
		}
		this.sizeBytes = file.sizeBytes;
		this.#file = file;
		this.#pages = new Pages(file, meta.pageSize);
		this.#lastPage = meta.lastPage;
		this.#ledger = new PageLedger(meta.lastPage);
		this.#isCompact = meta.freeTree.root === undefined;
		this.trees = this.#readTrees(meta.mainTree);
	}

	get bytesRead(): number {
		return this.#pages.bytesRead;
	}

	/** Walks a tree as part of the one walk over all of them, in which no page may be reached twice. */
	walk(name: string): TreeCursor {
		return new TreeCursor(this.#pages, this.#headerOf(name), name, this.#ledger);
	}

	/** Looks into a tree beside that walk. */
	look(name: string): TreeCursor {
		return new TreeCursor(this.#pages, this.#headerOf(name), name, new PageLedger(this.#lastPage));
	}

	checkComplete(): void {
		if (!this.#isCompact || this.#ledger.unclaimed === 0) return;
		throw damaged('the file', `${this.#ledger.unclaimed} of its pages belong to nothing`);
	}

	close(): void {
		closeFile(this.#file);
	}

	#headerOf(name: string): TreeHeader {
		const header = this.trees.get(name);
		if (header === undefined) throw damaged(`tree ${name}`, 'it is missing');
		return header;
	}

	#readTrees(main: TreeHeader): Map<string, TreeHeader> {
		const trees = new Map<string, TreeHeader>();
		const cursor = new TreeCursor(this.#pages, main, 'the list of trees', this.#ledger);
		while (cursor.next()) {
			if (!cursor.isTree) continue;
			// lmdb-js ends names with a zero.
			const name = cursor.bytes.toString('utf8', cursor.keyStart, cursor.keyEnd).replace(/\0$/, '');
			if (trees.has(name)) throw damaged(`tree ${name}`, 'there are two of this name');
			const { valueBytes, valueStart } = cursor;
			const view = new DataView(valueBytes.buffer, valueBytes.byteOffset, valueBytes.byteLength);
			trees.set(name, readTreeHeader(view, valueStart));
		}
		return trees;
	}
}
