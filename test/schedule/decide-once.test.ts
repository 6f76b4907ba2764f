import { describe, expect, it } from 'vitest';
import { oncePerCluster, type OncePorts } from '../../lib/schedule/decide-once.ts';
import type { Lease } from '../../lib/schedule/lease.ts';
import type { Verdict } from '../../lib/schedule/ledger.ts';
import type { Execute } from '../../lib/schedule/runner.ts';
import { MINUTE, schedule } from '../support/schedules.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const occurrence = schedule().occurrences.of(0);
const never = new AbortController().signal;

/** One node before a table and a ledger that a test writes to as if it were the others. */
class Scene {
	readonly time = new VirtualTime(0);
	readonly discarded: (string | undefined)[] = [];
	readonly warnings: string[] = [];
	readonly written: Lease[] = [];
	row: Lease | undefined;
	verdict: Verdict | undefined;
	/** What arrived at the ledger before a proposal of this node. */
	earlier: Verdict | undefined;
	tableFails = false;

	run(execute: Execute, signal = never, changes: Partial<OncePorts> = {}) {
		return oncePerCluster('a', execute, {
			leases: {
				read: async () => {
					if (this.tableFails) throw new Error('no table');
					return this.row;
				},
				write: async (_, lease) => {
					this.written.push(lease);
					this.row = lease;
				},
				remove: async () => {
					if (this.tableFails) throw new Error('no table');
					this.row = undefined;
				},
			},
			clock: this.time,
			sleep: this.time.sleep,
			ledger: {
				verdict: async () => this.verdict,
				propose: async (_, proposal) => (this.verdict = this.earlier ?? proposal),
			},
			discard: async (_, detail) => void this.discarded.push(detail),
			warn: (message) => this.warnings.push(message),
			...changes,
		})(occurrence, 1, signal);
	}
}

const quick: Execute = async () => ({ kind: 'succeeded', detail: 'mine' });

describe('a run that shall count once', () => {
	it('counts where nobody else tried', async () => {
		const scene = new Scene();
		const run = scene.run(quick);
		await scene.time.advance(3000);
		expect(await run).toEqual({ kind: 'succeeded', detail: 'mine' });
		expect(scene.verdict).toEqual({ by: 'a', token: 1, detail: 'mine' });
	});

	it('leaves no lease behind once it is decided', async () => {
		const scene = new Scene();
		const run = scene.run(quick);
		await scene.time.advance(3000);
		await run;
		expect(scene.row).toBeUndefined();
	});

	it('does not begin where there is a verdict', async () => {
		const scene = new Scene();
		const failing: Execute = () => Promise.reject(new Error('ran'));
		scene.verdict = { by: 'b', token: 1 };
		expect(await scene.run(failing)).toEqual({ kind: 'elsewhere', by: 'b' });
		scene.verdict = { by: 'a', token: 1 };
		expect(await scene.run(failing)).toEqual({ kind: 'found' });
		expect(scene.written).toEqual([]);
	});

	it('waits while another node beats, and takes a higher token when that has been silent for half a minute', async () => {
		const scene = new Scene();
		const run = scene.run(quick);
		scene.row = { holder: 'b', token: 7, beat: 0 };
		for (let beat = 1; beat < 20; beat++) {
			await scene.time.advance(10_000);
			scene.row = { holder: 'b', token: 7, beat };
		}
		expect(scene.written.filter(({ token }) => token > 7)).toEqual([]);
		await scene.time.advance(29_000);
		expect(scene.written.filter(({ token }) => token > 7)).toEqual([]);
		await scene.time.advance(15_000);
		expect(await run).toEqual({ kind: 'succeeded', detail: 'mine' });
		expect(scene.verdict?.token).toBe(8);
	});

	it('is aborted when another node has taken the lease, and learns who won', async () => {
		const scene = new Scene();
		let aborted = false;
		const run = scene.run(async (_, __, signal) => {
			await scene.time.sleep(10 * MINUTE, signal);
			aborted = signal.aborted;
			signal.throwIfAborted();
			return { kind: 'succeeded', detail: 'mine' };
		});
		await scene.time.advance(20_000);
		expect(scene.written.map(({ beat }) => beat)).toEqual([0, 1, 2, 3]);
		scene.row = { holder: 'b', token: 2, beat: 0 };
		await scene.time.advance(6000);
		expect(aborted).toBe(true);
		expect(scene.discarded).toEqual([undefined]);
		scene.verdict = { by: 'b', token: 2 };
		await scene.time.advance(6000);
		expect(await run).toEqual({ kind: 'elsewhere', by: 'b' });
	});

	it('goes on where the table does not answer, since the ledger decides', async () => {
		const scene = new Scene();
		const run = scene.run(async (_, __, signal) => {
			await scene.time.sleep(MINUTE, signal);
			return { kind: 'succeeded', detail: 'mine' };
		});
		await scene.time.advance(3000);
		scene.tableFails = true;
		await scene.time.advance(2 * MINUTE);
		expect(await run).toEqual({ kind: 'succeeded', detail: 'mine' });
	});

	it.each<[string, Verdict, unknown, unknown[]]>([
		['and takes that back where another node', { by: 'b', token: 1 }, { kind: 'elsewhere', by: 'b' }, ['mine']],
		['and keeps that where an earlier attempt of this one', { by: 'a', token: 9 }, { kind: 'found' }, []],
	])('does not count what it left, %s has won meanwhile', async (_, earlier, expected, discarded) => {
		const scene = new Scene();
		scene.earlier = earlier;
		const run = scene.run(quick);
		await scene.time.advance(3000);
		expect(await run).toEqual(expected);
		expect(scene.discarded).toEqual(discarded);
	});

	it('says what it could not take back', async () => {
		const scene = new Scene();
		scene.earlier = { by: 'b', token: 1 };
		const run = scene.run(quick, never, { discard: () => Promise.reject(new Error('read-only')) });
		await scene.time.advance(3000);
		expect(await run).toEqual({ kind: 'elsewhere', by: 'b' });
		expect(scene.warnings).toEqual([`What ${occurrence.id} left here does not count, and stays: read-only`]);
	});

	it('fails as the work fails, and beats no more', async () => {
		const scene = new Scene();
		const run = scene.run(() => Promise.reject(new Error('disk full')));
		const failed = run.catch((error: Error) => error.message);
		await scene.time.advance(3000);
		expect(await failed).toBe('disk full');
		const { length } = scene.written;
		await scene.time.advance(MINUTE);
		expect(scene.written).toHaveLength(length);
		expect(scene.verdict).toBeUndefined();
	});

	it('proposes nothing once it is stopped', async () => {
		const scene = new Scene();
		const stop = new AbortController();
		const run = scene.run(async () => {
			await scene.time.sleep(MINUTE);
			return { kind: 'succeeded' };
		}, stop.signal);
		const failed = run.catch((error: Error) => error.name);
		await scene.time.advance(3000);
		stop.abort();
		await scene.time.advance(MINUTE);
		expect(await failed).toBe('AbortError');
		expect(scene.verdict).toBeUndefined();
	});
});
