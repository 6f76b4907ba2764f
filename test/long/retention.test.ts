import { expect, test } from 'vitest';
import { firstDisagreement } from '../support/retention-histories.ts';

const histories = Number(process.env['LONG_HISTORIES'] ?? 1_000_000);
const seed = Math.floor(Math.random() * 2 ** 32);

test(`planner and oracle agree on ${histories} random histories, seed ${seed}`, () => {
	expect(histories).toBeGreaterThan(0);
	expect(firstDisagreement(histories, seed)).toBeUndefined();
});
