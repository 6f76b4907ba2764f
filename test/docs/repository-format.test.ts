import { expect, test } from 'vitest';
import { repositoryLedger } from '../../lib/schedule/ledger.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { codeBlocks, readPage } from './pages.ts';

const page = readPage('docs/repository-format.md');

test('a verdict lies where the page says, and reads as it says', async () => {
	const repository = new MemoryRepository();
	const shown = codeBlocks(page).find(({ language, text }) => language === 'json' && text.includes('"token"'));
	const { version, ...verdict } = JSON.parse(shown?.text ?? '{}');
	await repositoryLedger(repository, '~cluster/').propose('nightly@2026-11-23T01:00:00.000Z', verdict);
	const [key = '', bytes] = [...repository.objects][0] ?? [];
	expect(page).toContain(`\`${key.split('/').at(-2)}\``);
	expect(page).toContain(key.replace(/[^/]+(?=\/verdict)/, '<id>'));
	expect(JSON.parse(Buffer.from(bytes ?? []).toString())).toEqual({ version, ...verdict });
});

test('the page says what files are called that are being written', () => {
	expect(page).toContain('`<milliseconds since the epoch>-<16 hexadecimal digits>-<end of the key>`');
});
