import { lstat, link, mkdir, open, readdir, rename, rmdir, stat, statfs, unlink } from 'node:fs/promises';

/** What a repository in a directory asks of the file system; `node:fs/promises`, or one that fails on purpose. */
export interface FileSystem {
	open(path: string, flags: number, mode?: number): Promise<OpenFile>;
	/** Rejects with EEXIST where `target` is there. */
	link(source: string, target: string): Promise<void>;
	rename(source: string, target: string): Promise<void>;
	unlink(path: string): Promise<void>;
	mkdir(path: string, mode: number): Promise<unknown>;
	rmdir(path: string): Promise<void>;
	stat(path: string): Promise<FileStatus>;
	/** Does not follow a symbolic link. */
	lstat(path: string): Promise<FileStatus>;
	readdir(path: string): Promise<readonly DirectoryEntry[]>;
	statfs(path: string): Promise<{ readonly bavail: number; readonly bsize: number }>;
}

export interface OpenFile {
	/** May write or read less than it was asked to. */
	write(bytes: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>;
	read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
	stat(): Promise<FileStatus>;
	sync(): Promise<void>;
	close(): Promise<void>;
}

export interface FileStatus {
	readonly dev: number;
	readonly ino: number;
	readonly size: number;
	readonly mtimeMs: number;
	isFile(): boolean;
	isDirectory(): boolean;
	isSymbolicLink(): boolean;
}

export interface DirectoryEntry {
	readonly name: string;
	isFile(): boolean;
	isDirectory(): boolean;
}

export const nodeFileSystem: FileSystem = {
	open,
	link,
	rename,
	unlink,
	mkdir: (path, mode) => mkdir(path, { mode }),
	rmdir,
	stat,
	lstat,
	readdir: (path) => readdir(path, { withFileTypes: true }),
	statfs,
};
