import { describe, expect, test } from 'vitest';
import { policies } from '../../lib/revert/record-plan.ts';
import { firstWrong } from '../support/revert-histories.ts';

const HISTORIES = 5000;

describe('reverts of random histories', () => {
	const seen = new Set<string>();

	test('leave what a world without the selected changes would have, and can be undone', async () => {
		expect(await firstWrong(HISTORIES, 1, seen)).toBeUndefined();
	});

	test('cover every selection under every policy', () => {
		expect(seen.size).toBe(8 * policies.length);
	});
});
