import { describe, expect, it } from 'vitest';
import { stand, type ThreadLock } from '../lib/election.ts';

/** A lock as LMDB has it: whoever waits is told when it is free, and must try again. */
class FakeLock {
	holder: object | undefined;
	#waiting: (() => void)[] = [];

	for(candidate: object): ThreadLock {
		return {
			attempt: (onReleased) => {
				if (this.holder) {
					this.#waiting.push(onReleased);
					return false;
				}
				this.holder = candidate;
				return true;
			},
			release: () => this.#free(candidate),
			isHeld: () => this.holder !== undefined,
		};
	}

	/** The thread of a candidate dies: nothing of its code runs any more, but its lock is released. */
	die(candidate: object): void {
		this.#free(candidate);
	}

	#free(candidate: object): void {
		if (this.holder !== candidate) return;
		this.holder = undefined;
		for (const retry of this.#waiting.splice(0)) retry();
	}
}

function worker(lock: FakeLock) {
	const thread = {};
	const log: string[] = [];
	const candidate = stand(lock.for(thread), () => {
		log.push('lead');
		return async () => void log.push('stop');
	});
	return { thread, log, candidate };
}

describe('the election', () => {
	it('makes the first worker the leader and nobody else', () => {
		const lock = new FakeLock();
		const workers = [worker(lock), worker(lock), worker(lock)];
		expect(workers.map(({ log }) => log)).toEqual([['lead'], [], []]);
	});

	it('elects exactly one other when the leader dies without a word', () => {
		const lock = new FakeLock();
		const [first, ...others] = [worker(lock), worker(lock), worker(lock)];
		lock.die(first.thread);
		expect(others.flatMap(({ log }) => log)).toEqual(['lead']);
	});

	it('hands the office over when the work has come to its end, also to a bad one', async () => {
		for (const ends of ['well', 'badly']) {
			const lock = new FakeLock();
			let [resolve, reject]: [() => void, (error: Error) => void] = [() => {}, () => {}];
			const ending = new Promise<void>((...both) => ([resolve, reject] = both));
			const first = stand(lock.for({}), () => () => ending);
			const second = worker(lock);
			first.resign();
			await Promise.resolve();
			expect(second.log).toEqual([]);
			if (ends === 'well') resolve();
			else reject(new Error(ends));
			await ending.catch(() => undefined);
			expect(second.log).toEqual(['lead']);
		}
	});

	it('never elects a worker that has resigned', () => {
		const lock = new FakeLock();
		const [first, second] = [worker(lock), worker(lock)];
		second.candidate.resign();
		lock.die(first.thread);
		expect(second.log).toEqual([]);
		expect(lock.holder).toBeUndefined();
	});
});
