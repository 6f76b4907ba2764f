import type { Sha256 } from '../record/content-hash.ts';
import type { Digest } from './manifest.ts';

export type StartHash = () => Sha256;

/** Bytes on their way, of which one wants to know in the end how many they were and their hash. */
export interface Measured {
	readonly bytes: AsyncIterable<Uint8Array>;
	/** True once `bytes` was read to its end. */
	digest(): Digest;
}

export function measured(bytes: AsyncIterable<Uint8Array>, startHash: StartHash): Measured {
	const hash = startHash();
	let sizeBytes = 0;
	async function* through() {
		for await (const chunk of bytes) {
			hash.update(chunk);
			sizeBytes += chunk.length;
			yield chunk;
		}
	}
	return { bytes: through(), digest: () => ({ sizeBytes, sha256: hash.digestHex() }) };
}

/** Tells of every chunk that passes. */
export async function* watched(
	bytes: AsyncIterable<Uint8Array>,
	onBytes: (count: number) => void
): AsyncIterable<Uint8Array> {
	for await (const chunk of bytes) {
		onBytes(chunk.length);
		yield chunk;
	}
}
