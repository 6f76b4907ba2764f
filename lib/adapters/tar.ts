import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack, type Pack } from 'tar-stream';
import { CustodianError, messageOf } from '../errors.ts';

/** A file on its way into an archive, or out of one. Its bytes must be read before the next file is asked for. */
export interface ArchivedFile {
	/** Segments joined by slashes. */
	readonly name: string;
	readonly sizeBytes: number;
	readonly bytes: AsyncIterable<Uint8Array>;
}

/** A tar archive, which any tar can read, of files as they come. The same files give the same bytes. */
export async function* packed(files: AsyncIterable<ArchivedFile>): AsyncIterable<Uint8Array> {
	const archive = pack();
	const filled = fill(archive, files);
	// Its failure destroys the archive, which then throws below.
	filled.catch((error: unknown) => archive.destroy(error instanceof Error ? error : new Error(messageOf(error))));
	yield* chunksOf(archive);
	await filled;
}

async function fill(archive: Pack, files: AsyncIterable<ArchivedFile>): Promise<void> {
	for await (const { name, sizeBytes, bytes } of files) {
		const entry = archive.entry({ name, size: sizeBytes, mode: 0o600, mtime: new Date(0) });
		await pipeline(Readable.from(bytes), entry);
	}
	archive.finalize();
}

/** The files of a tar archive. Rejects with `object_damaged` for what is none. */
export async function* unpacked(bytes: AsyncIterable<Uint8Array>): AsyncIterable<ArchivedFile> {
	const archive = extract();
	const fed = pipeline(Readable.from(bytes), archive);
	fed.catch(() => undefined);
	try {
		for await (const entry of archive) {
			const { name, size = 0, type } = entry.header;
			// A link would lead elsewhere whatever is written through it; we archive files alone.
			if (type !== 'file') throw new CustodianError('object_damaged', 'archive', `In the archive stands a ${type}.`);
			yield { name, sizeBytes: size, bytes: judged(chunksOf(entry)) };
		}
		await fed;
	} catch (error) {
		throw damage(error);
	}
}

async function* judged(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
	try {
		yield* bytes;
	} catch (error) {
		throw damage(error);
	}
}

/** What the reader of the format complains of; what came from below passes as it is. */
function damage(error: unknown): unknown {
	if (error instanceof CustodianError || !/\btar\b|header|Unexpected end/i.test(messageOf(error))) return error;
	const message = `The archive of blob files is damaged: ${messageOf(error)}.`;
	return new CustodianError('object_damaged', 'archive', message, { cause: error });
}

/** These streams yield bytes, and do not say so in their types. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const chunksOf = (stream: unknown) => stream as AsyncIterable<Uint8Array>;
