import { CustodianError } from '../../lib/errors.ts';
import { abortable } from '../../lib/repository/abort.ts';
import { requireKey, requirePrefix } from '../../lib/repository/object-key.ts';
import type { ByteRange, Leftover, ObjectInfo, Repository } from '../../lib/repository/repository.ts';

/** A repository that lives as long as the test. What it holds may be looked at, and damaged. */
export class MemoryRepository implements Repository {
	readonly objects = new Map<string, Uint8Array>();
	capacityBytes: number | undefined;

	async write(key: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
		requireKey(key);
		signal?.throwIfAborted();
		this.#refuseExisting(key);
		const chunks: Uint8Array[] = [];
		for await (const chunk of abortable(bytes, signal)) chunks.push(chunk.slice());
		this.#refuseExisting(key);
		const whole = new Uint8Array(Buffer.concat(chunks));
		this.#refuseTooMuch(key, whole.length);
		this.objects.set(key, whole);
		return whole.length;
	}

	async *read(key: string, range: ByteRange = { start: 0 }, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
		requireKey(key);
		signal?.throwIfAborted();
		const bytes = this.objects.get(key);
		if (bytes === undefined) throw new CustodianError('object_missing', key, `There is no ${key}.`);
		const end = Math.min(range.end ?? bytes.length, bytes.length);
		for (let position = range.start; position < end; position += CHUNK_BYTES) {
			signal?.throwIfAborted();
			yield bytes.slice(position, Math.min(end, position + CHUNK_BYTES));
		}
		signal?.throwIfAborted();
	}

	async stat(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
		requireKey(key);
		signal?.throwIfAborted();
		const bytes = this.objects.get(key);
		return bytes && { key, sizeBytes: bytes.length };
	}

	async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectInfo> {
		requirePrefix(prefix);
		signal?.throwIfAborted();
		const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix));
		for (const key of keys.sort()) {
			const bytes = this.objects.get(key);
			if (bytes) yield { key, sizeBytes: bytes.length };
			signal?.throwIfAborted();
		}
	}

	async remove(key: string, signal?: AbortSignal): Promise<void> {
		requireKey(key);
		signal?.throwIfAborted();
		this.objects.delete(key);
	}

	// eslint-disable-next-line require-yield -- a cancelled write leaves nothing here
	async *leftovers(signal?: AbortSignal): AsyncGenerator<Leftover> {
		signal?.throwIfAborted();
	}

	async removeLeftover(_leftover: Leftover, signal?: AbortSignal): Promise<void> {
		signal?.throwIfAborted();
	}

	async freeBytes(signal?: AbortSignal): Promise<number | undefined> {
		signal?.throwIfAborted();
		return this.capacityBytes === undefined ? undefined : this.capacityBytes - this.#usedBytes();
	}

	#usedBytes(): number {
		return [...this.objects.values()].reduce((sum, { length }) => sum + length, 0);
	}

	#refuseTooMuch(key: string, sizeBytes: number): void {
		if (this.capacityBytes === undefined || this.#usedBytes() + sizeBytes <= this.capacityBytes) return;
		throw new CustodianError('repository_full', key, `There is no space for ${key}.`);
	}

	#refuseExisting(key: string): void {
		if (this.objects.has(key)) throw new CustodianError('object_exists', key, `${key} is there already.`);
	}
}

const CHUNK_BYTES = 64 * 1024;
