import { CustodianError } from '../../lib/errors.ts';
import type { SharedObjects } from '../../lib/schedule/ledger.ts';

/** What a repository promises of objects, in memory: created once, by whoever comes first, and never changed. */
export class MemoryObjects implements SharedObjects {
	readonly objects = new Map<string, Uint8Array>();

	async write(key: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
		const chunks: Uint8Array[] = [];
		for await (const chunk of bytes) chunks.push(chunk);
		if (this.objects.has(key)) throw new CustodianError('object_exists', key, `${key} is there.`);
		this.objects.set(key, Buffer.concat(chunks));
	}

	async *read(key: string): AsyncIterable<Uint8Array> {
		const bytes = this.objects.get(key);
		if (!bytes) throw new CustodianError('object_missing', key, `${key} is not there.`);
		// In pieces, as a network has it: a letter may lie in two.
		for (let i = 0; i < bytes.length; i += 7) yield bytes.subarray(i, i + 7);
	}
}
