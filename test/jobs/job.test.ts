import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import { jobError } from '../../lib/jobs/job-error.ts';
import { expired, isFinal, jobStates, parseJob } from '../../lib/jobs/job.ts';
import { job } from '../support/memory-jobs.ts';

test('a job is read as it was written, with what is not checked', () => {
	const written = job({ kind: 'snapshot', request: { databases: ['a'] }, by: 'u', result: [1], owner: 'o' });
	expect(parseJob(JSON.stringify(written))).toEqual(written);
});

test.each([
	['a kind that this version does not know', { kind: 'recover' }],
	['a state that it does not know', { state: 'paused' }],
	['no id', { id: undefined }],
	['an instant that is none', { submittedAt: 'today' }],
])('what has %s is no job of ours', (_, changes) => {
	expect(parseJob(JSON.stringify({ ...job(), ...changes }))).toBeUndefined();
});

test('all states but those of waiting and running are final', () => {
	expect(jobStates.filter((state) => !isFinal(state))).toEqual(['queued', 'running']);
});

test('of the jobs that have ended the newest stay, and no job that has not ended ever goes', () => {
	const jobs = fc.array(fc.constantFrom(...jobStates), { maxLength: 30 });
	fc.assert(
		fc.property(jobs, fc.integer({ min: 0, max: 10 }), (states, kept) => {
			const newestFirst = states.map((state, index) => job({ id: String(index), state }));
			const ended = newestFirst.filter(({ state }) => isFinal(state)).map(({ id }) => id);
			expect([...expired(newestFirst, kept)]).toEqual(ended.slice(kept));
		})
	);
});

describe('what an operator is told', () => {
	test('of an error of ours is its code, its message and its hint', () => {
		expect(jobError(new CustodianError('no_space', 's', 'Full.', { hint: 'Make room.' }))).toEqual({
			code: 'no_space',
			message: 'Full.',
			hint: 'Make room.',
		});
		expect(jobError(new CustodianError('no_space', 's', 'Full.'))).toEqual({ code: 'no_space', message: 'Full.' });
	});

	test.each([new TypeError('x is undefined'), 'x is undefined'])(
		'of anything else is that it is our fault',
		(thrown) => {
			expect(jobError(thrown)).toEqual({
				code: 'internal',
				message: 'x is undefined',
				hint: "Look into Harper's log, and report it.",
			});
		}
	);
});
