import { beforeEach, describe, expect, test } from 'vitest';
import { changesFrom } from '../../lib/audit/change.ts';
import { applyChange, NEVER_WAS, recordOf } from '../../lib/audit/replay.ts';
import { MemoryAuditLog } from '../support/memory-audit-log.ts';

let log: MemoryAuditLog;
const THING = 1;
const found = (id: string) => changesFrom(log, log.live(THING, id)?.localTime);
const users = (id: string) => found(id).changes.map(({ user }) => user);

beforeEach(() => {
	log = new MemoryAuditLog(['Thing', 'Other']);
	log.write({ action: 'put', id: 'a', values: { size: 1 }, user: 'a' });
	log.write({ action: 'put', id: 'b', values: { size: 1 }, user: 'x' });
	log.write({ table: 'Other', action: 'put', id: 'a', values: { size: 1 }, user: 'x' });
	log.write({ action: 'patch', id: 'a', values: { size: { __op__: 'add', value: 2 } }, user: 'b' });
	log.write({ action: 'delete', id: 'a', user: 'c' });
	log.write({ action: 'put', id: 'a', values: { size: 9 }, user: 'd' });
	log.refresh();
});

describe('the changes of a record', () => {
	test('are its own, from the first one to the newest', () => {
		expect(users('a')).toEqual(['a', 'b', 'c', 'd']);
		expect(found('a').beginsWithCreation).toBe(true);
		expect(recordOf(found('a').changes.reduce(applyChange, NEVER_WAS))).toEqual(log.live(THING, 'a')?.values);
	});

	test('do not begin with its creation where the log has been cut', () => {
		const first = found('a').changes[1]!.localTime;
		log.removeBefore(first);
		log.refresh();
		expect(users('a')).toEqual(['b', 'c', 'd']);
		expect(found('a').beginsWithCreation).toBe(false);
	});

	test('do not hold what was superseded when it arrived', () => {
		log.write({ action: 'put', id: 'a', values: { size: 5 }, user: 'late', version: 1 });
		log.refresh();
		expect(users('a')).toEqual(['a', 'b', 'c', 'd']);
	});

	test('end where a row leads to another record', () => {
		const late = log.write({ action: 'put', id: 'b', values: { size: 5 }, user: 'late', version: 1 });
		log.refresh();
		const wrong = found('a').changes.at(-1)!.localTime;
		expect(changesFrom(log, late).changes.map(({ user }) => user)).toEqual(['late']);
		expect(changesFrom(log, wrong).beginsWithCreation).toBe(true);
	});

	test('are none where nothing names one', () => {
		expect(found('never')).toEqual({ changes: [], beginsWithCreation: false });
	});
});
