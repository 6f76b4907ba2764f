import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differences, pointerOf } from '../../lib/audit/diff.ts';
import { applyChange, NEVER_WAS, UNKNOWN_STATE, type RecordState } from '../../lib/audit/replay.ts';
import { isSame } from '../../lib/record/equal.ts';
import { storableRecord } from '../record/arbitrary.ts';
import { changeOf } from '../support/changes.ts';

const holding = (values: Record<string, unknown>, before: RecordState = NEVER_WAS) =>
	applyChange(before, changeOf({ version: 1, action: 'put', values }));

const told = (before: RecordState, after: RecordState, written?: Record<string, unknown>) =>
	differences(before, after, written).map(({ path, kind, before: was, after: is }) => [
		pointerOf(path),
		kind,
		was === undefined ? 'unknown' : was.value,
		is === undefined ? 'unknown' : is.value,
	]);

describe('between two states', () => {
	test.each<[what: string, Record<string, unknown>, Record<string, unknown>, unknown[]]>([
		['nothing changed', { a: 1, b: [new Date(1)] }, { a: 1, b: [new Date(1)] }, []],
		['an attribute', { a: 1, b: 2 }, { a: 1, b: 3 }, [['/b', 'changed', 2, 3]]],
		[
			'one came and one went',
			{ a: 1 },
			{ b: 2 },
			[
				['/a', 'removed', 1, undefined],
				['/b', 'added', undefined, 2],
			],
		],
		['one became null', { a: 1 }, { a: null }, [['/a', 'changed', 1, null]]],
		['deep within', { a: { b: [{ c: 1, d: 2 }] } }, { a: { b: [{ c: 5, d: 2 }] } }, [['/a/b/0/c', 'changed', 1, 5]]],
		['names that a pointer escapes', { 'a/b~': { x: 1 } }, { 'a/b~': { x: 2 } }, [['/a~1b~0/x', 'changed', 1, 2]]],
		['put before a list', { a: [1, 2] }, { a: [0, 1, 2] }, [['/a/0', 'added', undefined, 0]]],
		['taken out of a list', { a: [1, 2, 3] }, { a: [1, 3] }, [['/a/1', 'removed', 2, undefined]]],
		['a list became an object', { a: [1] }, { a: { 0: 1 } }, [['/a', 'changed', [1], { 0: 1 }]]],
	])('%s', (_what, before, after, expected) => {
		expect(told(holding(before), holding(after))).toEqual(expected);
	});

	test('a record that is made has all of its attributes added, and one that is deleted has them removed', () => {
		const present = holding({ a: 1 });
		const deleted = applyChange(present, changeOf({ version: 2, action: 'delete' }));
		expect(told(NEVER_WAS, present)).toEqual([['/a', 'added', undefined, 1]]);
		expect(told(present, deleted)).toEqual([['/a', 'removed', 1, undefined]]);
	});

	test('what was before is said to be unknown where it is', () => {
		expect(told(UNKNOWN_STATE, holding({ a: 1 }, UNKNOWN_STATE))).toEqual([['/a', 'changed', 'unknown', 1]]);
	});

	test('an addition says how much, also where the sum is unknown', () => {
		const written = { n: { __op__: 'add', value: 3 } };
		const patch = changeOf({ version: 2, action: 'patch', values: written });
		expect(differences(holding({ n: 1 }), applyChange(holding({ n: 1 }), patch), written)).toMatchObject([
			{ increment: 3 },
		]);
		expect(told(UNKNOWN_STATE, applyChange(UNKNOWN_STATE, patch), written)).toEqual([]);
	});

	test('many differences within one attribute are told as one', () => {
		const list = (value: number) => ({ a: Array.from({ length: 1000 }, () => value) });
		expect(differences(holding(list(1)), holding(list(2)), undefined)).toHaveLength(1);
	});
});

test('there are none exactly where nothing changed', () => {
	fc.assert(
		fc.property(storableRecord, storableRecord, (one, other) => {
			expect(differences(holding(one), holding(one), undefined)).toEqual([]);
			expect(differences(holding(one), holding(other), undefined).length === 0).toBe(isSame(one, other));
		})
	);
});
