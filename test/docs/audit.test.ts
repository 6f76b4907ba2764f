import { expect, test } from 'vitest';
import { gapReasons } from '../../lib/audit/completeness.ts';
import { AUDIT_PARAMETERS } from '../../lib/http/audit-request.ts';
import { readPage } from './pages.ts';

/** What stands in backquotes in the first cells of the tables of the page. */
const named = readPage('docs/audit.md')
	.split('\n')
	.flatMap((line) => /^\| ([^|]*) +\|/.exec(line)?.[1]?.match(/(?<=`)\w+(?=`)/g) ?? []);

test('the page names every parameter and every reason of a gap, and no other', () => {
	expect([...named].sort()).toEqual([...AUDIT_PARAMETERS, ...gapReasons].sort());
});
