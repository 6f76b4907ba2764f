import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { readChange } from '../../lib/audit/change.ts';
import { decodeEntry, type AuditEntry } from '../../lib/audit/entry.ts';
import { Selector, selectionSchema, type Selection } from '../../lib/revert/select.ts';
import { MemoryAuditLog } from '../support/memory-audit-log.ts';

const NOW = Date.UTC(2026, 5, 1, 12);
const parse = (body: unknown) => v.safeParse(selectionSchema(NOW), body);

describe('a selection in a request', () => {
	test('has its moments as numbers and its ids as keys', () => {
		const body = {
			tables: ['Thing'],
			ids: [
				{ table: 'Thing', id: 'x' },
				{ table: 'Thing', id: ['x', 5] },
				{ table: 'Thing', id: { $bigint: '12345678901234567890' } },
			],
			users: ['ann', null],
			since: '-1h',
			until: '2026-06-01T12:00:00Z',
			types: ['put', 'delete'],
			revert: 'r1',
		};
		expect(parse(body).output).toEqual({
			...body,
			ids: [
				{ table: 'Thing', id: 'x' },
				{ table: 'Thing', id: ['x', 5] },
				{ table: 'Thing', id: 12345678901234567890n },
			],
			since: NOW - 3_600_000,
			until: NOW,
		});
		expect(parse({ since: 1.5 }).output).toEqual({ since: 1.5 });
	});

	test.each<[string, unknown]>([
		['nothing at all', {}],
		['an unknown key', { table: 'Thing' }],
		['an empty list', { users: [] }],
		['an empty name', { users: [''] }],
		['no moment', { since: 'yesterday' }],
		['a moment before 1970', { since: -5 }],
		['an end before the beginning', { since: 2, until: 1 }],
		['an unknown type', { types: ['drop'] }],
		['a key that is an object', { ids: [{ table: 'Thing', id: { a: 1 } }] }],
		['a key that is too long', { ids: [{ table: 'Thing', id: 'x'.repeat(5000) }] }],
		[
			'a key of so many digits that reading it takes seconds',
			{ ids: [{ table: 'Thing', id: { $bigint: '9'.repeat(5000) } }] },
		],
		['a key that is larger than any number', { ids: [{ table: 'Thing', id: { $bigint: '9'.repeat(400) } }] }],
		['a key that is nothing', { ids: [{ table: 'Thing', id: null }] }],
		['a key without a table', { ids: [{ id: 1 }] }],
		['a list where there should be an object', []],
		['too much', { users: Array.from({ length: 1001 }, () => 'x') }],
	])('is refused with %s', (_, body) => {
		expect(parse(body).success).toBe(false);
	});
});

describe('an entry', () => {
	const log = new MemoryAuditLog(['One', 'Two']);
	log.nameNode(7, 'elsewhere');
	const users = ['ann', 'bob', undefined];
	const ids = ['x', 5, ['x', 5], 2n ** 70n];
	const written = Array.from({ length: 300 }, (_, i) =>
		log.write({
			action: (['put', 'patch', 'delete', 'message'] as const)[i % 4]!,
			table: i % 3 === 0 ? 'Two' : 'One',
			id: ids[i % 5 === 4 ? 0 : i % 5]!,
			nodeId: i % 7 === 0 ? 7 : 0,
			...(users[i % 3] && { user: users[i % 3]! }),
			...(i % 4 !== 2 && { values: { [i % 2 ? 'a' : 'b']: i } }),
		})
	);
	log.refresh();
	const entries = written.flatMap((localTime) => {
		const bytes = log.row(localTime);
		return bytes ? [{ bytes, entry: decodeEntry(bytes), change: readChange(log, localTime, bytes) }] : [];
	});
	const moment = fc.constantFrom(...written);
	const some = <const T>(...choices: T[]) => fc.uniqueArray(fc.constantFrom(...choices), { minLength: 1 });
	const selections = fc.record(
		{
			tables: some('One', 'Two', 'None'),
			ids: fc.array(fc.record({ table: fc.constantFrom('One', 'Two', 'None'), id: fc.constantFrom(...ids) }), {
				minLength: 1,
			}),
			users: some<string | null>('ann', 'bob', null),
			transactions: fc.array(moment, { minLength: 1 }),
			since: moment,
			until: moment,
			nodes: some('elsewhere', 'this-node'),
			types: some<AuditEntry['action']>('put', 'delete', 'patch', 'message'),
		},
		{ requiredKeys: [] }
	);

	test('matches by its header exactly when it matches in full, and when each part of the selection does', () => {
		fc.assert(
			fc.property(selections, (selection) => {
				const whole = new Selector(selection, log);
				const parts = Object.entries(selection).map(([name, value]) => new Selector({ [name]: value }, log));
				for (const { bytes, entry, change } of entries) {
					const expected = parts.every((part) => part.matches(change));
					expect(whole.matches(change)).toBe(expected);
					expect(whole.matchesHeader(bytes, entry)).toBe(expected);
				}
			})
		);
	});

	test.each<[string, Selection, (change: (typeof entries)[number]['change']) => boolean]>([
		['a table', { tables: ['Two'] }, ({ tableId }) => tableId === 2],
		['a record', { ids: [{ table: 'One', id: 5 }] }, ({ tableId, id }) => tableId === 1 && id === 5],
		['a user', { users: ['ann'] }, ({ user }) => user === 'ann'],
		['nobody', { users: [null] }, ({ user }) => user === undefined],
		['a node', { nodes: ['elsewhere'] }, ({ nodeId }) => nodeId === 7],
		['a type', { types: ['delete'] }, ({ action }) => action === 'delete'],
		['a transaction', { transactions: [written[5]!] }, ({ version }) => version === written[5]],
		['a revert', { revert: [written[5]!, written[6]!] }, ({ version }) => [written[5], written[6]].includes(version)],
		[
			'a span',
			{ since: written[5]!, until: written[9]! },
			({ version }) => version >= written[5]! && version <= written[9]!,
		],
	])('is selected by %s', (_, selection, expected) => {
		const selector = new Selector(selection, log);
		const matching = entries.filter(({ change }) => selector.matches(change));
		expect(matching).toEqual(entries.filter(({ change }) => expected(change)));
		expect(matching.length).toBeGreaterThan(0);
	});

	test('is selected with its whole transaction, whatever else is asked for', () => {
		const selector = new Selector({ users: ['nobody'], fields: ['a'] }, log);
		selector.add([written[5]!]);
		const taken = entries.filter(({ change }) => selector.of(change) !== undefined);
		expect(taken.map(({ change }) => change.version)).toEqual([written[5]]);
		expect(selector.of(taken[0]!.change)).toEqual({ fields: undefined });
		expect(entries.filter(({ bytes, entry }) => selector.matchesHeader(bytes, entry))).toEqual(taken);
	});
});
