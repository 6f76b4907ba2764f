import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { planRetention, type RetentionPolicy } from '../../lib/snapshot/retention.ts';
import type { RetentionSubject } from '../../lib/snapshot/retention-subject.ts';
import { parseSpan } from '../../lib/span.ts';
import { codeBlocks, readPage } from './pages.ts';

const page = readPage('docs/retention.md');
const blocks = codeBlocks(page);

test('the policy of the example decides what the page shows', () => {
	const { keep, timezone } = parse(blocks.find(({ language }) => language === 'yaml')?.text ?? '');
	const policy: RetentionPolicy = { ...keep, within: parseSpan(keep.within), timezone };
	const { decisions } = planRetention(example(), policy, Date.parse('2026-11-23T09:00:00+01:00'));
	const shown = blocks
		.find(({ language }) => language === 'text')
		?.text.trim()
		.split('\n');
	expect(shown).toEqual(decisions.map(({ sentence }) => sentence));
});

test('the table names every rule that counts periods', () => {
	const rules = [...page.matchAll(/^\| `(\w+)`/gm)].map(([, rule = '']) => rule);
	expect(rules).toEqual(['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly', 'within']);
	for (const rule of rules) {
		const { decisions } = planRetention(example(), { timezone: 'UTC', [rule]: 1 }, Date.parse('2026-11-23T09:00Z'));
		expect(decisions.flatMap(({ reasons }) => reasons.map((reason) => reason.rule))).toContain(rule);
	}
});

/** Nights from the 23rd back to the 14th, and the first of the month; on some something happened. */
function example(): readonly RetentionSubject[] {
	const night = (
		day: number,
		suffix: string,
		changes: Partial<RetentionSubject> = {},
		hour = '01'
	): RetentionSubject => {
		const takenAt = Date.parse(`2026-11-${String(day).padStart(2, '0')}T${hour}:00:00Z`);
		const id = `${new Date(takenAt).toISOString().replaceAll(/[-:.]/g, '')}-0000000${suffix}`;
		return { id, takenAt, state: 'complete', pinned: false, kind: 'full', ...changes };
	};
	return [
		night(23, 'a'),
		night(22, 'b', { verifiedAt: 1 }),
		night(21, 'c', {}, '15'),
		night(21, 'd'),
		night(20, 'e', { state: 'damaged' }),
		night(19, 'f', { state: 'failed' }),
		...[18, 17, 16, 15, 14].map((day, index) => night(day, String(index + 1))),
		night(1, '6', { pinned: true }),
	];
}
