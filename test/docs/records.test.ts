import { expect, test } from 'vitest';
import { flawReasons } from '../../lib/audit/history.ts';
import { RECORD_PARAMETERS } from '../../lib/http/records.ts';
import { readPage } from './pages.ts';

/** What stands in backquotes in the first cells of the tables of the page. */
const named = readPage('docs/records.md')
	.split('\n')
	.flatMap((line) => /^\| `(\w+)` +\|/.exec(line)?.[1] ?? []);

test('the page names every parameter and every reason of a gap, and no other', () => {
	expect(named.toSorted()).toEqual([...RECORD_PARAMETERS, ...flawReasons, 'attributes_hidden'].toSorted());
});
