import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordIdsOf } from '../../lib/audit/record-id.ts';
import { toTagged } from '../../lib/record/tagged.ts';

test.each<[string, string | undefined, readonly unknown[]]>([
	['7', 'Int', [7]],
	['-3.5', 'Float', [-3.5]],
	['1e3', 'Long', [1000]],
	['seven', 'Int', []],
	['', 'ID', []],
	['0x10', 'Int', []],
	['Infinity', 'Float', []],
	['1e999', 'Float', []],
	['7', 'BigInt', [7, 7n]],
	['9007199254740993', 'BigInt', [9007199254740993n]],
	['7.5', 'BigInt', []],
	['p1', 'ID', ['p1']],
	['7', 'ID', ['7', 7]],
	['7', undefined, ['7', 7]],
	['"7"', 'ID', ['7']],
	['"open', 'ID', ['"open']],
	['["a",1]', 'Any', [['a', 1]]],
	['["a",{"$bigint":"1"},true,null]', 'ID', [['a', 1n, true, null]]],
	['[]', 'ID', ['[]']],
	['[{"a":1}]', 'ID', ['[{"a":1}]']],
	['[{"$date":{"toString":1,"valueOf":1}}]', 'ID', ['[{"$date":{"toString":1,"valueOf":1}}]']],
	['[{"$nothing":1}]', 'ID', ['[{"$nothing":1}]']],
])('%s is read as the primary key %s wants it', (text, type, expected) => {
	expect(recordIdsOf(text, type)).toEqual(expected);
});

test('every id comes back from how an entry shows it', () => {
	const part = fc.oneof(fc.string({ minLength: 1 }), fc.integer(), fc.bigInt(), fc.boolean(), fc.constant(null));
	fc.assert(
		fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (id) => {
			expect(recordIdsOf(JSON.stringify(toTagged(id)), 'Any')).toEqual([id]);
		})
	);
	fc.assert(
		fc.property(fc.string({ minLength: 1 }), (id) => {
			expect(recordIdsOf(JSON.stringify(id), 'ID')).toEqual([id]);
		})
	);
});

test('no text, however strange, makes reading it fail', () => {
	fc.assert(
		fc.property(fc.string(), fc.constantFrom('ID', 'Int', 'BigInt', undefined), (text, type) =>
			Array.isArray(recordIdsOf(text, type))
		)
	);
});
