import { describe, expect, test } from 'vitest';
import { changesFrom } from '../../lib/audit/change.ts';
import type { LoggedTable } from '../../lib/audit/log.ts';
import { planRecord } from '../../lib/revert/plan-record.ts';
import { REASON } from '../../lib/revert/reason.ts';
import type { Policy, RecordPlan } from '../../lib/revert/record-plan.ts';
import { Selector, type Selection } from '../../lib/revert/select.ts';
import { MemoryAuditLog, type MemoryWrite } from '../support/memory-audit-log.ts';

type Values = Record<string, unknown>;
type Step = Omit<MemoryWrite, 'id'>;

const put = (user: string, values: Values): Step => ({ action: 'put', user, values });
const patch = (user: string, values: Values): Step => ({ action: 'patch', user, values });
const remove = (user: string): Step => ({ action: 'delete', user });
const add = (value: number) => ({ __op__: 'add', value });

interface Given {
	readonly policy?: Policy;
	readonly selection?: Selection;
	readonly table?: Partial<LoggedTable>;
	/** How many of the steps the log has lost. */
	readonly lost?: number;
	readonly afterwards?: (log: MemoryAuditLog) => void;
}

function planOf(steps: readonly Step[], given: Given = {}): RecordPlan | undefined {
	const { policy = 'merge', selection = { users: ['bad'] }, lost = 0, afterwards } = given;
	const log = new MemoryAuditLog([{ name: 'Thing', ...given.table }]);
	const arrived = steps.map((step) => log.write({ ...step, id: 1 }));
	if (lost > 0) log.deleteRows(arrived[lost] ?? Infinity);
	afterwards?.(log);
	log.refresh();
	const live = log.live(1, 1);
	const facts = { table: log.tables()[0], tableId: 1, id: 1, log: changesFrom(log, live?.localTime), live };
	return planRecord(facts, new Selector(selection, log), policy);
}

/** What a plan comes to, in short. */
function outcomeOf(plan: RecordPlan | undefined): unknown {
	if (plan === undefined) return 'nothing';
	const { decision, conflicts } = plan;
	const what =
		decision.kind === 'write' ? decision.values : decision.kind === 'impossible' ? decision.code : decision.kind;
	return conflicts.length === 0
		? what
		: [what, ...conflicts.map(({ attribute = '*', user }) => `${attribute} ${user}`)];
}

const made = put('good', { a: 1, b: 1 });

describe('an attribute', () => {
	test.each<[string, Step[], unknown]>([
		['that nobody selected touched', [made, patch('good', { a: 2 })], 'nothing'],
		['that was changed gets its base', [made, patch('bad', { a: 2 })], { a: 1, b: 1 }],
		[
			'named like what every object has gets its base',
			[put('good', { a: 1, toString: 't' }), put('bad', { a: 1 })],
			{ a: 1, toString: 't' },
		],
		[
			'that was changed twice gets what was before both',
			[made, patch('bad', { a: 2 }), patch('bad', { a: 3 })],
			{ a: 1, b: 1 },
		],
		['that was made goes', [made, patch('bad', { c: 2 })], { a: 1, b: 1 }],
		['that a put left out comes back', [made, put('bad', { a: 1 })], { a: 1, b: 1 }],
		['that is as it was is nothing to do', [made, patch('bad', { a: 2 }), patch('bad', { a: 1 })], 'leave'],
		['that somebody set back is no conflict', [made, patch('bad', { a: 2 }), patch('good', { a: 1 })], 'leave'],
		[
			'that somebody changed since is kept',
			[made, patch('bad', { a: 2 }), patch('good', { a: 3 })],
			['leave', 'a good'],
		],
		[
			'that somebody changed since is kept, and the others restored',
			[made, patch('bad', { a: 2, b: 2 }), patch('good', { a: 3 })],
			[{ a: 3, b: 1 }, 'a good'],
		],
		[
			'that somebody only carried along is restored',
			[made, patch('bad', { a: 2 }), put('good', { a: 2, b: 5 })],
			{ a: 1, b: 5 },
		],
		[
			'that changed again after somebody gets what that one had left',
			[made, patch('bad', { a: 2 }), patch('good', { a: 3 }), patch('bad', { a: 4 })],
			{ a: 3, b: 1 },
		],
		[
			'keeps what others added when an addition is taken out',
			[made, patch('bad', { a: add(10) }), patch('good', { a: add(5) })],
			{ a: 6, b: 1 },
		],
		[
			'keeps what others added when a value is taken back',
			[made, patch('bad', { a: 100 }), patch('good', { a: add(5) })],
			{ a: 6, b: 1 },
		],
		[
			'that was no number keeps what somebody added to a selected value',
			[put('good', { a: 'x' }), patch('bad', { a: 100 }), patch('good', { a: add(5) })],
			['leave', 'a good'],
		],
		[
			'that was added to and then set is kept',
			[made, patch('bad', { a: add(10) }), patch('good', { a: 7 })],
			['leave', 'a good'],
		],
	])('%s', (_, steps, expected) => {
		expect(outcomeOf(planOf(steps))).toEqual(expected);
	});

	test('shows what it was before, after and now', () => {
		const plan = planOf([made, patch('bad', { a: 2 }), patch('bad', { a: 3, b: 3 }), patch('good', { b: 4 })]);
		expect(plan?.attributes).toEqual([
			{ name: 'a', base: 1, bad: 3, live: 3, outcome: 'restore' },
			{ name: 'b', base: 1, bad: 3, live: 4, outcome: 'keep' },
		]);
		expect(plan?.selected.changes).toBe(2);
	});
});

describe('a record', () => {
	test.each<[string, Step[], unknown]>([
		['that was deleted comes back whole', [made, patch('good', { c: 3 }), remove('bad')], { a: 1, b: 1, c: 3 }],
		['that was spoilt and deleted comes back unspoilt', [made, patch('bad', { a: 2 }), remove('bad')], { a: 1, b: 1 }],
		['that was made goes', [made, remove('good'), put('bad', { a: 2 })], 'delete'],
		['that was made and deleted is nothing to do', [put('bad', { a: 2 }), remove('bad')], 'leave'],
		['that was made, and deleted by somebody, is nothing to do', [put('bad', { a: 2 }), remove('good')], 'leave'],
		[
			'that was made, and edited by somebody, stays',
			[put('bad', { a: 2 }), patch('good', { b: 1 })],
			['leave', '* good'],
		],
		['that was made again by somebody stays', [made, remove('bad'), put('good', { a: 5 })], ['leave', '* good']],
		['that was made again as it was is no conflict', [made, remove('bad'), made], 'leave'],
		['that was deleted by somebody stays so', [made, patch('bad', { a: 2 }), remove('good')], ['leave', '* good']],
		['that was deleted and made anew gets its values', [made, remove('bad'), put('bad', { a: 9 })], { a: 1, b: 1 }],
		[
			'that was made anew keeps what somebody then set',
			[made, remove('bad'), put('bad', { a: 9 }), patch('good', { b: 4 })],
			[{ a: 1, b: 4 }, 'b good'],
		],
		[
			'that somebody accepted gets what that one had left',
			[put('bad', { a: 2 }), patch('good', { b: 1 }), patch('bad', { b: 7 })],
			[{ a: 2, b: 1 }, '* good'],
		],
		['that got messages only stays', [made, { action: 'message', user: 'bad', values: { a: 2 } }], 'leave'],
	])('%s', (_, steps, expected) => {
		expect(outcomeOf(planOf(steps))).toEqual(expected);
	});

	test('that was made anew gets its first creation back', () => {
		const table = { createdTime: 'born', updatedTime: 'changed' };
		const steps = [
			put('good', { a: 1, born: 1, changed: 1 }),
			remove('bad'),
			put('bad', { a: 2, born: 5, changed: 5 }),
		];
		expect(outcomeOf(planOf(steps, { table }))).toEqual({ a: 1, born: 1, changed: 5 });
	});

	test('is not changed for what Harper sets by itself', () => {
		const table = { createdTime: 'born', updatedTime: 'changed' };
		const steps = [put('good', { a: 1, born: 1, changed: 1 }), put('bad', { a: 1, born: 1, changed: 2 })];
		expect(outcomeOf(planOf(steps, { table }))).toBe('leave');
		const later = [...steps, put('bad', { a: 2, born: 1, changed: 3 }), put('good', { a: 2, born: 1, changed: 4 })];
		expect(outcomeOf(planOf(later, { table }))).toEqual({ a: 1, born: 1, changed: 4 });
	});

	test('that comes back expires when it would have', () => {
		const plan = planOf([{ ...made, expiresAt: 5e12 }, remove('bad')]);
		expect(plan?.decision).toMatchObject({ kind: 'write', expiresAt: 5e12 });
		const prolonged = planOf([
			{ ...made, expiresAt: 5e12 },
			{ ...patch('bad', { a: 2 }), expiresAt: 6e12 },
		]);
		expect(prolonged?.decision).toMatchObject({ kind: 'write', expiresAt: 5e12 });
	});

	test('that was written without an entry has a conflict with nobody', () => {
		const steps = [made, patch('bad', { a: 2, b: 2 })];
		const afterwards = (log: MemoryAuditLog) => {
			const live = log.live.bind(log);
			log.live = (tableId, id) => ({ ...live(tableId, id)!, values: { a: 3, b: 2 } });
		};
		expect(outcomeOf(planOf(steps, { afterwards }))).toEqual([{ a: 3, b: 1 }, 'a undefined']);
	});

	test('that is gone without an entry has expired', () => {
		const steps = [made, patch('bad', { a: 2 })];
		const log = new MemoryAuditLog(['Thing']);
		const newest = steps.map((step) => log.write({ ...step, id: 1 })).at(-1);
		log.refresh();
		const facts = { table: log.tables()[0], tableId: 1, id: 1, log: changesFrom(log, newest), live: undefined };
		const plan = planRecord(facts, new Selector({ users: ['bad'] }, log), 'force');
		expect(plan?.decision).toEqual({ kind: 'leave', reason: REASON.vanished });
	});
});

describe('a policy', () => {
	const conflicting = [made, patch('bad', { a: 2, b: 2 }), patch('good', { a: 3 })];

	test.each<[Policy, Step[], unknown]>([
		['merge', conflicting, [{ a: 3, b: 1 }, 'a good']],
		['skip', conflicting, ['leave', 'a good']],
		['abort', conflicting, [{ a: 3, b: 1 }, 'a good']],
		['force', conflicting, [{ a: 1, b: 1 }, 'a good']],
		['skip', [made, patch('bad', { a: 2 })], { a: 1, b: 1 }],
		['force', [made, patch('bad', { a: 2 }), patch('good', { c: 3 })], { a: 1, b: 1, c: 3 }],
		['force', [made, remove('bad'), put('good', { a: 5, c: 5 })], [{ a: 1, b: 1 }, '* good']],
		['force', [made, patch('bad', { a: 2 }), remove('good')], [{ a: 1, b: 1 }, '* good']],
		['force', [put('bad', { a: 2 }), patch('good', { b: 1 })], ['delete', '* good']],
	])('%s of %j', (policy, steps, expected) => {
		expect(outcomeOf(planOf(steps, { policy }))).toEqual(expected);
	});
});

describe('named attributes', () => {
	const selection = { users: ['bad'], fields: ['a'] };

	test.each<[string, Step[], unknown]>([
		['alone are restored', [made, patch('bad', { a: 2, b: 2 })], { a: 1, b: 2 }],
		['are not in every change', [made, patch('bad', { b: 2 })], 'nothing'],
		['of a deleted record stay away', [made, remove('bad')], 'nothing'],
		['of a record that was made are its own', [put('bad', { a: 2 })], 'leave'],
		['of a record that was deleted since conflict', [made, patch('bad', { a: 2 }), remove('bad')], ['leave', '* bad']],
	])('%s', (_, steps, expected) => {
		expect(outcomeOf(planOf(steps, { selection }))).toEqual(expected);
	});
});

describe('where history has been removed', () => {
	test.each<[string, Step[], unknown]>([
		['patches leave what they do not touch', [patch('bad', { a: 2 })], 'history_purged'],
		['a deleted record cannot come back', [remove('bad')], 'history_purged'],
		['a later put tells what was', [put('good', { a: 3 }), patch('bad', { a: 4 })], { a: 3 }],
		['additions can be taken out', [patch('bad', { a: add(4) })], { a: 1, b: 1 }],
		['what is known comes back', [patch('good', { b: 5 }), patch('bad', { a: 2, b: 6 })], { a: 2, b: 5 }],
		['a record that is not known whole does not come back', [patch('good', { b: 5 }), remove('bad')], 'history_purged'],
	])('%s', (_, steps, expected) => {
		expect(outcomeOf(planOf([made, ...steps], { lost: 1 }))).toEqual(expected);
	});

	test('the unknown attributes are named', () => {
		const plan = planOf([made, patch('good', { b: 5 }), patch('bad', { a: 2, b: 6 })], { lost: 1 });
		expect(plan?.attributes.map(({ name, outcome }) => `${name} ${outcome}`).sort()).toEqual([
			'a unknown',
			'b restore',
		]);
		expect(plan?.decision.reason).toBe(REASON.restoredButUnknown);
	});
});

test.each<[string, Partial<LoggedTable>, string]>([
	['a caching table', { isCaching: true }, 'caching_table'],
	['a table that is not logged any more', { isAudited: false }, 'not_audited'],
])('%s cannot be put back', (_, table, code) => {
	const log = new MemoryAuditLog(['Thing']);
	const newest = [made, patch('bad', { a: 2 })].map((step) => log.write({ ...step, id: 1 })).at(-1);
	log.refresh();
	const facts = { tableId: 1, id: 1, log: changesFrom(log, newest), live: log.live(1, 1) };
	const plan = planRecord(
		{ ...facts, table: { ...log.tables()[0]!, ...table } },
		new Selector({ users: ['bad'] }, log),
		'merge'
	);
	expect(plan?.decision).toMatchObject({ kind: 'impossible', code });
});
