import type { FileHandle } from 'node:fs/promises';

const READ_BYTES = 128 * 1024;
const NEWLINE = 0x0a;

/** The lines of a file from an offset on, without their ends; what the last newline does not end is none. */
export async function* linesOf(file: FileHandle, offset: number): AsyncIterable<Buffer> {
	let position = offset;
	let rest: Buffer[] = [];
	for (;;) {
		const chunk = Buffer.allocUnsafe(READ_BYTES);
		const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
		if (bytesRead === 0) return;
		position += bytesRead;
		let start = 0;
		for (let end = chunk.indexOf(NEWLINE); end >= 0 && end < bytesRead; end = chunk.indexOf(NEWLINE, start)) {
			const line = chunk.subarray(start, end);
			yield rest.length > 0 ? Buffer.concat([...rest, line]) : line;
			rest = [];
			start = end + 1;
		}
		if (start < bytesRead) rest.push(chunk.subarray(start, bytesRead));
	}
}
