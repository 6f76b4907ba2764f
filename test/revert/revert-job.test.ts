import { expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import type { JournalEntry } from '../../lib/revert/journal.ts';
import { revertWork } from '../../lib/revert/revert-job.ts';
import { MemoryJobs } from '../support/memory-jobs.ts';
import { headerOf, memoryPlan, MemoryPlans, revertPorts } from '../support/memory-reverts.ts';

const cancelled = AbortSignal.abort(new CustodianError('cancelled', 'r', 'It was cancelled.'));

async function carriedOut(
	applyingSince: number | undefined,
	{ isReadable = true }: { readonly isReadable?: boolean } = {}
) {
	let isJournalBroken = false;
	const { reverts } = revertPorts('r', new MemoryJobs());
	await reverts.save({ ...reverts.load('r')!, state: 'applying', applyingSince });
	const plan = memoryPlan(
		headerOf('r'),
		Array.from({ length: 10 }, () => leave)
	);
	const isIntact = async (signal: AbortSignal) => {
		signal.throwIfAborted();
		return true;
	};
	const done: JournalEntry = {
		kind: 'done',
		first: 0,
		count: 5,
		version: 7,
		tables: { t: { written: 5, deleted: 0 } },
		drifted: [],
		impossible: [],
	};
	const work = revertWork({
		reverts,
		plans: new MemoryPlans({ ...plan, isIntact }),
		clock: { now: () => 0, monotonic: () => 0 },
		random: () => 0,
		pause: async () => {},
		plan: () => {
			throw new Error('it is planned');
		},
		writerOf: () => ({
			write: async () => {
				throw new Error('it is cancelled');
			},
			hasChange: () => false,
		}),
		openJournal: async () => ({
			async *entries() {
				if (isJournalBroken) throw new Error('the disk is broken');
				if (applyingSince === undefined) return;
				yield { kind: 'begun', first: 0, count: 5, version: 7 };
				yield done;
			},
			append: async () => {},
			close: async () => {},
		}),
		tidy: async () => {},
	});
	const job = {
		id: 'j',
		kind: 'revert',
		request: { revert: 'r', apply: true },
		state: 'running',
		submittedAt: 0,
	} as const;
	await expect(work(job, () => {}, cancelled)).rejects.toBe(cancelled.reason);
	if (isReadable) return reverts.load('r');
	isJournalBroken = true;
	await expect(work(job, () => {}, cancelled)).rejects.toThrow('the disk is broken');
	return reverts.load('r');
}

const leave = {
	table: 't',
	tableId: 1,
	id: 1,
	liveVersion: 1,
	liveLocalTime: 1,
	selected: { changes: 1, firstVersion: 1, lastVersion: 1 },
	decision: { kind: 'leave', reason: 'r' },
	attributes: [],
	conflicts: [],
} as const;

test('one that is cancelled before anything was written ends without a receipt', async () => {
	const ended = await carriedOut(undefined);
	expect([ended?.state, ended?.receipt]).toEqual(['cancelled', undefined]);
});

test('one that is cancelled just as it is gone on with says what had been written', async () => {
	expect(await carriedOut(1)).toMatchObject({
		state: 'cancelled',
		receipt: { complete: false, versions: [7], counts: { written: 5 } },
	});
});

test('a journal that cannot be read takes nothing from the receipt', async () => {
	expect(await carriedOut(1, { isReadable: false })).toMatchObject({ receipt: { versions: [7] } });
});
