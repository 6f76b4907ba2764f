import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { logFiles } from '../../../lib/adapters/linux/log-files.ts';
import { volumesOf } from '../../../lib/adapters/linux/volumes.ts';
import { advanceLogCount, initialLogCount } from '../../../lib/metrics/log/count.ts';

let directory: string;
beforeEach(async () => {
	directory = await mkdtemp(join(tmpdir(), 'custodian-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const line = '2026-11-22T22:05:44.148Z [http/1] [error]: x\n';
const read = async (files: ReturnType<typeof logFiles>, id: string): Promise<string> =>
	Buffer.from(await files.read(id, 0, 1_000)).toString();

test('there is no current file before Harper has written one', async () => {
	expect(await logFiles(directory).current()).toBeUndefined();
	expect(await logFiles(join(directory, 'nowhere')).rotated('1:1')).toBeUndefined();
});

test('a renamed file is found by what it is, also by a reader that never saw it before', async () => {
	await writeFile(join(directory, 'hdb.log'), 'old');
	const files = logFiles(directory);
	const old = await files.current();
	await rename(join(directory, 'hdb.log'), join(directory, 'HDB-2026-11-22T22-05-33.855Z.log'));
	await writeFile(join(directory, 'hdb.log'), 'newer');
	const current = await files.current();
	expect(current?.id).not.toBe(old?.id);
	expect(current?.sizeBytes).toBe(5);
	const id = old?.id ?? '';
	for (const reader of [files, logFiles(directory)]) {
		expect(await reader.rotated(id)).toEqual(old);
		expect(await read(reader, id)).toBe('old');
	}
});

test('a file that was renamed between looking and reading yields nothing, not the bytes of its successor', async () => {
	await writeFile(join(directory, 'hdb.log'), 'old');
	const files = logFiles(directory);
	const old = await files.current();
	await rename(join(directory, 'hdb.log'), join(directory, 'HDB-1.log'));
	await writeFile(join(directory, 'hdb.log'), 'newer');
	expect(await read(files, old?.id ?? '')).toBe('');
});

test('a log in real files is counted over a rotation into another directory', async () => {
	const path = join(directory, 'hdb.log');
	const old = join(directory, 'old');
	await mkdir(old);
	await writeFile(path, line);
	const files = logFiles(directory, old);
	let state = await advanceLogCount(initialLogCount(), files, 0);
	await appendFile(path, line);
	await rename(path, join(old, 'HDB-1.log'));
	await writeFile(path, line + line);
	state = await advanceLogCount(state, files, 1);
	expect(state.lines.error).toBe(3);
});

test('directories on one volume yield it once, and missing ones nothing', async () => {
	const inner = join(directory, 'inner');
	await mkdir(inner);
	const volumes = await volumesOf(() => [directory, inner, inner, join(directory, 'missing')]).read();
	expect(volumes).toHaveLength(1);
	expect(directory.startsWith(volumes[0]?.mount ?? 'none')).toBe(true);
	expect(volumes[0]?.sizeBytes).toBeGreaterThan(volumes[0]?.availableBytes ?? Infinity);
	expect(await volumesOf(() => []).read()).toEqual([]);
});

test.runIf(process.platform === 'linux')('another volume yields another mount point', async () => {
	const volumes = await volumesOf(() => ['/proc/self', directory]).read();
	expect(volumes.map(({ mount }) => mount)).toContain('/proc');
	expect(volumes).toHaveLength(2);
});
