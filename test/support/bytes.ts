/** The chunks, one after another, as a source that takes its time. */
export async function* chunked(...chunks: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
	for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
	return new Uint8Array(Buffer.concat(await all(chunks)));
}

export async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
	return Buffer.concat(await all(chunks)).toString();
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
	const found: T[] = [];
	for await (const item of items) found.push(item);
	return found;
}

/** Bytes that look like noise and are the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array {
	const bytes = new Uint8Array(length);
	let state = seed;
	for (let index = 0; index < length; index++) {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		bytes[index] = state >>> 24;
	}
	return bytes;
}

/** Yields the chunks, then waits for ever; `waiting` resolves when it does. */
export function stuckAfter(...chunks: readonly string[]): { bytes: AsyncIterable<Uint8Array>; waiting: Promise<void> } {
	const { promise: waiting, resolve } = withResolvers();
	async function* bytes(): AsyncGenerator<Uint8Array> {
		yield* chunked(...chunks);
		resolve();
		await new Promise(() => {});
	}
	return { bytes: bytes(), waiting };
}

/** Yields the chunks, then waits until it is released, then yields the rest. */
export function heldAfter(
	first: readonly string[],
	rest: readonly string[]
): { bytes: AsyncIterable<Uint8Array>; waiting: Promise<void>; release: () => void } {
	const reached = withResolvers();
	const released = withResolvers();
	async function* bytes(): AsyncGenerator<Uint8Array> {
		yield* chunked(...first);
		reached.resolve();
		await released.promise;
		yield* chunked(...rest);
	}
	return { bytes: bytes(), waiting: reached.promise, release: released.resolve };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
	let resolve = () => {};
	const promise = new Promise<void>((settle) => {
		resolve = settle;
	});
	return { promise, resolve };
}
