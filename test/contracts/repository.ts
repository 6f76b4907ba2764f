import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_KEY_LENGTH, MAX_SEGMENT_LENGTH } from '../../lib/repository/object-key.ts';
import type { Repository } from '../../lib/repository/repository.ts';
import { all, bytesOf, chunked, heldAfter, noise, stuckAfter, textOf } from '../support/bytes.ts';

export interface ContractOptions {
	/** How many examples of each law: fewer where each costs a request. */
	readonly runs?: number;
	/** As much as makes the implementation write in several parts. */
	readonly largeBytes?: number;
	/** Where a test has room for less than the port promises. */
	readonly longestSegment?: number;
}

/** Holds an implementation to what `Repository` promises. `open` gives an empty one. */
export function repositoryContract(
	name: string,
	open: () => Promise<Repository>,
	{ runs = 50, largeBytes = 3_000_000, longestSegment = MAX_SEGMENT_LENGTH }: ContractOptions = {}
): void {
	describe(`${name} as a repository`, () => {
		test('gives back the bytes that were written, however they were cut', async () => {
			const repository = await open();
			let count = 0;
			await fc.assert(
				fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }), async (chunks) => {
					const key = `n/law/${count++}`;
					const whole = new Uint8Array(Buffer.concat(chunks));
					expect(await repository.write(key, chunked(...chunks))).toBe(whole.length);
					expect(await bytesOf(repository.read(key))).toEqual(whole);
					expect(await repository.stat(key)).toEqual({ key, sizeBytes: whole.length });
				}),
				{ numRuns: runs }
			);
		});

		test('gives back an object of many chunks, and any range of it', async () => {
			const repository = await open();
			const whole = noise(largeBytes);
			await repository.write('large', inChunks(whole, 100_003));
			expect(Buffer.compare(await bytesOf(repository.read('large')), whole)).toBe(0);
			const edges = fc.integer({ min: 0, max: largeBytes + 10 });
			await fc.assert(
				fc.asyncProperty(edges, fc.option(edges, { nil: undefined }), async (start, end) => {
					const range = await bytesOf(repository.read('large', { start, end }));
					expect(
						Buffer.compare(range, whole.subarray(start, end === undefined ? undefined : Math.max(start, end)))
					).toBe(0);
				}),
				{
					numRuns: Math.min(runs, 20),
					examples: [
						[0, undefined],
						[0, 0],
						[0, 1],
						[5, 3],
						[largeBytes, undefined],
					],
				}
			);
		});

		test('holds an object without bytes', async () => {
			const repository = await open();
			expect(await repository.write('n/empty', chunked())).toBe(0);
			expect(await repository.stat('n/empty')).toEqual({ key: 'n/empty', sizeBytes: 0 });
			expect(await textOf(repository.read('n/empty'))).toBe('');
			expect(await textOf(repository.read('n/empty', { start: 0, end: 5 }))).toBe('');
			expect(await all(repository.list(''))).toEqual([{ key: 'n/empty', sizeBytes: 0 }]);
		});

		test('is done with a chunk when it asks for the next, so the source may use its memory again', async () => {
			const repository = await open();
			async function* reusing(): AsyncGenerator<Uint8Array> {
				const chunk = new Uint8Array(3);
				for (const letter of 'abc') {
					chunk.fill(letter.charCodeAt(0));
					yield chunk;
				}
				chunk.fill(0);
			}
			await repository.write('n/reused', reusing());
			expect(await textOf(repository.read('n/reused'))).toBe('aaabbbccc');
		});

		test('never changes an object', async () => {
			const repository = await open();
			await repository.write('n/once', chunked('first'));
			await expect(repository.write('n/once', chunked('second'))).rejects.toMatchObject({ code: 'object_exists' });
			expect(await textOf(repository.read('n/once'))).toBe('first');
		});

		test('says that an object is missing, whatever range is asked for', async () => {
			const repository = await open();
			await repository.write('n/there', chunked('x'));
			for (const range of [undefined, { start: 0 }, { start: 3, end: 9 }, { start: 2, end: 2 }]) {
				await expect(bytesOf(repository.read('n/missing', range))).rejects.toMatchObject({ code: 'object_missing' });
			}
			await expect(bytesOf(repository.read('other/missing'))).rejects.toMatchObject({ code: 'object_missing' });
			expect(await repository.stat('n/missing')).toBeUndefined();
			expect(await repository.stat('n')).toBeUndefined();
		});

		test('lists what a prefix holds, by key', async () => {
			const repository = await open();
			const keys = ['a', 'b-c/x', 'b.c', 'b/c', 'b/c-d', 'b/d/e', 'b0', 'b~', 'B', 'b%2F'];
			for (const key of keys) await repository.write(key, chunked(key));
			const listed = async (prefix: string) => (await all(repository.list(prefix))).map(({ key }) => key);
			expect(await listed('')).toEqual(keys.toSorted());
			expect(await listed('b/')).toEqual(['b/c', 'b/c-d', 'b/d/e']);
			expect(await listed('b/d/')).toEqual(['b/d/e']);
			expect(await listed('c/')).toEqual([]);
			await expect(listed('b')).rejects.toMatchObject({ code: 'object_key_invalid' });
			expect(await all(repository.list('b-c/'))).toEqual([{ key: 'b-c/x', sizeBytes: 5 }]);
		});

		test('lists any set of keys in their order', async () => {
			const character = fc.constantFrom('a', 'A', '0', '.', '-', '_', '~', '%');
			const segment = fc
				.string({ unit: character, minLength: 1, maxLength: 3 })
				.filter((text) => !text.startsWith('.'));
			const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
			const keys = fc.uniqueArray(key, { maxLength: 8 }).map(withoutContinuations);
			await fc.assert(
				fc.asyncProperty(keys, async (some) => {
					const repository = await open();
					for (const one of some) await repository.write(one, chunked('x'));
					const found = await all(repository.list(''));
					expect(found.map((object) => object.key)).toEqual(some.toSorted());
				}),
				{ numRuns: Math.min(runs, 25) }
			);
		});

		test('shows an object only when it is whole', async () => {
			const repository = await open();
			const { bytes, waiting, release } = heldAfter(['first, '], ['last']);
			const written = repository.write('n/slow', bytes);
			await waiting;
			expect(await all(repository.list(''))).toEqual([]);
			expect(await repository.stat('n/slow')).toBeUndefined();
			release();
			expect(await written).toBe(11);
			expect(await all(repository.list(''))).toEqual([{ key: 'n/slow', sizeBytes: 11 }]);
		});

		test('writes and reads several objects at once', async () => {
			const repository = await open();
			const keys = Array.from({ length: 8 }, (_, index) => `n/${index % 2}/${index}`);
			await Promise.all(keys.map((key) => repository.write(key, chunked('of ', key))));
			expect(await Promise.all(keys.map((key) => textOf(repository.read(key))))).toEqual(
				keys.map((key) => `of ${key}`)
			);
		});

		test('forgets what was removed, and nothing else', async () => {
			const repository = await open();
			for (const key of ['n/a', 'n/b']) await repository.write(key, chunked(key));
			await repository.remove('n/a');
			await repository.remove('n/a');
			await repository.remove('never/there');
			expect((await all(repository.list(''))).map(({ key }) => key)).toEqual(['n/b']);
			await expect(bytesOf(repository.read('n/a'))).rejects.toMatchObject({ code: 'object_missing' });
			await repository.remove('n/b');
			await repository.write('n/a', chunked('anew'));
			expect(await textOf(repository.read('n/a'))).toBe('anew');
		});

		test('passes on what the source throws, and keeps nothing of it', async () => {
			const repository = await open();
			const broken = new Error('the source broke');
			async function* source(): AsyncGenerator<Uint8Array> {
				yield noise(1000);
				throw broken;
			}
			await expect(repository.write('n/broken', source())).rejects.toBe(broken);
			expect(await all(repository.list(''))).toEqual([]);
			await repository.write('n/broken', chunked('whole'));
			expect(await textOf(repository.read('n/broken'))).toBe('whole');
		});

		test('closes a source that it does not read to its end', async () => {
			const repository = await open();
			await repository.write('n/there', chunked('x'));
			let unclosed = 0;
			async function* source(): AsyncGenerator<Uint8Array> {
				unclosed++;
				try {
					yield noise(1000);
				} finally {
					unclosed--;
				}
			}
			await expect(repository.write('n/there', source())).rejects.toMatchObject({ code: 'object_exists' });
			expect(unclosed).toBe(0);
		});

		test('gives up at once when it is told to, and leaves at most a leftover', async () => {
			const repository = await open();
			const controller = new AbortController();
			const { bytes, waiting } = stuckAfter('first');
			const written = repository.write('n/aborted', bytes, controller.signal);
			await waiting;
			const reason = new Error('enough');
			controller.abort(reason);
			await expect(written).rejects.toBe(reason);
			expect(await all(repository.list(''))).toEqual([]);
			for (const leftover of await all(repository.leftovers())) await repository.removeLeftover(leftover);
			expect(await all(repository.leftovers())).toEqual([]);
			await repository.write('n/aborted', chunked('whole'));
			expect(await textOf(repository.read('n/aborted'))).toBe('whole');
		});

		test('does nothing when it was told to give up before', async () => {
			const repository = await open();
			await repository.write('n/there', chunked('x'));
			const reason = new Error('enough');
			const signal = AbortSignal.abort(reason);
			await expect(repository.write('n/new', chunked('x'), signal)).rejects.toBe(reason);
			await expect(bytesOf(repository.read('n/there', undefined, signal))).rejects.toBe(reason);
			await expect(repository.stat('n/there', signal)).rejects.toBe(reason);
			await expect(all(repository.list('', signal))).rejects.toBe(reason);
			await expect(repository.remove('n/there', signal)).rejects.toBe(reason);
			await expect(all(repository.leftovers(signal))).rejects.toBe(reason);
			await expect(repository.freeBytes(signal)).rejects.toBe(reason);
			expect(await all(repository.list(''))).toEqual([{ key: 'n/there', sizeBytes: 1 }]);
		});

		test('stops reading and listing when it is told to', async () => {
			const repository = await open();
			await repository.write('large', inChunks(noise(largeBytes), 100_003));
			await repository.write('small', chunked('x'));
			const reason = new Error('enough');
			const controllers = [new AbortController(), new AbortController()] as const;
			const reading = repository.read('large', undefined, controllers[0].signal)[Symbol.asyncIterator]();
			const listing = repository.list('', controllers[1].signal)[Symbol.asyncIterator]();
			await Promise.all([reading.next(), listing.next()]);
			for (const controller of controllers) controller.abort(reason);
			await expect(reading.next()).rejects.toBe(reason);
			await expect(listing.next()).rejects.toBe(reason);
		});

		test('lets a reader leave early', async () => {
			const repository = await open();
			await repository.write('large', inChunks(noise(largeBytes), 100_003));
			for await (const chunk of repository.read('large')) {
				expect(chunk.length).toBeGreaterThan(0);
				break;
			}
			expect((await bytesOf(repository.read('large', { start: largeBytes - 5 }))).length).toBe(5);
		});

		test.each([
			'',
			'/',
			'/a',
			'a/',
			'a//b',
			'.',
			'..',
			'a/../b',
			'a/./b',
			'.hidden',
			'a/.b',
			'a b',
			'a\\b',
			'a\0b',
			'ü',
			'a+b',
			'x'.repeat(MAX_SEGMENT_LENGTH + 1),
			Array.from({ length: MAX_KEY_LENGTH / 2 + 1 }, () => 'x').join('/'),
		])('refuses the key %j', async (key) => {
			const repository = await open();
			const refusal = { code: 'object_key_invalid' };
			await expect(repository.write(key, chunked('x'))).rejects.toMatchObject(refusal);
			await expect(bytesOf(repository.read(key))).rejects.toMatchObject(refusal);
			await expect(repository.stat(key)).rejects.toMatchObject(refusal);
			await expect(repository.remove(key)).rejects.toMatchObject(refusal);
			await expect(all(repository.list(`${key}//`))).rejects.toMatchObject(refusal);
		});

		test('holds the longest key there may be', async () => {
			const repository = await open();
			const key = Array.from({ length: 4 }, () => 'x'.repeat(longestSegment)).join('/');
			await repository.write(key, chunked('x'));
			expect(await all(repository.list(''))).toEqual([{ key, sizeBytes: 1 }]);
		});

		test('knows how many bytes are free, or says that nobody does', async () => {
			const repository = await open();
			const free = await repository.freeBytes();
			expect(free === undefined || (Number.isSafeInteger(free) && free > 0)).toBe(true);
		});
	});
}

async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
	for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.subarray(start, start + chunkBytes);
}

/** No key may go on where another one ends. */
function withoutContinuations(keys: readonly string[]): string[] {
	return keys.filter((key) => !keys.some((other) => other.startsWith(`${key}/`)));
}
