import { realpath, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { VolumeFacts, VolumeReading } from '../../metrics/collectors/storage.ts';

/** The volumes under these directories, asked afresh each time since databases come and go. */
export function volumesOf(directories: () => readonly string[]): VolumeFacts {
	/** By directory. A volume mounted later over a directory in use is noticed when its device number differs. */
	const known = new Map<string, Volume>();
	return {
		async read() {
			const mounts = new Map<number, string>();
			for (const directory of new Set(directories())) {
				const volume = await volumeOf(directory, known);
				if (volume !== undefined && !mounts.has(volume.device)) mounts.set(volume.device, volume.mount);
			}
			return Promise.all([...mounts.values()].map(readVolume));
		},
	};
}

interface Volume {
	readonly device: number;
	readonly mount: string;
}

/** Undefined while the directory does not exist: Harper makes some only when they are needed. */
async function volumeOf(directory: string, known: Map<string, Volume>): Promise<Volume | undefined> {
	const device = await deviceOf(directory);
	if (device === undefined) return undefined;
	const before = known.get(directory);
	if (before?.device === device) return before;
	const volume = { device, mount: await mountPoint(await realpath(directory), device) };
	known.set(directory, volume);
	return volume;
}

/** The highest directory on the same device. */
async function mountPoint(directory: string, device: number): Promise<string> {
	const parent = dirname(directory);
	if (parent === directory || (await deviceOf(parent)) !== device) return directory;
	return mountPoint(parent, device);
}

async function deviceOf(path: string): Promise<number | undefined> {
	return stat(path).then(
		({ dev }) => dev,
		() => undefined
	);
}

async function readVolume(mount: string): Promise<VolumeReading> {
	const { bsize, blocks, bfree, bavail } = await statfs(mount);
	return { mount, sizeBytes: blocks * bsize, freeBytes: bfree * bsize, availableBytes: bavail * bsize };
}
