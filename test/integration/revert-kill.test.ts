import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { ask } from '../support/jobs.ts';
import { endedRevert, reverted } from '../support/reverts.ts';

const isLong = process.env['CUSTODIAN_TEST_LONG'] !== undefined;
const KILLS = isLong ? 100 : 2;
const RECORDS = 8000;

/** How long the journal of so many records becomes, about. */
const JOURNAL_BYTES = 8000;

interface Counts {
	readonly records: number;
	readonly prices: Readonly<Record<string, number>>;
	readonly indexed: Readonly<Record<string, number>>;
}

test(
	`killed ${KILLS} times while it applies, it comes to the same end, and writes nothing twice`,
	async () => {
		await using harper = await startHarper({
			components: [
				{ name: 'harper-custodian', source: builtComponent() },
				{ name: 'market', source: join(import.meta.dirname, '../support/fixtures/market') },
			],
			config: { custodian: { snapshots: [] } },
		});
		await fill(harper, 'ann', 5);
		let resumed = 0;
		for (let kill = 1; kill <= KILLS; kill++) {
			const as = `bad-${kill}-`;
			// Of a log that grows with each round, only what is new is looked through.
			const since = Date.now() - 1000;
			await fill(harper, as, 666);
			const revert = await reverted(harper, { select: { users: [as], since }, dryRun: true });
			expect(revert.plan?.totals.byDecision).toMatchObject({ write: RECORDS });
			const before = await entriesOf(harper);
			const body = { plan: revert.hash };
			await ask(harper, `/custodian/reverts/${revert.id}/apply`, { method: 'POST', body });
			// The first one comes while it is being applied, wherever the machine is slow.
			await killed(harper, revert.id, kill === 1 ? 0.3 : Math.random());
			const done = await endedRevert(harper, revert.id, 180_000);
			expect(done.receipt).toMatchObject({ complete: true, counts: { written: RECORDS, drifted: 0 } });
			expect(await counts(harper)).toEqual({ records: RECORDS, prices: { 5: RECORDS }, indexed: { 5: RECORDS } });
			expect((await entriesOf(harper)) - before).toBe(RECORDS);
			const { body: job } = await ask<{ resumed?: number }>(harper, `/custodian/jobs/${done.job}`);
			resumed += job.resumed ?? 0;
		}
		// Otherwise none of the kills came while it was being applied.
		expect(resumed).toBeGreaterThan(0);
	},
	60_000 + KILLS * 20_000
);

/** Some come when so much of the journal is written, others whenever they come. */
async function killed(harper: Harper, id: string, chance: number): Promise<void> {
	const journal = join(harper.root, 'custodian/reverts', id, 'journal.jsonl');
	const { pid } = harper;
	if (pid === undefined) throw new Error('It does not run');
	const bytes = () => statSync(journal, { throwIfNoEntry: false })?.size ?? 0;
	const wanted = chance * 1.2 * JOURNAL_BYTES;
	const latest = performance.now() + 3000;
	while (bytes() < wanted && performance.now() < latest) await new Promise((resolve) => void setImmediate(resolve));
	process.kill(pid, 'SIGKILL');
	await harper.kill();
	await harper.start();
}

async function fill(harper: Harper, as: string, price: number): Promise<void> {
	const body = { table: 'Article', records: RECORDS, as, prefix: 'k', price };
	const { status } = await ask(harper, '/MarketFill', { method: 'POST', body });
	expect(status).toBe(200);
}

async function counts(harper: Harper): Promise<Counts> {
	return (await ask<Counts>(harper, '/MarketCounts?table=Article')).body;
}

async function entriesOf(harper: Harper): Promise<number> {
	return (await ask<{ entries: number }>(harper, '/MarketEntries?as=admin')).body.entries;
}
