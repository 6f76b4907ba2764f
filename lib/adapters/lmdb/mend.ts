import { closeSync, createReadStream, createWriteStream, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { link, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CustodianError } from '../../errors.ts';
import { type BackupCheck, checkBackup, type MendPlan, planMend } from '../../snapshot/backup-file.ts';
import { damaged } from './damage.ts';
import { META_BYTES, metaOffset, PAGE_HEADER_BYTES, UNSYNCED } from './format.ts';
import { METAS_BYTES, type Metas, newestMeta, readMetas } from './meta.ts';
import { closeFile, openFile } from './pages.ts';

/** Whether a file that Harper's `get_backup` made opens whole after a reboot or on another machine. */
export async function checkBackupFile(path: string): Promise<BackupCheck> {
	return checkBackup(readHead(path).metas);
}

/**
 * Writes a copy of such a file that does. The original stays as it is, and the copy appears under its name when it is
 * complete and on disk. Rejects with `file_exists` where something has that name.
 */
export async function mendBackupFile(source: string, target: string, signal?: AbortSignal): Promise<BackupCheck> {
	const { head, metas } = readHead(source);
	const unfinished = `${target}.unfinished`;
	closeSync(await refusingExisting(target, async () => openSync(unfinished, 'wx', 0o600)));
	try {
		await copyInto(unfinished, source, signal);
		writeMetas(unfinished, head, metas, planMend(metas));
		// Unlike a rename this does not replace what is there.
		await refusingExisting(target, () => link(unfinished, target));
	} finally {
		await rm(unfinished, { force: true });
	}
	syncDirectory(dirname(target));
	return checkBackupFile(target);
}

/** A copy by the kernel could not be stopped, and would leave its file behind. */
async function copyInto(target: string, source: string, signal: AbortSignal | undefined): Promise<void> {
	const highWaterMark = 1 << 20;
	const [from, to] = [createReadStream(source, { highWaterMark }), createWriteStream(target, { flags: 'r+' })];
	await pipeline(from, to, signal === undefined ? {} : { signal });
}

async function refusingExisting<T>(path: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
		throw new CustodianError('file_exists', path, `${path} or its unfinished form exists already.`, {
			cause: error,
			hint: 'Name another place, or remove it first.',
		});
	}
}

function readHead(path: string): { head: Buffer; metas: Metas } {
	const file = openFile(path);
	try {
		const head = Buffer.alloc(Math.min(METAS_BYTES, file.sizeBytes));
		readSync(file.descriptor, head, 0, head.length, 0);
		const metas = readMetas(head);
		const { lastPage, pageSize } = newestMeta(metas);
		if ((lastPage + 1) * pageSize > file.sizeBytes) throw damaged(path, 'it is cut off');
		return { head, metas };
	} finally {
		closeFile(file);
	}
}

function writeMetas(path: string, head: Buffer, { pageSize, slots }: Metas, plan: MendPlan): void {
	const from = slots[plan.from];
	if (from === undefined) throw damaged(path, `its meta page ${plan.from} is missing`);
	const begin = from.offset - PAGE_HEADER_BYTES;
	const page = Buffer.from(head.subarray(begin, from.offset + META_BYTES));
	const flags = PAGE_HEADER_BYTES + metaOffset.flags;
	page.writeUInt16LE(page.readUInt16LE(flags) & ~UNSYNCED, flags);
	const descriptor = openSync(path, 'r+');
	try {
		plan.slots.forEach((transaction, slot) => {
			page.writeBigUInt64LE(BigInt(slot), 0);
			page.writeBigUInt64LE(transaction, PAGE_HEADER_BYTES + metaOffset.transaction);
			writeSync(descriptor, page, 0, page.length, slot * pageSize);
		});
		const flushed = page.subarray(PAGE_HEADER_BYTES);
		flushed.writeBigUInt64LE(plan.flushed, metaOffset.transaction);
		writeSync(descriptor, flushed, 0, flushed.length, (pageSize >> 1) + PAGE_HEADER_BYTES);
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}

function syncDirectory(path: string): void {
	const descriptor = openSync(path, 'r');
	try {
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}
