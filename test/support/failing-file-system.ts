import { nodeFileSystem, type FileSystem, type OpenFile } from '../../lib/adapters/directory/file-system.ts';

/** One step on a disk: which call, and on which path. */
export interface Step {
	readonly call: string;
	readonly path: string;
}

/** A real file system that hands every step to `before` first, which may throw in its place. */
export function watchedFileSystem(
	before: (step: Step) => void | Promise<void>,
	base: FileSystem = nodeFileSystem
): FileSystem {
	const watched =
		<A extends readonly unknown[], T>(call: string, path: string | undefined, work: (...args: A) => Promise<T>) =>
		async (...args: A): Promise<T> => {
			await before({ call, path: path ?? String(args[0]) });
			return await work(...args);
		};
	const watchedFile = (path: string, file: OpenFile): OpenFile => ({
		write: watched('write', path, (bytes: Uint8Array, offset: number, length: number) =>
			file.write(bytes, offset, length)
		),
		read: watched('read', path, (bytes: Uint8Array, offset: number, length: number, position: number) =>
			file.read(bytes, offset, length, position)
		),
		stat: watched('fstat', path, () => file.stat()),
		sync: watched('sync', path, () => file.sync()),
		close: async () => {
			// Closed all the same, so that nothing stays open.
			await file.close();
			await before({ call: 'close', path });
		},
	});
	return {
		open: watched('open', undefined, async (path: string, flags: number, mode?: number) =>
			watchedFile(path, await base.open(path, flags, mode))
		),
		link: watched('link', undefined, (source: string, target: string) => base.link(source, target)),
		rename: watched('rename', undefined, (source: string, target: string) => base.rename(source, target)),
		unlink: watched('unlink', undefined, (at: string) => base.unlink(at)),
		mkdir: watched('mkdir', undefined, (at: string, mode: number) => base.mkdir(at, mode)),
		rmdir: watched('rmdir', undefined, (at: string) => base.rmdir(at)),
		stat: watched('stat', undefined, (at: string) => base.stat(at)),
		lstat: watched('lstat', undefined, (at: string) => base.lstat(at)),
		readdir: watched('readdir', undefined, (at: string) => base.readdir(at)),
		statfs: watched('statfs', undefined, (at: string) => base.statfs(at)),
	};
}

/** What a system call rejects with. */
export function errno(code: string): Error {
	return Object.assign(new Error(`${code}: by design`), { code, syscall: 'test' });
}
