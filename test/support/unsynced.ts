import { readFile, writeFile } from 'node:fs/promises';

/** As a copy is that was taken between a commit and its sync, seen on another machine. */
export async function markUnsynced(path: string): Promise<void> {
	const file = await readFile(path);
	const slots = [24, 4096 + 24];
	const transactionOf = (at: number) => file.readBigUInt64LE(at + 128);
	slots.sort((a, b) => Number(transactionOf(b) - transactionOf(a)));
	const [newest, older] = slots as [number, number];
	file.writeUInt16LE(file.readUInt16LE(newest + 28) | 0x1000, newest + 28);
	file.writeUInt16LE(file.readUInt16LE(older + 28) & ~0x1000, older + 28);
	for (const at of slots) file.writeBigInt64LE(1n, at + 136);
	file.copy(file, 2048 + 24 + 16, older + 16, older + 144);
	await writeFile(path, file);
}

/** As the file is on another machine, or after a reboot. */
export async function changeBootId(path: string): Promise<void> {
	const file = await readFile(path);
	for (const at of [24, 4096 + 24]) file.writeBigInt64LE(0x1234_5678_9abcn, at + 136);
	await writeFile(path, file);
}
