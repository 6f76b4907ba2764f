import type { Collector } from '../collector.ts';
import { type FamilyDefinition, samples } from '../family.ts';

export interface VolumeReading {
	/** Where the volume is mounted. */
	readonly mount: string;
	readonly sizeBytes: number;
	readonly freeBytes: number;
	readonly availableBytes: number;
}

export interface VolumeFacts {
	/** Every volume that Harper keeps data on, once, however many directories of Harper are on it. */
	read(): Promise<readonly VolumeReading[]>;
}

const family = (name: string, help: string): FamilyDefinition => ({
	name: `harper_storage_volume_${name}`,
	type: 'gauge',
	help,
	labels: ['volume'],
	source: 'statfs',
});

const size = family('size_bytes', 'Size of a volume that holds databases or logs of Harper, by mount point.');
const free = family('free_bytes', 'Free bytes of the volume, those reserved for root included.');
const available = family(
	'available_bytes',
	'Bytes of the volume that Harper can still use; below 40 % of the size Harper shortens its audit log.'
);

export function storageCollector(facts: VolumeFacts): Collector {
	return {
		name: 'storage',
		definitions: [size, free, available],
		minIntervalMs: 30_000,
		async collect() {
			const volumes = await facts.read();
			return [
				samples(
					size,
					volumes.map((volume) => [[volume.mount], volume.sizeBytes])
				),
				samples(
					free,
					volumes.map((volume) => [[volume.mount], volume.freeBytes])
				),
				samples(
					available,
					volumes.map((volume) => [[volume.mount], volume.availableBytes])
				),
			];
		},
	};
}
