import { constants } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { DirectoryEntry, FileStatus, FileSystem, OpenFile } from '../../lib/adapters/directory/file-system.ts';
import { errno } from './failing-file-system.ts';

interface File {
	readonly kind: 'file';
	readonly ino: number;
	data: Uint8Array;
	safeData: Uint8Array;
}

interface Directory {
	readonly kind: 'directory';
	readonly ino: number;
	entries: Map<string, Node>;
	safeEntries: Map<string, Node>;
}

type Node = File | Directory;

/** A disk in memory that keeps through a power loss only what was synced, and of the rest whatever it likes. */
export class VolatileDisk implements FileSystem {
	#inodes = 0;
	#root = this.#newDirectory();

	/** For each thing that was not synced, `keeps` says whether it reached the disk all the same. */
	losePower(keeps: () => boolean): void {
		const lost = (node: Node): Node => {
			if (node.kind === 'file') {
				if (node.data !== node.safeData && !keeps()) node.data = keeps() ? halfOf(node.data) : node.safeData;
				node.safeData = node.data;
				return node;
			}
			const names = new Set([...node.entries.keys(), ...node.safeEntries.keys()]);
			const left = new Map<string, Node>();
			for (const name of names) {
				const [now, safe] = [node.entries.get(name), node.safeEntries.get(name)];
				const kept = now === safe || keeps() ? now : safe;
				if (kept !== undefined) left.set(name, kept);
			}
			node.entries = left;
			node.safeEntries = new Map(left);
			for (const child of left.values()) lost(child);
			return node;
		};
		lost(this.#root);
	}

	async open(path: string, flags: number): Promise<OpenFile> {
		let node = this.#find(path);
		if (node === undefined && (flags & constants.O_CREAT) !== 0) {
			node = { kind: 'file', ino: ++this.#inodes, data: new Uint8Array(0), safeData: new Uint8Array(0) };
			this.#parent(path).entries.set(basename(path), node);
		} else if ((flags & constants.O_EXCL) !== 0) {
			throw errno('EEXIST');
		}
		return openFile(node ?? missing());
	}

	async link(source: string, target: string): Promise<void> {
		const entries = this.#parent(target).entries;
		if (entries.has(basename(target))) throw errno('EEXIST');
		entries.set(basename(target), this.#get(source));
	}

	async rename(source: string, target: string): Promise<void> {
		this.#parent(target).entries.set(basename(target), this.#get(source));
		this.#parent(source).entries.delete(basename(source));
	}

	async unlink(path: string): Promise<void> {
		this.#get(path);
		this.#parent(path).entries.delete(basename(path));
	}

	async mkdir(path: string): Promise<void> {
		if (this.#find(path) !== undefined) throw errno('EEXIST');
		this.#parent(path).entries.set(basename(path), this.#newDirectory());
	}

	async rmdir(path: string): Promise<void> {
		if (this.#directory(path).entries.size > 0) throw errno('ENOTEMPTY');
		this.#parent(path).entries.delete(basename(path));
	}

	async stat(path: string): Promise<FileStatus> {
		return statusOf(this.#get(path));
	}

	async lstat(path: string): Promise<FileStatus> {
		return statusOf(this.#get(path));
	}

	async readdir(path: string): Promise<readonly DirectoryEntry[]> {
		return [...this.#directory(path).entries].map(([name, { kind }]) => ({
			name,
			isFile: () => kind === 'file',
			isDirectory: () => kind === 'directory',
		}));
	}

	async statfs(): Promise<{ readonly bavail: number; readonly bsize: number }> {
		return { bavail: 1, bsize: 4096 };
	}

	#newDirectory(): Directory {
		return { kind: 'directory', ino: ++this.#inodes, entries: new Map(), safeEntries: new Map() };
	}

	#find(path: string): Node | undefined {
		let node: Node | undefined = this.#root;
		for (const segment of path.split('/').filter((one) => one !== '')) {
			if (node?.kind !== 'directory') return undefined;
			node = node.entries.get(segment);
		}
		return node;
	}

	#get(path: string): Node {
		return this.#find(path) ?? missing();
	}

	#directory(path: string): Directory {
		const node = this.#get(path);
		if (node.kind !== 'directory') throw errno('ENOTDIR');
		return node;
	}

	#parent(path: string): Directory {
		return this.#directory(dirname(path));
	}
}

function halfOf(bytes: Uint8Array): Uint8Array {
	return bytes.subarray(0, bytes.length >> 1);
}

function openFile(node: Node): OpenFile {
	const file = () => {
		if (node.kind === 'directory') throw errno('EISDIR');
		return node;
	};
	return {
		async write(bytes, offset, length) {
			file().data = new Uint8Array(Buffer.concat([file().data, bytes.subarray(offset, offset + length)]));
			return { bytesWritten: length };
		},
		async read(bytes, offset, length, position) {
			const part = file().data.subarray(position, position + length);
			bytes.set(part, offset);
			return { bytesRead: part.length };
		},
		stat: async () => statusOf(node),
		async sync() {
			if (node.kind === 'file') node.safeData = node.data;
			else node.safeEntries = new Map(node.entries);
		},
		close: async () => {},
	};
}

function statusOf(node: Node): FileStatus {
	return {
		dev: 1,
		ino: node.ino,
		size: node.kind === 'file' ? node.data.length : 0,
		mtimeMs: 0,
		isFile: () => node.kind === 'file',
		isDirectory: () => node.kind === 'directory',
		isSymbolicLink: () => false,
	};
}

function missing(): never {
	throw errno('ENOENT');
}
