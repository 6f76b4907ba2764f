import { execFileSync } from 'node:child_process';
import { mkdir, readFile, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nodeFileSystem } from '../../../lib/adapters/directory/file-system.ts';
import { directoryRepository } from '../../../lib/adapters/directory/repository.ts';
import { createDirectory } from '../../../lib/adapters/directory/root.ts';
import type { Repository } from '../../../lib/repository/repository.ts';
import { all, bytesOf, chunked, noise, stuckAfter, textOf } from '../../support/bytes.ts';
import { errno, watchedFileSystem, type Step } from '../../support/failing-file-system.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

describe('a repository in a directory', () => {
	test('lets nobody but its owner look, whatever the umask is', async () => {
		const root = await temporaryDirectory();
		const before = process.umask(0);
		await directoryRepository(root)
			.write('n/d/x', chunked('secret'))
			.finally(() => process.umask(before));
		const modeOf = async (path: string) => ((await stat(join(root, path))).mode & 0o777).toString(8);
		expect(await Promise.all(['n', 'n/d', '.incoming', 'n/d/x'].map(modeOf))).toEqual(['700', '700', '700', '600']);
	});

	test('keeps nothing but the object after a write', async () => {
		const root = await temporaryDirectory();
		await directoryRepository(root).write('n/x', chunked('x'));
		expect(await readdir(join(root, '.incoming'))).toEqual([]);
	});

	test('takes away directories that hold nothing any more, but not itself', async () => {
		const root = await temporaryDirectory();
		const repository = directoryRepository(root);
		for (const key of ['n/d/a/x', 'n/d/b/x']) await repository.write(key, chunked('x'));
		await repository.remove('n/d/a/x');
		expect(await readdir(join(root, 'n/d'))).toEqual(['b']);
		await repository.remove('n/d/b/x');
		expect(await readdir(root)).toEqual(['.incoming']);
	});

	test('removes several objects at once', async () => {
		const repository = directoryRepository(await temporaryDirectory());
		for (let round = 0; round < 20; round++) {
			const keys = ['n/d/a/x', 'n/d/a/y', 'n/d/b/x', 'n/d/z'];
			for (const key of keys) await repository.write(key, chunked('x'));
			await Promise.all(keys.map((key) => repository.remove(key)));
			expect(await all(repository.list(''))).toEqual([]);
		}
	});

	test('brings a removal to the disk that another began', async () => {
		const root = await temporaryDirectory();
		const synced: string[] = [];
		const fs = watchedFileSystem(({ call, path }) => void (call === 'sync' && synced.push(path)));
		await directoryRepository(root).write('n/d/a', chunked('x'));
		await directoryRepository(root, fs).remove('n/d/gone');
		await directoryRepository(root, fs).remove('n/e/gone');
		expect(synced).toEqual([join(root, 'n/d'), join(root, 'n')]);
	});

	test('passes over what it did not write', async () => {
		const root = await temporaryDirectory();
		await mkdir(join(root, 'lost+found'));
		await mkdir(join(root, 'n'));
		await writeFile(join(root, 'n', '.x.swp'), '');
		execFileSync('mkfifo', [join(root, 'n', 'pipe')]);
		await symlink('/etc/passwd', join(root, 'n', 'link'));
		const repository = directoryRepository(root);
		expect(await all(repository.list(''))).toEqual([]);
		expect(await repository.stat('n/link')).toBeUndefined();
		await expect(bytesOf(repository.read('n/pipe'))).rejects.toMatchObject({ code: 'object_missing' });
		await expect(bytesOf(repository.read('n/link'))).rejects.toMatchObject({ code: 'repository_refused' });
		await expect(repository.write('n/link', chunked('x'))).rejects.toMatchObject({ code: 'object_exists' });
	});

	test.each<[string, (repository: Repository) => Promise<unknown>]>([
		['outside', (repository) => repository.write('outside/y', chunked('ours'))],
		['outside', (repository) => bytesOf(repository.read('outside/x'))],
		['outside', (repository) => repository.stat('outside/x')],
		['outside', (repository) => repository.remove('outside/x')],
		['outside', (repository) => all(repository.list('outside/'))],
		['.incoming', (repository) => repository.write('n/x', chunked('ours'))],
		['.incoming', (repository) => all(repository.leftovers())],
		['.incoming', (repository) => repository.removeLeftover({ name: 'x', startedAt: 0, sizeBytes: 0 })],
	])('follows no symbolic link out of itself: %s, %s', async (name, work) => {
		const root = await temporaryDirectory();
		const outside = await temporaryDirectory();
		await writeFile(join(outside, 'x'), 'theirs');
		await symlink(outside, join(root, name));
		const repository = directoryRepository(root);
		await expect(work(repository)).rejects.toMatchObject({ code: 'repository_refused' });
		expect(await all(repository.list(''))).toEqual([]);
		expect(await readdir(outside)).toEqual(['x']);
		expect(await readFile(join(outside, 'x'), 'utf8')).toBe('theirs');
	});

	test('may be reached over a symbolic link', async () => {
		const place = await temporaryDirectory();
		await mkdir(join(place, 'real'));
		await symlink(join(place, 'real'), join(place, 'link'));
		await directoryRepository(join(place, 'link')).write('n/x', chunked('x'));
		expect(await textOf(directoryRepository(join(place, 'real')).read('n/x'))).toBe('x');
	});

	test('never gives a name twice where the file system knows no links', async () => {
		const root = await temporaryDirectory();
		const repository = directoryRepository(root, {
			...nodeFileSystem,
			link: () => Promise.reject(errno('EPERM')),
		});
		await repository.write('n/x', chunked('first'));
		await expect(repository.write('n/x', chunked('second'))).rejects.toMatchObject({ code: 'object_exists' });
		expect(await textOf(repository.read('n/x'))).toBe('first');
	});

	test('lets one of two writers of a key win', async () => {
		const repository = directoryRepository(await temporaryDirectory());
		const texts = Array.from({ length: 10 }, (_, index) => `writer ${index}`);
		const outcomes = await Promise.allSettled(texts.map((text) => repository.write('n/x', chunked(text))));
		const winners = texts.filter((_, index) => outcomes[index]?.status === 'fulfilled');
		expect(winners).toEqual([await textOf(repository.read('n/x'))]);
	});

	test('writes while others remove the last object beside it', async () => {
		const repository = directoryRepository(await temporaryDirectory());
		for (let round = 0; round < 50; round++) {
			await repository.write('n/d/a', chunked('a'));
			await Promise.all([repository.remove('n/d/a'), repository.write('n/d/b', chunked('b'))]);
			expect((await all(repository.list(''))).map(({ key }) => key)).toEqual(['n/d/b']);
			await repository.remove('n/d/b');
		}
	});

	test('says of what it cannot read to its end that it is damaged', async () => {
		const root = await temporaryDirectory();
		await directoryRepository(root).write('n/x', chunked(noise(1000)));
		const shrinking = watchedFileSystem(async ({ call }) => {
			if (call === 'read') await writeFile(join(root, 'n/x'), 'short');
		});
		await expect(bytesOf(directoryRepository(root, shrinking).read('n/x'))).rejects.toMatchObject({
			code: 'object_damaged',
		});
	});
});

describe('the leftovers of a directory', () => {
	test('are what a killed process was writing, with its beginning and size', async () => {
		const root = await temporaryDirectory();
		const before = Date.now();
		const { bytes, waiting } = stuckAfter('half');
		const controller = new AbortController();
		onTestFinished(() => controller.abort());
		directoryRepository(root)
			.write('n/x', bytes, controller.signal)
			.catch(() => {});
		await waiting;
		const repository = directoryRepository(root);
		const [leftover, ...others] = await all(repository.leftovers());
		expect(others).toEqual([]);
		expect(leftover).toMatchObject({ sizeBytes: 4 });
		expect(leftover?.startedAt).toBeGreaterThanOrEqual(before);
		expect(leftover?.startedAt).toBeLessThanOrEqual(Date.now());
	});

	test.each(['', '.', '..', '../n/x', 'a/b'])('are never somewhere else: %j', async (name) => {
		const root = await temporaryDirectory();
		const repository = directoryRepository(root);
		await repository.write('n/x', chunked('x'));
		const removal = repository.removeLeftover({ name, startedAt: 0, sizeBytes: 0 });
		await expect(removal).rejects.toMatchObject({ code: 'object_key_invalid' });
		expect(await textOf(repository.read('n/x'))).toBe('x');
	});
});

describe('a directory that is not there', () => {
	const everything: Readonly<Record<string, (repository: Repository) => Promise<unknown>>> = {
		write: (repository) => repository.write('n/x', chunked('x')),
		read: (repository) => bytesOf(repository.read('n/x')),
		stat: (repository) => repository.stat('n/x'),
		list: (repository) => all(repository.list('')),
		remove: (repository) => repository.remove('n/x'),
		leftovers: (repository) => all(repository.leftovers()),
		freeBytes: (repository) => repository.freeBytes(),
	};

	test.each(Object.entries(everything))('is not made, and not taken for an empty one: %s', async (_, work) => {
		const root = join(await temporaryDirectory(), 'missing');
		await expect(work(directoryRepository(root))).rejects.toMatchObject({ code: 'repository_unreachable' });
		await expect(stat(root)).rejects.toMatchObject({ code: 'ENOENT' });
	});

	test.each(Object.entries(everything))('is known by its difference when a mount went away: %s', async (_, work) => {
		const place = await temporaryDirectory();
		const root = join(place, 'mount');
		await mkdir(root);
		const repository = directoryRepository(root);
		await repository.write('custodian.json', chunked('{}'));
		await rename(root, join(place, 'away'));
		await mkdir(root);
		await expect(work(repository)).rejects.toMatchObject({ code: 'repository_unreachable' });
		expect(await readdir(root)).toEqual([]);
		await rm(root, { recursive: true });
		await rename(join(place, 'away'), root);
		await expect(repository.write('n/y', chunked('y'))).resolves.toBe(1);
	});

	test('is known again when it comes back as another device', async () => {
		const place = await temporaryDirectory();
		const root = join(place, 'mount');
		await mkdir(root);
		const repository = directoryRepository(root);
		await repository.write('n/x', chunked('x'));
		await rename(root, join(place, 'away'));
		await mkdir(root);
		await writeFile(join(root, 'custodian.json'), '{}');
		await expect(repository.write('n/y', chunked('y'))).resolves.toBe(1);
	});

	test('can be made, in one that is there', async () => {
		const root = join(await temporaryDirectory(), 'new');
		await createDirectory(root);
		await createDirectory(root);
		expect((await stat(root)).mode & 0o777).toBe(0o700);
		await directoryRepository(root).write('n/x', chunked('x'));
		await expect(createDirectory(join(root, 'a', 'b'))).rejects.toMatchObject({ code: 'repository_unreachable' });
	});

	test('may be a file', async () => {
		const root = join(await temporaryDirectory(), 'file');
		await writeFile(root, '');
		await expect(directoryRepository(root).write('n/x', chunked('x'))).rejects.toMatchObject({
			code: 'repository_refused',
		});
	});
});

describe('a disk that fails', () => {
	test.each([
		['ENOSPC', 'repository_full'],
		['EDQUOT', 'repository_full'],
		['EACCES', 'repository_refused'],
		['EPERM', 'repository_refused'],
		['EROFS', 'repository_refused'],
		['EFBIG', 'repository_refused'],
		['ENAMETOOLONG', 'repository_refused'],
		['EIO', 'repository_unreachable'],
		['ESTALE', 'repository_unreachable'],
		['ENOTCONN', 'repository_unreachable'],
		['ETIMEDOUT', 'repository_unreachable'],
		['EMFILE', 'repository_unreachable'],
	])('with %s at any step of a write leaves nothing but a leftover, and says %s', async (code, expected) => {
		const steps = await stepsOf((repository) => repository.write('n/d/x', chunked('first, ', 'last')));
		const failure = expect.objectContaining({ name: 'CustodianError', code: expected, hint: expect.any(String) });
		expect(steps.map(({ call }) => call)).toEqual(expect.arrayContaining(['mkdir', 'open', 'write', 'sync', 'link']));
		for (const failing of steps.keys()) {
			const root = await temporaryDirectory();
			const outcome = await directoryRepository(root, failingAt([failing], code))
				.write('n/d/x', chunked('first, ', 'last'))
				.catch((error: unknown) => error);
			// What fails after the object is safe costs a leftover at most; links have a substitute.
			const survivable = outcome === 11 && ['unlink', 'link', 'lstat'].includes(steps[failing]?.call ?? '');
			expect(outcome).toEqual(survivable ? 11 : failure);
			expect(await textsOf(root)).toEqual(survivable ? ['first, last'] : []);
			const repository = directoryRepository(root);
			await repository.remove('n/d/x');
			expect(await repository.write('n/d/x', chunked('again'))).toBe(5);
		}
	});

	test('does not take the errors of the source for its own', async () => {
		const repository = directoryRepository(await temporaryDirectory());
		const broken = errno('ENOSPC');
		async function* source(): AsyncGenerator<Uint8Array> {
			yield noise(10);
			throw broken;
		}
		await expect(repository.write('n/x', source())).rejects.toBe(broken);
	});

	test.each(['read', 'fstat', 'open', 'lstat'])('while reading says so: %s', async (call) => {
		const root = await temporaryDirectory();
		await directoryRepository(root).write('n/x', chunked('x'));
		const fs = watchedFileSystem((step) => {
			if (step.call === call) throw errno('EIO');
		});
		await expect(bytesOf(directoryRepository(root, fs).read('n/x'))).rejects.toMatchObject({
			code: 'repository_unreachable',
			message: expect.stringContaining('read n/x'),
		});
	});

	test.each(['readdir', 'lstat', 'stat'])('while listing says so instead of listing less: %s', async (call) => {
		const root = await temporaryDirectory();
		await directoryRepository(root).write('n/x', chunked('x'));
		const fs = watchedFileSystem((step) => {
			if (step.call === call) throw errno('ESTALE');
		});
		const listing = all(directoryRepository(root, fs).list(''));
		await expect(listing).rejects.toMatchObject({ code: 'repository_unreachable' });
	});

	test('that hangs is not waited for once the write is told to give up', async () => {
		const controller = new AbortController();
		const root = await temporaryDirectory();
		const fs = watchedFileSystem(async ({ call }) => {
			if (call !== 'write') return;
			controller.abort(new Error('enough'));
			await new Promise(() => {});
		});
		const written = directoryRepository(root, fs).write('n/x', chunked('x'), controller.signal);
		await expect(written).rejects.toThrow('enough');
		expect(await all(directoryRepository(root).list(''))).toEqual([]);
	});

	test('writes less than it was asked to, and is asked again', async () => {
		const root = await temporaryDirectory();
		const whole = noise(5000);
		const repository = directoryRepository(root, {
			...nodeFileSystem,
			open: async (path, flags, mode) => {
				const file = await nodeFileSystem.open(path, flags, mode);
				return {
					write: (bytes, offset, length) => file.write(bytes, offset, Math.min(7, length)),
					read: (bytes, offset, length, position) => file.read(bytes, offset, Math.min(7, length), position),
					stat: () => file.stat(),
					sync: () => file.sync(),
					close: () => file.close(),
				};
			},
		});
		await repository.write('n/x', chunked(whole));
		expect(await bytesOf(repository.read('n/x'))).toEqual(whole);
	});

	test('and a process that is killed before any step leave an object that is whole or none', async () => {
		const steps = await stepsOf((repository) => repository.write('n/d/x', chunked('first, ', 'last')));
		for (const killed of steps.keys()) {
			const root = await temporaryDirectory();
			const dead = Array.from({ length: 1000 }, (_, index) => killed + index);
			const outcome = await directoryRepository(root, failingAt(dead, 'EIO'))
				.write('n/d/x', chunked('first, ', 'last'))
				.catch(() => 'killed');
			const repository = directoryRepository(root);
			const found = await textsOf(root);
			expect([[], ['first, last']]).toContainEqual(found);
			expect(outcome === 'killed' || found.length === 1).toBe(true);
			for (const leftover of await all(repository.leftovers())) await repository.removeLeftover(leftover);
			expect(await readdir(join(root, '.incoming')).catch(() => [])).toEqual([]);
			await repository.remove('n/d/x');
			await repository.write('n/d/x', chunked('again'));
			expect(await textsOf(root)).toEqual(['again']);
		}
	});
});

describe.skipIf(process.getuid?.() !== 0)('a real small disk', () => {
	test('that is full says so, and takes an object again when one was removed', async () => {
		const root = await mountedTmpfs('size=1m');
		const repository = directoryRepository(root);
		await repository.write('n/a', chunked(noise(600_000)));
		await expect(repository.write('n/b', chunked(noise(300_000), noise(300_000)))).rejects.toMatchObject({
			code: 'repository_full',
		});
		expect(await all(repository.leftovers())).toEqual([]);
		expect(await repository.freeBytes()).toBeLessThan(500_000);
		await repository.remove('n/a');
		expect(await repository.write('n/b', chunked(noise(600_000)))).toBe(600_000);
	});

	test('that is mounted read-only refuses to be written, and can be read', async () => {
		const root = await mountedTmpfs('size=1m');
		const repository = directoryRepository(root);
		await repository.write('n/a', chunked('a'));
		execFileSync('mount', ['-o', 'remount,ro', root]);
		const refusal = { code: 'repository_refused', hint: 'It is mounted read-only.' };
		await expect(repository.write('n/b', chunked('b'))).rejects.toMatchObject(refusal);
		await expect(repository.remove('n/a')).rejects.toMatchObject(refusal);
		expect(await textOf(repository.read('n/a'))).toBe('a');
	});

	test('that is unmounted is not written beside', async () => {
		const root = await mountedTmpfs('size=1m');
		const repository = directoryRepository(root);
		await repository.write('n/a', chunked('a'));
		execFileSync('umount', [root]);
		await expect(repository.write('n/b', chunked('b'))).rejects.toMatchObject({ code: 'repository_unreachable' });
		await expect(bytesOf(repository.read('n/a'))).rejects.toMatchObject({ code: 'repository_unreachable' });
		expect(await readdir(root)).toEqual([]);
	});
});

async function mountedTmpfs(options: string): Promise<string> {
	const root = join(await temporaryDirectory(), 'disk');
	await mkdir(root);
	execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', root]);
	onTestFinished(() => {
		try {
			execFileSync('umount', [root], { stdio: 'ignore' });
		} catch {
			// The test unmounted it.
		}
	});
	return root;
}

/** Every step that `work` takes on a disk where nothing fails. */
async function stepsOf(work: (repository: Repository) => Promise<unknown>): Promise<Step[]> {
	const steps: Step[] = [];
	const fs = watchedFileSystem((step) => void steps.push(step));
	await work(directoryRepository(await temporaryDirectory(), fs));
	return steps;
}

function failingAt(failing: readonly number[], code: string) {
	let step = 0;
	return watchedFileSystem(() => {
		if (failing.includes(step++)) throw errno(code);
	});
}

/** What every object holds, to one who comes later. */
async function textsOf(root: string): Promise<string[]> {
	const repository = directoryRepository(root);
	const objects = await all(repository.list(''));
	return await Promise.all(objects.map(({ key }) => textOf(repository.read(key))));
}
