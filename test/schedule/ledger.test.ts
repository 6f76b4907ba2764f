import { describe, expect, it } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import { repositoryLedger, type Verdict } from '../../lib/schedule/ledger.ts';
import { MemoryObjects } from '../support/memory-objects.ts';

const ID = 'nightly@2026-03-01T02:00:00.000Z';

describe('the ledger', () => {
	it('gives everybody the first proposal', async () => {
		const ledger = repositoryLedger(new MemoryObjects(), 'cluster/');
		expect(await ledger.verdict(ID)).toBeUndefined();
		const verdicts = await Promise.all(
			['a', 'b', 'c'].map((by, token) => ledger.propose(ID, { by, token, detail: `Schnappschuß ${by} ✓` }))
		);
		expect(new Set(verdicts.map(({ by }) => by)).size).toBe(1);
		expect(await ledger.verdict(ID)).toEqual(verdicts[0]);
		expect(await ledger.verdict('nightly@2026-03-02T02:00:00.000Z')).toBeUndefined();
	});

	it('knows its own proposal again when the answer to it was lost', async () => {
		const objects = new MemoryObjects();
		const deaf = {
			read: (key: string) => objects.read(key),
			write: async (key: string, bytes: AsyncIterable<Uint8Array>) => {
				await objects.write(key, bytes);
				throw new CustodianError('repository_unreachable', key, 'No answer.');
			},
		};
		const mine: Verdict = { by: 'a', token: 3 };
		await expect(repositoryLedger(deaf, '').propose(ID, mine)).rejects.toThrow('No answer.');
		expect(await repositoryLedger(objects, '').propose(ID, { by: 'b', token: 4 })).toEqual(mine);
	});

	it('keeps to the letters of a key, whatever a schedule is called', async () => {
		const objects = new MemoryObjects();
		await repositoryLedger(objects, 'cluster/').propose("a'b (c)/../ü!*@2026-03-01T02:00:00.000Z", {
			by: 'a',
			token: 1,
		});
		const [key = ''] = objects.objects.keys();
		expect(key).toBe(
			'cluster/occurrences/a%27b%20%28c%29%2F..%2F%C3%BC%21%2A%402026-03-01T02%3A00%3A00.000Z/verdict.json'
		);
		expect(key).toMatch(/^(?:[A-Za-z0-9._~%-]+\/)*[A-Za-z0-9._~%-]+$/);
	});

	it.each(['', '{}', '{"version":2,"by":"a","token":1}', '{"version":1,"by":"a","token":1,"more":1}'])(
		'refuses what is no verdict: `%s`',
		async (text) => {
			const objects = new MemoryObjects();
			const ledger = repositoryLedger(objects, '');
			await ledger.propose(ID, { by: 'a', token: 1 });
			for (const key of objects.objects.keys()) objects.objects.set(key, Buffer.from(text));
			await expect(ledger.verdict(ID)).rejects.toMatchObject({ code: 'verdict_invalid' });
			await expect(ledger.propose(ID, { by: 'b', token: 1 })).rejects.toMatchObject({ code: 'verdict_invalid' });
		}
	);

	it('decides nothing where the repository does not answer', async () => {
		const silent = {
			write: async () => Promise.reject(new Error('unreachable')),
			// eslint-disable-next-line require-yield
			async *read(): AsyncIterable<Uint8Array> {
				throw new Error('unreachable');
			},
		};
		await expect(repositoryLedger(silent, '').verdict(ID)).rejects.toThrow('unreachable');
		await expect(repositoryLedger(silent, '').propose(ID, { by: 'a', token: 1 })).rejects.toThrow('unreachable');
	});
});
