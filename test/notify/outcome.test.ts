import { describe, expect, test } from 'vitest';
import { eventsOf, runOutcomeOf, shouldPing, type EndedJob } from '../../lib/notify/outcome.ts';

const error = { code: 'no_space', message: 'Full.', hint: 'Make room.' };
const request = { databases: ['*'], schedule: { name: 'nightly', occurrence: 'o' } };
const job = (changes: Partial<EndedJob>): EndedJob => ({ kind: 'snapshot', state: 'succeeded', request, ...changes });

describe('a job tells of', () => {
	test('each database that has no snapshot', () => {
		const result = { taken: [{ database: 'a' }], failed: ['b', 'c'].map((database) => ({ database, error })) };
		expect(eventsOf(job({ state: 'failed', result, error }))).toEqual([
			{ kind: 'snapshot_failed', schedule: 'nightly', database: 'b', error },
			{ kind: 'snapshot_failed', schedule: 'nightly', database: 'c', error },
		]);
	});

	test('itself where it came to no database', () => {
		const result = { hooks: { pre: { problem: 'No.' } } };
		expect(eventsOf(job({ state: 'failed', result, error }))).toEqual([
			{ kind: 'snapshot_failed', schedule: 'nightly', error },
		]);
	});

	test('what a user asked for without a schedule', () => {
		const [event] = eventsOf(job({ state: 'failed', request: { databases: ['a'] }, error }));
		expect(event).toEqual({ kind: 'snapshot_failed', schedule: undefined, error });
	});

	test('each copy that did not verify', () => {
		const verified = [
			{ id: 's1', place: 'main' },
			{ id: 's1', place: 'away', error },
			{ id: 's2', place: '', error },
		];
		expect(eventsOf(job({ kind: 'verify', state: 'failed', result: { verified }, error }))).toEqual([
			{ kind: 'verification_failed', snapshot: 's1', place: 'away', error },
			{ kind: 'verification_failed', snapshot: 's2', place: undefined, error },
		]);
	});

	test.each(['copy', 'prune', 'reconcile'])('the failure of a job of kind %s', (kind) => {
		expect(eventsOf(job({ kind, state: 'failed', error }))).toEqual([{ kind: 'upkeep_failed', job: kind, error }]);
	});

	test.each([
		['a success', {}],
		['a cancelled job', { state: 'cancelled', error }],
		['an interrupted one', { state: 'interrupted', error }],
		['upkeep that was cancelled', { kind: 'prune', state: 'cancelled', error }],
		['a verification that found everything whole', { kind: 'verify', result: { verified: [{ id: 's', place: 'm' }] } }],
		['a result that nobody knows', { kind: 'verify', state: 'failed', result: 5 }],
	])('nothing: %s', (_, changes) => {
		expect(eventsOf(job(changes))).toEqual([]);
	});
});

describe('the sign of life is given', () => {
	const pings = (changes: Partial<EndedJob>) => {
		const outcome = runOutcomeOf(job(changes));
		return outcome !== undefined && shouldPing(outcome);
	};
	const taken = [{ database: 'a' }, { database: 'b' }];

	test('after a run of a schedule that verified every database', () => {
		expect(runOutcomeOf(job({ result: { taken, failed: [] } }))).toEqual({
			schedule: 'nightly',
			databases: [
				{ database: 'a', state: 'verified' },
				{ database: 'b', state: 'verified' },
			],
		});
		expect(pings({ result: { taken, failed: [] } })).toBe(true);
	});

	test.each([
		['where one database failed', { state: 'failed', result: { taken, failed: [{ database: 'c', error }] } }],
		['where no database is left', { result: { taken: [], failed: [] } }],
		['where a failure is listed in spite of all', { result: { taken, failed: [{ database: 'c', error }] } }],
		[
			'for a volume snapshot, which nobody read',
			{ result: { taken: [{ kind: 'external', database: 'a' }], failed: [] } },
		],
		['for what a user asked for', { request: { databases: ['*'] }, result: { taken, failed: [] } }],
		['for a job that was cut off', { state: 'interrupted', result: { taken, failed: [] } }],
		['for a job of another kind', { kind: 'verify', result: { taken, failed: [] } }],
		['for a result that nobody knows', { result: undefined }],
	])('not %s', (_, changes) => {
		expect(pings(changes)).toBe(false);
	});
});
