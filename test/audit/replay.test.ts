import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../lib/audit/change.ts';
import { applyChange, NEVER_WAS, recordOf, stateAt, type RecordState } from '../../lib/audit/replay.ts';
import { isSame } from '../../lib/record/equal.ts';
import { changeOf, liveOf, purgedLog, wholeLog } from '../support/changes.ts';

const add = (value: number | bigint) => ({ __op__: 'add', value });
const put = (version: number, values: Record<string, unknown>, more: Partial<Change> = {}) =>
	changeOf({ version, action: 'put', values, ...more });
const patch = (version: number, values: Record<string, unknown>, more: Partial<Change> = {}) =>
	changeOf({ version, action: 'patch', values, ...more });
const gone = (version: number) => changeOf({ version, action: 'delete' });

/** What it is after some changes, and by which version each attribute was set. */
function after(...changes: readonly Change[]) {
	const state = changes.reduce(applyChange, NEVER_WAS);
	return { record: recordOf(state), setBy: blameOf(state) };
}

function blameOf({ attributes }: RecordState) {
	return Object.fromEntries(Array.from(attributes, ([name, { setBy }]) => [name, setBy?.version]));
}

describe('a record after', () => {
	test.each<[what: string, changes: readonly Change[], record: unknown, setBy: Record<string, number | undefined>]>([
		['a put', [put(1, { a: 1 })], { a: 1 }, { a: 1 }],
		['a put of the same', [put(1, { a: 1, b: 2 }), put(2, { a: 1, b: 3 })], { a: 1, b: 3 }, { a: 1, b: 2 }],
		['a put with less', [put(1, { a: 1, b: 2 }), put(2, { a: 1 })], { a: 1 }, { a: 1, b: 2 }],
		['a patch', [put(1, { a: 1, b: 2 }), patch(2, { b: 3 })], { a: 1, b: 3 }, { a: 1, b: 2 }],
		['a patch of the same', [put(1, { a: [1] }), patch(2, { a: [1] })], { a: [1] }, { a: 1 }],
		['a patch that sets null', [put(1, { a: 1 }), patch(2, { a: null })], { a: null }, { a: 2 }],
		['a patch of nothing there', [patch(1, { a: 1 })], { a: 1 }, { a: 1 }],
		['an addition', [put(1, { a: 1 }), patch(2, { a: add(4) })], { a: 5 }, { a: 2 }],
		['an addition of zero', [put(1, { a: 1 }), patch(2, { a: add(0) })], { a: 1 }, { a: 1 }],
		['an addition to nothing', [put(1, {}), patch(2, { a: add(4) })], { a: 4 }, { a: 2 }],
		['an addition to null', [put(1, { a: null }), patch(2, { a: add(4) })], { a: 4 }, { a: 2 }],
		['an addition to a word', [put(1, { a: 'x' }), patch(2, { a: add(4) })], { a: 4 }, { a: 2 }],
		['an addition to digits', [put(1, { a: '5' }), patch(2, { a: add(4) })], { a: '54' }, { a: 2 }],
		['an addition to true', [put(1, { a: true }), patch(2, { a: add(4) })], { a: 5 }, { a: 2 }],
		['an addition to a BigInt', [put(1, { a: 2n ** 70n }), patch(2, { a: add(4n) })], { a: 2n ** 70n + 4n }, { a: 2 }],
		['an addition to a BigInt', [put(1, { a: 3n }), patch(2, { a: add(4) })], { a: 7n }, { a: 2 }],
		['a BigInt of zero added to nothing', [put(1, {}), patch(2, { a: add(0n) })], {}, {}],
		['a BigInt that becomes zero', [put(1, { a: 3n }), patch(2, { a: add(-3n) })], {}, { a: 2 }],
		['a deletion', [put(1, { a: 1 }), gone(2)], null, {}],
		['a new one of the same name', [put(1, { a: 1 }), gone(2), put(3, { a: 1 })], { a: 1 }, { a: 3 }],
		[
			'a message',
			[put(1, { a: 1 }), changeOf({ version: 1, action: 'message', values: { a: 9 } })],
			{ a: 1 },
			{ a: 1 },
		],
		['a message to nobody', [changeOf({ version: 1, action: 'message', values: { a: 9 } })], null, {}],
		['a move', [put(1, { a: 1 }), changeOf({ version: 2, action: 'relocate' })], { a: 1 }, { a: 1 }],
		[
			'an invalidation',
			[put(1, { a: 1, b: 2 }), changeOf({ version: 2, action: 'invalidate', values: { a: 1 } })],
			{ a: 1 },
			{ a: 1, b: 2 },
		],
		['one without indexes', [put(1, { a: 1 }), changeOf({ version: 2, action: 'invalidate' })], null, {}],
	])('%s', (_what, changes, record, setBy) => {
		expect(after(...changes)).toEqual({ record, setBy });
	});

	test('an expiry belongs to the last change that wrote the record', () => {
		const lasting = put(1, { a: 1 }, { expiresAt: 50 });
		expect(applyChange(NEVER_WAS, lasting).expiresAt).toBe(50);
		expect([lasting, patch(2, { a: 2 })].reduce(applyChange, NEVER_WAS).expiresAt).toBeUndefined();
		const message = changeOf({ version: 2, action: 'message', expiresAt: 60 });
		expect([lasting, message].reduce(applyChange, NEVER_WAS).expiresAt).toBe(60);
	});

	test('it exists since it was made, and not since it was written again', () => {
		const state = [put(1, {}), gone(2), gone(3), put(4, {}), put(5, {})].reduce(applyChange, NEVER_WAS);
		expect(state.existsSince?.version).toBe(4);
		expect([put(1, {}), gone(2), gone(3)].reduce(applyChange, NEVER_WAS).existsSince?.version).toBe(2);
	});
});

describe('where the log no longer begins with the making of a record', () => {
	test('patches leave what they do not touch as the table has it, and additions tell what was before them', () => {
		const log = purgedLog(patch(1, { count: add(3), name: 'new' }), patch(2, { count: add(4), big: add(2n) }));
		const live = liveOf({ id: 'a', count: 17, name: 'new', big: 12n });
		expect(recordOf(stateAt(log, live, 0))).toEqual({ id: 'a', count: 10, big: 10n });
		expect(recordOf(stateAt(log, live, 1))).toEqual({ id: 'a', count: 13, name: 'new', big: 10n });
		expect(stateAt(log, live, 0).attributes.get('name')).toMatchObject({ isKnown: false });
		expect(blameOf(stateAt(log, live, 2))).toEqual({ id: undefined, count: 2, name: 1, big: 2 });
	});

	test('what was added to nothing may have been zero, and later additions are known all the same', () => {
		const log = purgedLog(patch(1, { count: add(3) }), patch(2, { count: add(4) }));
		const live = liveOf({ count: 7 });
		expect(stateAt(log, live, 0).attributes.get('count')?.isKnown).toBe(false);
		expect(recordOf(stateAt(log, live, 1))).toEqual({ count: 3 });
	});

	test('fractions are not reckoned back', () => {
		const log = purgedLog(patch(1, { size: add(0.2) }));
		expect(stateAt(log, liveOf({ size: 0.30000000000000004 }), 0).attributes.get('size')?.isKnown).toBe(false);
		expect(recordOf(stateAt(log, liveOf({ size: 0.30000000000000004 }), 1))).toEqual({ size: 0.30000000000000004 });
	});

	test('nothing is known before a put, and who put what was there already is not certain', () => {
		const log = purgedLog(patch(1, { a: 1 }), put(2, { a: 1, b: 2 }), patch(3, { b: 3 }));
		const live = liveOf({ a: 1, b: 3 });
		expect(stateAt(log, live, 0)).toMatchObject({ existence: 'unknown', isWhole: false });
		expect(stateAt(log, live, 1)).toMatchObject({ existence: 'present', isWhole: false });
		expect(stateAt(log, live, 2).isWhole).toBe(true);
		expect(stateAt(log, live, 3).attributes.get('a')).toMatchObject({ setBy: { version: 1 }, isSetForCertain: false });
		expect(stateAt(log, live, 3).attributes.get('b')).toMatchObject({ setBy: { version: 3 }, isSetForCertain: true });
	});

	test('without any change the table tells all of it', () => {
		expect(recordOf(stateAt(purgedLog(), liveOf({ a: 1 }), 5))).toEqual({ a: 1 });
		expect(recordOf(stateAt(purgedLog(), liveOf(null), 5))).toBeNull();
		expect(recordOf(stateAt(purgedLog(), undefined, 5))).toBeUndefined();
	});
});

describe('what arrived late', () => {
	const at = (changes: readonly Change[], moment: number) => recordOf(stateAt(wholeLog(...changes), undefined, moment));

	test('goes below newer patches, from when it arrived', () => {
		const late = patch(2, { a: 'late', b: 'late', n: add(1) }, { localTime: 9 });
		const changes = [put(1, { a: 0, n: 1 }), patch(3, { a: 'newer', n: add(5) }), late];
		expect(at(changes, 3)).toEqual({ a: 'newer', n: 6 });
		expect(at(changes, 9)).toEqual({ a: 'newer', b: 'late', n: 7 });
	});

	test('is added to by newer patches', () => {
		const changes = [put(1, { n: 1 }), patch(3, { n: add(5) }), patch(2, { n: 10 }, { localTime: 9 })];
		expect(at(changes, 9)).toEqual({ n: 15 });
	});

	test('takes nothing away, though it be a put', () => {
		const changes = [put(1, { a: 1 }), patch(3, { b: 3 }), put(2, { b: 2, c: 2 }, { localTime: 9 })];
		expect(at(changes, 9)).toEqual({ a: 1, b: 3, c: 2 });
	});

	test('gives the record its version, so that what is newer than it counts as new', () => {
		const changes = [
			put(1, { a: 1 }),
			patch(5, { a: 5 }),
			patch(2, { b: 2 }, { localTime: 9 }),
			patch(4, { a: 4 }, { localTime: 10 }),
		];
		expect(at(changes, 10)).toEqual({ a: 4, b: 2 });
	});
});

describe('of several writes in one transaction', () => {
	const at = (changes: readonly Change[], moment: number) => recordOf(stateAt(wholeLog(...changes), undefined, moment));

	test('the last one is made on what was before all of them', () => {
		const twice = [patch(2, { n: add(2), a: 2 }, { localTime: 2 }), patch(2, { n: add(3) }, { localTime: 3 })];
		expect(at([put(1, { n: 1 }), ...twice], 3)).toEqual({ n: 4 });
		const again = [changeOf({ version: 2, action: 'delete' }), patch(2, { b: 1 }, { localTime: 3 })];
		expect(at([put(1, { n: 1 }), ...again], 3)).toEqual({ n: 1, b: 1 });
	});

	test('a message undoes what was written before it', () => {
		const message = changeOf({ version: 1, localTime: 3, action: 'message' });
		expect(at([put(1, { n: 1 }), patch(2, { n: 2 }), message], 3)).toEqual({ n: 1 });
		expect(at([put(1, { n: 1 }), patch(2, { n: 2 }), message, patch(4, { a: 1 })], 4)).toEqual({ n: 1, a: 1 });
	});

	test('what was undone is not reckoned back', () => {
		const log = purgedLog(patch(2, { n: add(2) }, { localTime: 2 }), patch(2, { n: add(3) }, { localTime: 3 }));
		expect(recordOf(stateAt(log, liveOf({ n: 10 }), 1))).toEqual({ n: 7 });
	});
});

/** A record as the simplest of programs would keep it. */
type Step =
	| { readonly kind: 'put'; readonly values: Record<string, unknown> }
	| { readonly kind: 'patch'; readonly values: Record<string, unknown> }
	| { readonly kind: 'add'; readonly name: string; readonly by: number }
	| { readonly kind: 'delete' }
	| { readonly kind: 'message' };

const name = fc.constantFrom('a', 'b', 'c');
const value = fc.constantFrom<unknown>(null, 0, 1, 2, 'x', 7n, [1], { n: 1 });
const steps = fc.array(
	fc.oneof(
		fc.record({ kind: fc.constant('put' as const), values: fc.dictionary(name, value, { noNullPrototype: true }) }),
		fc.record({
			kind: fc.constant('patch' as const),
			values: fc.dictionary(name, value, { noNullPrototype: true, minKeys: 1 }),
		}),
		fc.record({ kind: fc.constant('add' as const), name: fc.constant('count'), by: fc.integer({ min: -3, max: 3 }) }),
		fc.record({ kind: fc.constant('delete' as const) }),
		fc.record({ kind: fc.constant('message' as const) })
	),
	{ maxLength: 30 }
);

function played(all: readonly Step[]) {
	const changes: Change[] = [];
	const records: (Record<string, unknown> | null)[] = [];
	let record: Record<string, unknown> | null = null;
	for (const [index, step] of all.entries()) {
		// A message leaves the version of the record as it is.
		const version = step.kind === 'message' ? (changes.at(-1)?.version ?? index + 1) : index + 1;
		const action = step.kind === 'add' ? 'patch' : step.kind;
		const values = step.kind === 'add' ? { [step.name]: add(step.by) } : 'values' in step ? step.values : undefined;
		changes.push(changeOf({ version, localTime: index + 1, action, values }));
		if (step.kind === 'put') record = { ...step.values };
		if (step.kind === 'patch') record = { ...record, ...step.values };
		if (step.kind === 'add') record = { ...record, [step.name]: Number(record?.[step.name] ?? 0) + step.by };
		if (step.kind === 'delete') record = null;
		records.push(record);
	}
	return { changes, records };
}

describe('of any history', () => {
	test('every state is what it was, whatever the log has lost', () => {
		fc.assert(
			fc.property(steps, fc.integer({ min: 1, max: 30 }), (all, lost) => {
				const { changes, records } = played(all);
				const live = liveOf(records.at(-1) ?? null);
				for (const [index, record] of records.entries()) {
					expect(recordOf(stateAt(wholeLog(...changes), live, index + 1))).toEqual(record);
					if (index < lost) continue;
					const known = stateAt(purgedLog(...changes.slice(lost)), live, index + 1);
					if (known.existence === 'unknown') continue;
					expect(known.existence).toBe(record === null ? 'absent' : 'present');
					const told = [...known.attributes].filter(([, { isKnown }]) => isKnown);
					expect(told.filter(([attribute, { value: was }]) => !isSame(was, record?.[attribute]))).toEqual([]);
					const untold = Object.keys(record ?? {}).filter((one) => !known.attributes.has(one));
					expect(known.isWhole ? untold : []).toEqual([]);
				}
			})
		);
	});

	test('at the end it is what the table holds', () => {
		fc.assert(
			fc.property(steps, fc.nat(30), (all, lost) => {
				const { changes, records } = played(all);
				const live = records.at(-1) ?? null;
				const log = lost === 0 ? wholeLog(...changes) : purgedLog(...changes.slice(lost));
				expect(recordOf(stateAt(log, liveOf(live), Infinity))).toEqual(live);
			})
		);
	});

	test('each attribute is laid to the last change after which it was another', () => {
		fc.assert(
			fc.property(steps, (all) => {
				const { changes, records } = played(all);
				const state = stateAt(wholeLog(...changes), undefined, Infinity);
				for (const [attribute, { setBy }] of state.attributes) {
					let last: number | undefined;
					for (const [index, record] of records.entries()) {
						const before = records[index - 1];
						const isOther = !isSame(before?.[attribute], record?.[attribute]);
						if (isOther) last = index + 1;
					}
					expect(setBy?.localTime).toBe(last);
				}
			})
		);
	});
});
