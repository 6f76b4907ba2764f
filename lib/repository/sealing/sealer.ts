import type { Cipher } from './cipher.ts';
import { seal, unseal } from './seal.ts';

/** Seals the objects of one snapshot; the name of each is bound into it. */
export interface SnapshotSealer {
	seal(bytes: AsyncIterable<Uint8Array>, name: string): AsyncIterable<Uint8Array>;
	unseal(bytes: AsyncIterable<Uint8Array>, name: string): AsyncIterable<Uint8Array>;
}

export function snapshotSealer(cipher: Cipher, dataKey: Uint8Array, snapshotId: string): SnapshotSealer {
	return {
		seal: (bytes, name) => seal(cipher, bytes, dataKey, { snapshotId, role: name }),
		unseal: (bytes, name) => unseal(cipher, bytes, dataKey, { snapshotId, role: name }),
	};
}
