import { expect, test } from 'vitest';
import { revertsEndpoints } from '../../lib/http/reverts.ts';
import type { Revert } from '../../lib/revert/revert.ts';
import { answerOf } from '../support/endpoints.ts';
import { MemoryJobs } from '../support/memory-jobs.ts';
import { revertPorts } from '../support/memory-reverts.ts';

async function asked(select: object, changes: Partial<Revert> = {}) {
	const ports = revertPorts('earlier', new MemoryJobs());
	await ports.reverts.save({ ...ports.reverts.load('earlier')!, ...changes });
	const body = { database: 'd', reason: 'r', dryRun: true, select };
	const answer = await answerOf(revertsEndpoints(ports)[0], '/custodian/reverts', { verb: 'POST', body });
	return [answer.status, answer.status === 202 ? undefined : answer.body.error.code];
}

const receipt = {
	by: 'u',
	reason: 'r',
	plan: '',
	startedAt: 0,
	endedAt: 0,
	complete: false,
	versions: [1],
	counts: { written: 1, deleted: 0, left: 0, drifted: 0, impossible: 0 },
	tables: {},
	drifted: [],
	impossible: [],
};

test('a table that is not there is refused, as a plan that finds nothing would look as if nothing had been done', async () => {
	expect(await asked({ tables: ['t'] })).toEqual([202, undefined]);
	expect(await asked({ tables: ['t', 'T'] })).toEqual([400, 'table_missing']);
	expect(await asked({ ids: [{ table: 'T', id: 1 }] })).toEqual([400, 'table_missing']);
});

test('an id that no record can have is refused', async () => {
	for (const id of ['x'.repeat(100_000), 'x'.repeat(2000), { $bigint: '9'.repeat(400) }, [], null, { $date: 1 }]) {
		expect(await asked({ ids: [{ table: 't', id }] })).toEqual([400, 'invalid_body']);
	}
	for (const id of ['x', 5, -0.5, true, { $bigint: '5' }, ['x', 5]]) {
		expect(await asked({ ids: [{ table: 't', id }] })).toEqual([202, undefined]);
	}
});

test('a revert is reverted when it is known what it has written', async () => {
	const select = { revert: 'earlier' };
	expect(await asked(select)).toEqual([409, 'revert_wrote_nothing']);
	expect(await asked(select, { state: 'applied', applyingSince: 1, receipt })).toEqual([202, undefined]);
	expect(await asked(select, { state: 'cancelled', applyingSince: 1, receipt })).toEqual([202, undefined]);
	// Its process died, and its job was cancelled before another one went on with it.
	for (const known of [undefined, receipt]) {
		expect(await asked(select, { state: 'applying', applyingSince: 1, receipt: known })).toEqual([
			409,
			'revert_not_ended',
		]);
	}
});

test('a state that no revert has is refused', async () => {
	const [list] = revertsEndpoints(revertPorts('earlier', new MemoryJobs()));
	expect((await answerOf(list, '/custodian/reverts?state=aplied')).status).toBe(400);
	const { body } = await answerOf<{ readonly reverts: readonly object[] }>(list, '/custodian/reverts?state=planned');
	expect(body.reverts).toHaveLength(1);
});
