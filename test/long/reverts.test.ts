import { expect, test } from 'vitest';
import { firstWrong } from '../support/revert-histories.ts';

const histories = Number(process.env['LONG_HISTORIES'] ?? 100_000);
const seed = Math.floor(Math.random() * 2 ** 31);

test(`reverts of ${histories} random histories leave what the model says, seed ${seed}`, async () => {
	expect(histories).toBeGreaterThan(0);
	expect(await firstWrong(histories, seed)).toBeUndefined();
});
