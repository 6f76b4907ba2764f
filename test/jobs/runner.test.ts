import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import { isFinal, type Job } from '../../lib/jobs/job.ts';
import { finished, PartialFailure, runJobs, type RunnerPorts, type Work } from '../../lib/jobs/runner.ts';
import { job, MemoryJobs } from '../support/memory-jobs.ts';

const succeeds: Work = async () => 'done';

/** Runs until nothing is left to do; waiting takes a turn of the event loop, and moves the clock. */
class Bench {
	readonly store = new MemoryJobs();
	readonly warnings: string[] = [];
	readonly stop = new AbortController();
	readonly clock = { ms: 1000, now: () => this.clock.ms, monotonic: () => this.clock.ms };
	readonly ended: Job[] = [];
	/** Called whenever the runner waits. */
	onWait: () => void = () => {
		if (this.store.active().length === 0) this.stop.abort();
	};

	ports(work: Work, owner = 'this life'): RunnerPorts {
		return {
			store: this.store,
			clock: this.clock,
			work: { snapshot: work, verify: work, copy: work, prune: work, reconcile: work, revert: work },
			owner,
			wait: async (ms, signal) => {
				await turn();
				if (signal.aborted) return;
				this.clock.ms += ms;
				this.onWait();
			},
			onEnded: async (one) => void this.ended.push(one),
			warn: (message) => void this.warnings.push(message),
		};
	}

	async run(work: Work, ...jobs: Job[]): Promise<void> {
		for (const one of jobs) await this.store.save(one);
		await runJobs(this.ports(work), this.stop.signal);
	}
}

/** A turn of the event loop. */
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Work that only the signal ends. */
const untilStopped: Work = (_, __, signal) =>
	new Promise((_resolve, reject) => {
		signal.addEventListener('abort', () => reject(signal.reason));
	});

describe('a job', () => {
	test('is done by the work of its kind, and its result is kept', async () => {
		const bench = new Bench();
		const seen: unknown[] = [];
		await bench.run(
			async ({ kind, request }) => {
				seen.push([kind, request]);
				return { pruned: 3 };
			},
			job({ kind: 'prune', request: { a: 1 }, by: 'u' })
		);
		expect(seen).toEqual([['prune', { a: 1 }]]);
		expect(bench.store.load('j1')).toEqual({
			...job({ kind: 'prune', request: { a: 1 }, by: 'u' }),
			state: 'succeeded',
			owner: 'this life',
			result: { pruned: 3 },
			startedAt: 1000,
			endedAt: expect.any(Number),
		});
		expect(bench.ended).toEqual([bench.store.load('j1')]);
	});

	test('is shown as running while it is', async () => {
		const bench = new Bench();
		const states: unknown[] = [];
		await bench.run(async ({ id }) => void states.push(bench.store.load(id)?.state), job());
		expect(states).toEqual(['running']);
	});

	test('that fails keeps its error, and the next one is done', async () => {
		const bench = new Bench();
		const work: Work = async ({ id }) => {
			if (id === 'j1') throw new CustodianError('no_space', 's', 'Full.', { hint: 'Make room.' });
		};
		await bench.run(work, job(), job({ id: 'j2' }));
		expect(bench.store.load('j1')).toMatchObject({
			state: 'failed',
			error: { code: 'no_space', message: 'Full.', hint: 'Make room.' },
		});
		expect(bench.store.load('j2')).toMatchObject({ state: 'succeeded' });
	});

	test('that fails in part keeps what it achieved', async () => {
		const bench = new Bench();
		await bench.run(async () => {
			throw new PartialFailure({ taken: ['a'] }, 'no_space', 'b', 'b: Full.');
		}, job());
		expect(bench.store.load('j1')).toMatchObject({
			state: 'failed',
			result: { taken: ['a'] },
			error: { code: 'no_space', message: 'b: Full.' },
		});
	});

	test('that throws before it gives a promise fails like any other', async () => {
		const bench = new Bench();
		await bench.run(() => {
			throw new Error('at once');
		}, job());
		expect(bench.store.load('j1')).toMatchObject({ state: 'failed', error: { message: 'at once' } });
	});

	test('shows its progress while it runs, and the last of it afterwards', async () => {
		const bench = new Bench();
		let release = () => {};
		const shown: unknown[] = [];
		bench.onWait = () => {
			const current = bench.store.load('j1');
			if (current?.progress) shown.push(current.progress);
			if (shown.length > 0) release();
			if (bench.store.active().length === 0) bench.stop.abort();
		};
		await bench.run(async (_, onProgress) => {
			onProgress({ step: 'store', bytes: 1 });
			onProgress({ step: 'store', bytes: 2 });
			await new Promise<void>((resolve) => (release = resolve));
			onProgress({ step: 'store', bytes: 3 });
		}, job());
		expect(shown[0]).toEqual({ step: 'store', bytes: 2 });
		expect(bench.store.load('j1')?.progress).toEqual({ step: 'store', bytes: 3 });
	});

	test('goes on where its progress cannot be saved', async () => {
		const bench = new Bench();
		let release = () => {};
		bench.store.onSave = ({ state, progress }) => {
			if (state !== 'running' || progress === undefined) return;
			release();
			throw new Error('disk full');
		};
		await bench.run(async (_, onProgress) => {
			onProgress({ step: 'store' });
			await new Promise<void>((resolve) => (release = resolve));
		}, job());
		expect(bench.store.load('j1')?.state).toBe('succeeded');
		expect(bench.warnings).toContain('The progress of a job is not saved: disk full');
	});

	test('that is cancelled while it runs ends as cancelled', async () => {
		const bench = new Bench();
		await bench.run(async (one, ...rest) => {
			await bench.store.requestCancel(one.id);
			return untilStopped(one, ...rest);
		}, job());
		expect(bench.store.load('j1')).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } });
	});

	test('that is cancelled before it begins is not begun', async () => {
		const bench = new Bench();
		await bench.store.requestCancel('j1');
		const begun: string[] = [];
		await bench.run(async ({ id }) => void begun.push(id), job());
		expect(bench.store.load('j1')?.state).toBe('cancelled');
		expect(begun).toEqual([]);
	});

	test('that is cancelled while another one runs does not wait for that to end', async () => {
		const bench = new Bench();
		let state: unknown;
		const store = bench.store;
		await bench.run(
			async ({ id }) => {
				if (id !== 'j1') throw new Error('begun');
				await store.requestCancel('j2');
				while (store.load('j2')?.state === 'queued') await turn();
				state = [store.load('j1')?.state, store.load('j2')?.state];
			},
			job(),
			job({ id: 'j2' })
		);
		expect(state).toEqual(['running', 'cancelled']);
		expect(store.load('j2')?.error?.code).toBe('cancelled');
	});

	test('of a schedule comes before what people asked for', async () => {
		const bench = new Bench();
		const done: string[] = [];
		const begins: Work = async ({ id }) => {
			done.push(id);
			// What is queued at an election counts as given up by its schedule.
			if (id === 'j1') await bench.store.save(job({ id: 'j3', request: { schedule: { name: 's' } } }));
		};
		await bench.run(begins, job(), job({ id: 'j2' }));
		expect(done).toEqual(['j1', 'j3', 'j2']);
	});

	test('is interrupted when its worker is told to stop, and the one behind it still waits', async () => {
		const bench = new Bench();
		bench.onWait = () => bench.stop.abort(new Error('stopping'));
		await bench.run(untilStopped, job(), job({ id: 'j2' }));
		expect(bench.store.load('j1')?.state).toBe('interrupted');
		expect(bench.store.load('j2')?.state).toBe('queued');
	});

	test('that another life of the process had begun is interrupted, and not done again', async () => {
		const bench = new Bench();
		const done: string[] = [];
		const orphan = job({ id: 'j0', state: 'running', startedAt: 5, owner: 'another life' });
		await bench.run(async ({ id }) => void done.push(id), orphan, job());
		expect(bench.store.load('j0')).toMatchObject({ state: 'interrupted', startedAt: 5, endedAt: 1000 });
		expect(done).toEqual(['j1']);
	});
});

test('what a schedule had asked for before the election is interrupted, and what it asks for later is done', async () => {
	const bench = new Bench();
	const done: string[] = [];
	const request = { databases: ['*'], schedule: { name: 'n', occurrence: 'n@1' } };
	const work: Work = async ({ id }) => {
		done.push(id);
		if (id === 'j1') await bench.store.save(job({ id: 'j2', request }));
	};
	await bench.run(work, job({ id: 'j0', request }), job());
	expect(bench.store.load('j0')).toMatchObject({ state: 'interrupted', endedAt: 1000 });
	expect(done).toEqual(['j1', 'j2']);
});

test('a job that an earlier worker shows as running late is not done again', async () => {
	const bench = new Bench();
	const done: string[] = [];
	let late = 1;
	bench.store.onSave = ({ id, state }) => {
		if (id !== 'j0' || state !== 'interrupted' || late-- <= 0) return;
		// It lands right behind the save that ended the job.
		queueMicrotask(() => void bench.store.save(job({ id, state: 'running', owner: 'another life' })));
	};
	await bench.run(async ({ id }) => void done.push(id), job({ id: 'j0', state: 'running' }), job());
	expect(done).toEqual(['j1']);
	expect(bench.store.load('j0')?.state).toBe('interrupted');
});

test('jobs are done in the order of their ids', async () => {
	const bench = new Bench();
	const done: string[] = [];
	await bench.run(async ({ id }) => void done.push(id), job({ id: 'b' }), job({ id: 'a' }), job({ id: 'c' }));
	expect(done).toEqual(['a', 'b', 'c']);
});

test('a store that fails is told of, and the runner goes on when it works again', async () => {
	const bench = new Bench();
	await bench.store.save(job());
	let failures = 2;
	bench.store.onSave = () => {
		if (failures-- > 0) throw new Error('disk full');
	};
	await bench.run(succeeds);
	expect(bench.warnings[0]).toBe('The jobs cannot be read or saved: disk full');
	expect(bench.store.load('j1')?.state).toBe('succeeded');
});

test('two hundred jobs that have ended are remembered, the newest', async () => {
	const bench = new Bench();
	for (let index = 0; index < 203; index++) {
		await bench.store.save(job({ id: `old-${String(index).padStart(4, '0')}`, state: 'succeeded' }));
	}
	await bench.run(succeeds, job({ id: 'z' }));
	const ids = bench.store.list().map(({ id }) => id);
	expect(ids).toHaveLength(200);
	expect(ids[0]).toBe('z');
	expect(ids.at(-1)).toBe('old-0004');
});

describe('who waits for a job', () => {
	const waiting = (bench: Bench) => finished('j1', bench.ports(succeeds), bench.stop.signal);

	test('is told when it has ended', async () => {
		const bench = new Bench();
		await bench.store.save(job());
		bench.onWait = () => void bench.store.save(job({ state: 'failed' }));
		expect((await waiting(bench)).state).toBe('failed');
	});

	test('is told when it was never there', async () => {
		await expect(waiting(new Bench())).rejects.toMatchObject({ code: 'job_missing', subject: 'j1' });
	});

	test('may stop waiting, and the job that nobody wants does not begin', async () => {
		const bench = new Bench();
		await bench.store.save(job());
		bench.onWait = () => bench.stop.abort(new Error('enough'));
		await expect(waiting(bench)).rejects.toThrow('enough');
		expect(bench.store.isCancelRequested('j1')).toBe(true);
	});

	test('stops a job that runs, and waits until it has ended', async () => {
		const bench = new Bench();
		const enough = new AbortController();
		bench.onWait = () => {
			if (bench.store.load('j1')?.state === 'running') enough.abort(new Error('enough'));
			if (bench.store.active().length === 0) bench.stop.abort();
		};
		await bench.store.save(job());
		const ports = bench.ports(untilStopped);
		const runs = runJobs(ports, bench.stop.signal);
		await expect(finished('j1', ports, enough.signal)).rejects.toThrow('enough');
		expect(bench.store.load('j1')?.state).toBe('cancelled');
		await runs;
	});

	test('does not wait for ever for a job that will not stop', async () => {
		const bench = new Bench();
		await bench.store.save(job({ state: 'running' }));
		const enough = AbortSignal.abort(new Error('enough'));
		bench.onWait = () => {};
		await expect(finished('j1', bench.ports(succeeds), enough)).rejects.toThrow('enough');
		expect(bench.clock.ms).toBeLessThan(1000 + 3_600_000);
	});
});

/** What happens to a runner at one of its waits. `crash` is a process that dies: the next one finds what was saved. */
const event = fc.constantFrom('submit', 'submit', 'cancel', 'release', 'release', 'crash', 'fail saving', 'nothing');

test('whatever is submitted, cancelled or dies when, never two run at once and every job ends', async () => {
	await fc.assert(
		fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
			const store = new MemoryJobs();
			let running = 0;
			let most = 0;
			const begun: string[] = [];
			const submitted: string[] = [];
			for (const life of lives(events)) {
				const bench = new Bench();
				const dead = new AbortController();
				running = 0;
				let release = () => {};
				const faults = { failing: false };
				const pending = [...life];
				const act = () => {
					const next = pending.shift();
					const current = store.list().find(({ state }) => state === 'running');
					if (next === 'submit') {
						const id = `j${String(submitted.length).padStart(3, '0')}`;
						submitted.push(id);
						void store.save(job({ id }));
					} else if (next === 'cancel' && current) void store.requestCancel(current.id);
					else if (next === 'release') release();
					else if (next === 'fail saving') faults.failing = true;
					else if (next === undefined) dead.abort();
				};
				const work: Work = async ({ id }, _, signal) => {
					begun.push(id);
					most = Math.max(most, ++running);
					try {
						await new Promise<void>((resolve, reject) => {
							release = resolve;
							signal.addEventListener('abort', () => reject(signal.reason));
						});
					} finally {
						running--;
					}
				};
				bench.onWait = act;
				// A process that dies does no more: what it would still do is not awaited, and not saved.
				const ports = { ...bench.ports(work), store: untilDead(store, dead.signal, faults) };
				const done = runJobs(ports, bench.stop.signal);
				await new Promise<void>((resolve) => dead.signal.addEventListener('abort', () => resolve()));
				bench.stop.abort();
				await done;
			}
			const last = new Bench();
			last.onWait = () => {
				if (store.active().length === 0) last.stop.abort();
			};
			await runJobs({ ...last.ports(async ({ id }) => void begun.push(id)), store }, last.stop.signal);
			expect(most).toBeLessThanOrEqual(1);
			expect(store.list().filter(({ state }) => !isFinal(state))).toEqual([]);
			expect(store.list().map(({ id }) => id)).toEqual(submitted.toReversed());
			// Each was begun once, except one whose beginning could not be saved, which had not begun.
			expect(begun.toSorted()).toEqual([...new Set(begun)].toSorted());
			const neverBegun = submitted.filter((id) => !begun.includes(id));
			expect(neverBegun.filter((id) => store.load(id)?.state !== 'interrupted')).toEqual([]);
		}),
		{ numRuns: 150 }
	);
});

/** The events of each life of the process: every one but the last ends in a crash. */
function lives(events: readonly string[]): readonly string[][] {
	const all: string[][] = [[]];
	for (const one of events) {
		if (one === 'crash') all.push([]);
		else all.at(-1)?.push(one);
	}
	return all;
}

/** A store as a process sees it that stops writing at its death, and fails once when it is told to. */
function untilDead(store: MemoryJobs, dead: AbortSignal, faults: { failing: boolean }): RunnerPorts['store'] {
	return {
		load: (id) => store.load(id),
		list: () => store.list(),
		active: () => store.active(),
		isCancelRequested: (id) => store.isCancelRequested(id),
		requestCancel: (id) => store.requestCancel(id),
		async save(one) {
			if (dead.aborted) return;
			const { failing } = faults;
			faults.failing = false;
			if (failing) throw new Error('disk full');
			await store.save(one);
		},
		remove: async (id) => (dead.aborted ? undefined : store.remove(id)),
	};
}

describe('a job of a kind that is resumed', () => {
	test('is gone on with where its process died', async () => {
		const bench = new Bench();
		const running = job({ kind: 'revert', state: 'running', owner: 'another life', startedAt: 5 });
		await bench.run(succeeds, running);
		expect(bench.store.load('j1')).toMatchObject({ state: 'succeeded', resumed: 1, startedAt: 5, owner: 'this life' });
	});

	test('waits for the next worker when this one stops, and nobody is told of an end', async () => {
		const bench = new Bench();
		bench.onWait = () => bench.stop.abort(new Error('another worker takes over'));
		await bench.run(untilStopped, job({ kind: 'revert' }));
		expect(bench.store.load('j1')).toMatchObject({ state: 'queued', resumed: 1 });
		expect(bench.ended).toEqual([]);
	});

	test('is interrupted in the end, when it has ended its process again and again', async () => {
		const bench = new Bench();
		await bench.run(succeeds, job({ kind: 'revert', state: 'running', owner: 'another life', resumed: 20 }));
		expect(bench.store.load('j1')).toMatchObject({ state: 'interrupted' });
	});
});

test('a runner leaves alone what another one does', async () => {
	const bench = new Bench();
	const others = job({ id: 'j0', kind: 'revert', state: 'running', owner: 'another life' });
	await bench.store.save(others);
	await bench.store.save(job());
	const ports = bench.ports(succeeds);
	bench.onWait = () => bench.stop.abort();
	await runJobs({ ...ports, work: { verify: succeeds } }, bench.stop.signal);
	expect(bench.store.load('j0')).toEqual(others);
	expect(bench.store.load('j1')?.state).toBe('succeeded');
});
