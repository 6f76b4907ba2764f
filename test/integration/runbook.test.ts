import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { codeBlocks, readPage } from '../docs/pages.ts';
import { builtComponent } from '../support/component.ts';
import { admin, startHarper, type Credentials, type Harper } from '../support/harper.ts';
import { ask } from '../support/jobs.ts';

const execute = promisify(execFile);
const PRODUCTS = 30;
const bot: Credentials = { username: 'import-bot', password: 'pw' };

test('the runbook for deleted data puts it back, and takes that back as well', async () => {
	await using harper = await startHarper({
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'shop', source: join(import.meta.dirname, '../support/fixtures/shop') },
		],
		config: { custodian: { snapshots: [] } },
	});
	await harper.operation({ operation: 'add_user', role: 'super_user', active: true, ...bot });
	const ids = Array.from({ length: PRODUCTS }, (_, n) => `p${n}`);
	for (const id of ids) await request(harper, 'PUT', id, admin, { id, name: `product ${id}`, price: 1 });
	for (const id of ids) await request(harper, 'DELETE', id, bot);
	// One was made again by hand before anybody read the runbook.
	await request(harper, 'PUT', 'p0', admin, { id: 'p0', name: 'made by hand', price: 2 });

	const page = readPage('docs/runbook-deleted-data.md');
	const undoing = page.slice(0, page.indexOf('## If the revert was wrong')).split('\n').length;
	const blocks = codeBlocks(page).filter(({ language }) => language === 'sh');
	const [functions, ...steps] = blocks;
	const before = steps.filter(({ line }) => line < undoing);
	const after = steps.filter(({ line }) => line >= undoing);
	expect([before.length, after.length]).toEqual([7, 1]);

	const first = await run(harper, [functions, ...before, { text: 'printf "\\nREVERT %s" "$REVERT"' }]);
	const revert = /REVERT (\S+)$/.exec(first)?.[1];
	expect(first).toContain('"key":"import-bot"');
	expect(first).toContain('"complete":true');
	const { body } = await ask<{ receipt: object }>(harper, `/custodian/reverts/${revert}`);
	expect(body.receipt).toMatchObject({ by: 'admin', counts: { written: PRODUCTS - 1, left: 1, drifted: 0 } });
	expect(await products(harper)).toEqual(
		Object.fromEntries(ids.map((id) => [id, id === 'p0' ? 'made by hand' : `product ${id}`]))
	);

	await run(harper, [functions, { text: `REVERT=${revert}` }, ...after]);
	expect(await products(harper)).toEqual({ p0: 'made by hand' });
});

/** Runs what a person would paste into one shell, and resolves with all that it has printed. */
async function run(harper: Harper, blocks: readonly ({ readonly text: string } | undefined)[]): Promise<string> {
	const script = blocks.map((block) => block?.text ?? '').join('\n');
	const { stdout } = await execute('bash', ['-euo', 'pipefail', '-c', script], {
		env: {
			PATH: process.env['PATH'],
			CUSTODIAN: `${harper.httpUrl}/custodian`,
			AUTH: `${admin.username}:${admin.password}`,
		},
		timeout: 60_000,
	});
	return stdout;
}

async function request(harper: Harper, method: string, id: string, user: Credentials, body?: object): Promise<void> {
	const { status } = await ask(harper, `/Product/${id}`, { method, user, ...(body ? { body } : {}) });
	expect(status).toBeLessThan(300);
}

async function products(harper: Harper): Promise<Readonly<Record<string, string>>> {
	const { body } = await ask<{ id: string; name: string }[]>(harper, '/Product/?limit(1000)');
	return Object.fromEntries(body.map(({ id, name }) => [id, name]));
}
