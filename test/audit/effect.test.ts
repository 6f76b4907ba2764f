import { describe, expect, test } from 'vitest';
import { inEffect } from '../../lib/audit/effect.ts';

type Told = readonly [action: string, version: number, values?: Readonly<Record<string, unknown>>];

/** They arrive one after the other, long after the moments of their versions. */
const arrived = (...told: readonly Told[]) =>
	told.map(([action, version, values], index) => ({ action, version, values, localTime: 1000 + index }));
const effects = (...told: readonly Told[]) =>
	inEffect(arrived(...told)).map(({ action, version, values }) => [action, version, values]);
const add = (value: number) => ({ __op__: 'add', value });

const base: Told = ['put', 1, { size: 1, note: 'n' }];

describe('what entries did to a record', () => {
	test.each<[string, readonly Told[], readonly Told[]]>([
		[
			'one after the other',
			[base, ['patch', 2, { size: 2 }], ['delete', 3]],
			[base, ['patch', 2, { size: 2 }], ['delete', 3]],
		],
		[
			'of one transaction, the last write alone',
			[base, ['patch', 2, { size: add(5) }], ['patch', 2, { size: add(5) }]],
			[base, ['patch', 2, { size: add(5) }]],
		],
		[
			'of one transaction, a patch behind a delete',
			[base, ['delete', 2], ['patch', 2, { size: 3 }]],
			[base, ['patch', 2, { size: 3 }]],
		],
		[
			'a message in a transaction takes back what the transaction did',
			[base, ['patch', 2, { size: 2 }], ['message', 1, { text: 'm' }]],
			[base, ['message', 1, { text: 'm' }]],
		],
		[
			'a message between two writes of a transaction',
			[base, ['patch', 2, { size: 2 }], ['message', 1, {}], ['patch', 2, { size: 2 }]],
			[base, ['message', 1, {}], ['patch', 2, { size: 2 }]],
		],
		[
			'a late patch gives way to a newer one, attribute by attribute',
			[base, ['patch', 9, { size: 2 }], ['patch', 5, { size: 3, note: 'late' }]],
			[base, ['patch', 9, { size: 2 }], ['patch', 5, { note: 'late' }]],
		],
		[
			'a late value keeps what was added to it since',
			[base, ['patch', 9, { size: add(5) }], ['patch', 5, { size: 100 }]],
			[base, ['patch', 9, { size: add(5) }], ['patch', 5, { size: 105 }]],
		],
		[
			'late and newer additions both count',
			[base, ['patch', 9, { size: add(5) }], ['patch', 5, { size: add(7) }]],
			[base, ['patch', 9, { size: add(5) }], ['patch', 5, { size: add(7) }]],
		],
		[
			'a late write takes the record back in time, so that the next one is late no more',
			[base, ['patch', 9, { size: 2 }], ['patch', 5, { note: 'late' }], ['patch', 7, { size: add(10) }]],
			[base, ['patch', 9, { size: 2 }], ['patch', 5, { note: 'late' }], ['patch', 7, { size: add(10) }]],
		],
		[
			'a late record takes over what newer patches set of what it has',
			[base, ['patch', 9, { size: 2, more: 1 }], ['put', 5, { note: 'late', size: 3 }]],
			[base, ['patch', 9, { size: 2, more: 1 }], ['put', 5, { note: 'late', size: 2 }]],
		],
		[
			'a late patch does not give way to an invalidation',
			[base, ['invalidate', 9, { size: 1 }], ['patch', 5, { note: 'late' }]],
			[base, ['invalidate', 9, { size: 1 }], ['patch', 5, { note: 'late' }]],
		],
	])('%s', (_, told, expected) => {
		expect(effects(...told)).toEqual(expected.map(([action, version, values]) => [action, version, values]));
	});
});
