import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import { prefixed } from '../../lib/repository/prefixed.ts';
import type { Repository } from '../../lib/repository/repository.ts';
import { delayMs } from '../../lib/repository/retry.ts';
import { retrying } from '../../lib/repository/retrying.ts';
import { throttled } from '../../lib/repository/throttled.ts';
import { repositoryContract } from '../contracts/repository.ts';
import { all, bytesOf, chunked, noise, textOf } from '../support/bytes.ts';
import { FakeTime } from '../support/fake-sleep.ts';
import { MemoryRepository } from '../support/memory-repository.ts';

const policyOf = (time: FakeTime, attempts = 4) => ({ attempts, sleep: time.sleep, random: () => 0.5 });

repositoryContract(
	'a repository behind all wrappers',
	async () => {
		const time = new FakeTime();
		const ports = { clock: time, sleep: time.sleep };
		return prefixed(retrying(throttled(new MemoryRepository(), 1_000_000, ports), policyOf(time)), 'a/b/');
	},
	// The prefix takes some of each key.
	{ longestSegment: 250 }
);

repositoryContract('an unreliable repository that is tried again', async () => {
	const time = new FakeTime();
	return retrying(unreliable(new MemoryRepository()), policyOf(time, 50));
});

describe('trying again', () => {
	test('waits twice as long after each failure, up to a limit, at random', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 60 }),
				fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
				(failures, chance) => {
					const policy = {
						attempts: 9,
						sleep: async () => {},
						random: () => chance,
						firstDelayMs: 100,
						maxDelayMs: 5000,
					};
					const longest = Math.min(5000, 100 * 2 ** (failures - 1));
					expect(delayMs(failures, policy)).toBeGreaterThanOrEqual(longest / 2);
					expect(delayMs(failures, policy)).toBeLessThanOrEqual(longest);
				}
			)
		);
	});

	test('ends after so many attempts, with the last failure', async () => {
		const time = new FakeTime();
		let asked = 0;
		const repository = retrying(
			failing('stat', () => unreachable(`attempt ${++asked}`)),
			policyOf(time)
		);
		await expect(repository.stat('n/x')).rejects.toThrow('attempt 4');
		expect(time.slept).toEqual([150, 300, 600]);
	});

	test.each(['repository_refused', 'repository_full', 'object_missing', 'object_damaged'])(
		'is no use against %s',
		async (code) => {
			const time = new FakeTime();
			const repository = retrying(
				failing('stat', () => new CustodianError(code, 'x', 'no')),
				policyOf(time)
			);
			await expect(repository.stat('n/x')).rejects.toMatchObject({ code });
			expect(time.slept).toEqual([]);
		}
	);

	test('never writes twice, since the bytes are gone', async () => {
		const time = new FakeTime();
		let asked = 0;
		const repository = retrying(
			failing('write', () => unreachable(`attempt ${++asked}`)),
			policyOf(time)
		);
		await expect(repository.write('n/x', chunked('x'))).rejects.toThrow('attempt 1');
		expect(time.slept).toEqual([]);
	});

	test('counts anew whenever a read went on', async () => {
		const time = new FakeTime();
		const memory = new MemoryRepository();
		await memory.write('n/x', chunked(noise(20)));
		const oneByteAtATime: Repository = {
			...bound(memory),
			async *read(key, range) {
				yield* memory.read(key, { start: range?.start ?? 0, end: (range?.start ?? 0) + 1 });
				if ((range?.start ?? 0) < 19) throw unreachable('cut');
			},
		};
		expect(await bytesOf(retrying(oneByteAtATime, policyOf(time, 2)).read('n/x'))).toEqual(noise(20));
		expect(time.slept).toHaveLength(19);
	});

	test('ends when it is told to give up while it waits', async () => {
		const controller = new AbortController();
		const reason = new Error('enough');
		const policy = { attempts: 9, random: () => 0, sleep: async () => controller.abort(reason) };
		const repository = retrying(
			failing('stat', () => unreachable('down')),
			policy
		);
		await expect(repository.stat('n/x', controller.signal)).rejects.toBe(reason);
		const reading = retrying(failingReads(), policy).read('n/x', undefined, controller.signal);
		await expect(bytesOf(reading)).rejects.toBe(reason);
	});
});

describe('throttling', () => {
	test('lets so many bytes a second through, however they are cut, after a first second', async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 20 }),
				fc.integer({ min: 1, max: 3000 }),
				async (lengths, bytesPerSecond) => {
					const time = new FakeTime();
					const repository = throttled(new MemoryRepository(), bytesPerSecond, { clock: time, sleep: time.sleep });
					const total = await repository.write('n/x', chunked(...lengths.map((length) => noise(length))));
					expect(time.ms).toBeCloseTo((Math.max(0, total - bytesPerSecond) / bytesPerSecond) * 1000, 3);
					await bytesOf(repository.read('n/x'));
					expect(time.ms).toBeCloseTo((Math.max(0, 2 * total - bytesPerSecond) / bytesPerSecond) * 1000, 3);
				}
			),
			{ numRuns: 50 }
		);
	});

	test('shares its pace among all that write at once', async () => {
		const time = new FakeTime();
		const repository = throttled(new MemoryRepository(), 1000, { clock: time, sleep: time.sleep });
		await Promise.all(['a', 'b', 'c'].map((key) => repository.write(key, chunked(noise(1000)))));
		expect(time.ms).toBeCloseTo(2000);
	});

	test('saves up no more than a second', async () => {
		const time = new FakeTime();
		const repository = throttled(new MemoryRepository(), 1000, { clock: time, sleep: time.sleep });
		time.ms = 3_600_000;
		await repository.write('n/x', chunked(noise(3000)));
		expect(time.slept).toEqual([2000]);
	});

	test('gives up at once when it is told to', async () => {
		const controller = new AbortController();
		const reason = new Error('enough');
		const repository = throttled(new MemoryRepository(), 1, {
			clock: new FakeTime(),
			sleep: async () => controller.abort(reason),
		});
		await expect(repository.write('n/x', chunked(noise(10)), controller.signal)).rejects.toBe(reason);
	});
});

describe('a part of a repository', () => {
	test('sees nothing beside it', async () => {
		const memory = new MemoryRepository();
		await memory.write('a/x', chunked('theirs'));
		const part = prefixed(memory, 'a/b/');
		await part.write('x', chunked('ours'));
		expect(await all(part.list(''))).toEqual([{ key: 'x', sizeBytes: 4 }]);
		expect(await textOf(memory.read('a/b/x'))).toBe('ours');
		await expect(part.stat('../x')).rejects.toMatchObject({ code: 'object_key_invalid' });
	});

	test('begins with a whole segment', () => {
		expect(() => prefixed(new MemoryRepository(), 'a')).toThrow(
			expect.objectContaining({ code: 'object_key_invalid' })
		);
	});
});

function unreachable(message: string): CustodianError {
	return new CustodianError('repository_unreachable', 'test', message);
}

function bound(repository: Repository): Repository {
	return {
		write: (...given) => repository.write(...given),
		read: (...given) => repository.read(...given),
		stat: (...given) => repository.stat(...given),
		list: (...given) => repository.list(...given),
		remove: (...given) => repository.remove(...given),
		leftovers: (...given) => repository.leftovers(...given),
		removeLeftover: (...given) => repository.removeLeftover(...given),
		freeBytes: (...given) => repository.freeBytes(...given),
	};
}

function failing(method: 'stat' | 'write', failure: () => Error): Repository {
	return { ...bound(new MemoryRepository()), [method]: () => Promise.reject(failure()) };
}

function failingReads(): Repository {
	return {
		...bound(new MemoryRepository()),
		// eslint-disable-next-line require-yield -- it fails before
		async *read() {
			throw unreachable('down');
		},
	};
}

/** Every third request but writes fails, and every tenth item of a stream breaks it, in an order that looks like none. */
function unreliable(repository: Repository): Repository {
	const chances = noise(65_536, 5);
	let turn = 0;
	const fail = (oneIn: number) => {
		if ((chances[turn++ % chances.length] ?? 0) < 256 / oneIn) throw unreachable('by design');
	};
	async function* breaking<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
		fail(3);
		for await (const item of items) {
			yield item;
			fail(10);
		}
	}
	const tried = async <T>(work: () => Promise<T>) => {
		fail(3);
		return await work();
	};
	return {
		...bound(repository),
		read: (...given) => breaking(repository.read(...given)),
		stat: (...given) => tried(() => repository.stat(...given)),
		list: (...given) => breaking(repository.list(...given)),
		remove: (...given) => tried(() => repository.remove(...given)),
		leftovers: (...given) => breaking(repository.leftovers(...given)),
		removeLeftover: (...given) => tried(() => repository.removeLeftover(...given)),
		freeBytes: (...given) => tried(() => repository.freeBytes(...given)),
	};
}
