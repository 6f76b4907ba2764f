import { expect, test } from 'vitest';
import { inTurn } from '../../lib/metrics/in-turn.ts';

test('work begins at once when nothing else is under way, and otherwise in the order of the calls', async () => {
	const exclusively = inTurn();
	const seen: string[] = [];
	const finish: (() => void)[] = [];
	const work = (name: string) =>
		exclusively(async () => {
			seen.push(`${name} begins`);
			await new Promise<void>((resolve) => finish.push(resolve));
			seen.push(`${name} ends`);
		});
	const [first, second] = [work('first'), work('second')];
	expect(seen).toEqual(['first begins']);
	finish[0]?.();
	await first;
	await expect.poll(() => finish.length).toBe(2);
	const third = work('third');
	finish[1]?.();
	await second;
	await expect.poll(() => finish.length).toBe(3);
	finish[2]?.();
	await third;
	expect(seen).toEqual(['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends']);
});

test('work that fails holds up nobody', async () => {
	const exclusively = inTurn();
	const failed = exclusively(async () => {
		throw new Error('no');
	});
	const next = exclusively(async () => 'yes');
	await expect(failed).rejects.toThrow('no');
	expect(await next).toBe('yes');
	expect(await exclusively(async () => 'again')).toBe('again');
});
