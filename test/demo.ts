// `npm run demo`: a throwaway Harper with the component as operators install it, some traffic, a scrape, a snapshot, a
// mistake and its revert.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { builtComponent, packComponent } from './support/component.ts';
import { admin, startHarper, type Credentials, type Harper } from './support/harper.ts';
import { ask, jobOf, takeSnapshots } from './support/jobs.ts';
import { reverted } from './support/reverts.ts';
import { checkout, openRun } from './support/run.ts';
import { eventually } from './support/wait.ts';

const stopAsked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);

const run = await openRun();
try {
	console.log('Packing the component and installing a Harper …');
	await packComponent();
	await using harper = await startHarper({
		root: join(run.directory, 'demo'),
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'shop', source: join(checkout, 'test/support/fixtures/shop') },
		],
	});
	const scraper = await addScraper(harper);
	await makeTraffic(harper);
	await explain(harper, scraper);
	await showSnapshot(harper);
	await showUndo(harper);
	if (!process.argv.includes('--once')) {
		console.log('Ctrl-C ends this Harper and removes its files.');
		await stopAsked;
	}
} finally {
	await run.close();
}

async function addScraper(harper: Harper): Promise<Credentials> {
	const scraper = { username: 'scraper', password: randomBytes(9).toString('base64url') };
	await harper.operation({
		operation: 'add_role',
		role: 'scraper',
		permission: { super_user: false },
		access: { custodian: 'scraper' },
	});
	await harper.operation({ operation: 'add_user', role: 'scraper', active: true, ...scraper });
	return scraper;
}

async function makeTraffic(harper: Harper): Promise<void> {
	for (let id = 1; id <= 20; id++) {
		const body = JSON.stringify({ id: String(id), name: `Product ${id}`, price: id });
		await harper.fetch(`/Product/${id}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
		await harper.fetch(`/Product/${id}`);
		await harper.fetch(`/missing/${id}`);
	}
	await harper.operation({ operation: 'describe_all' });
	await harper.operation({
		operation: 'search_by_id',
		database: 'shop',
		table: 'Product',
		ids: ['1'],
		get_attributes: ['*'],
	});
}

async function explain(harper: Harper, scraper: Credentials): Promise<void> {
	const path = '/custodian/metrics';
	const exposition = await eventually(
		async () => {
			const response = await harper.fetch(path, { user: scraper });
			const text = await response.text();
			if (!response.ok) throw new Error(`The scrape answered ${response.status}: ${text}`);
			return text.includes('path="Product"') && text;
		},
		// Harper writes its analytics about once a second.
		{ describe: 'a scrape shows the traffic' }
	);
	const lines = exposition.trim().split('\n');
	const families = lines.filter((line) => line.startsWith('# TYPE'));
	const traffic = lines.filter((line) => line.includes('"Product"') && !line.includes('_bucket'));
	console.log(`
Scrape URL   ${harper.httpUrl}${path}
Scraper      ${scraper.username} / ${scraper.password}
Admin        ${admin.username} / ${admin.password}
Operations   ${harper.operationsUrl}

The first of ${families.length} metric families:
${lines.slice(0, 12).join('\n')}

What they say about the traffic just made:
${traffic.slice(0, 12).join('\n')}

Try it:      curl -u ${scraper.username}:${scraper.password} ${harper.httpUrl}${path}
`);
}

async function showSnapshot(harper: Harper): Promise<void> {
	const [taken] = await takeSnapshots(harper, { databases: ['shop'], label: 'demo' });
	const verified = await jobOf(harper, `/custodian/snapshots/${taken?.id}/verify`, { depth: 'deep' });
	if (verified.state !== 'succeeded') throw new Error(`The snapshot is not whole: ${JSON.stringify(verified)}`);
	const { body } = await ask<object>(harper, `/custodian/snapshots/${taken?.id}`);
	console.log(`A snapshot of the database shop was taken, opened, and compared with its manifest:
${JSON.stringify(body, undefined, 2).split('\n').slice(0, 24).join('\n')}
  …

Try it:      curl -u ${admin.username}:${admin.password} ${harper.httpUrl}/custodian/snapshots
             curl -u ${admin.username}:${admin.password} -X POST ${harper.httpUrl}/custodian/snapshots
             curl -u ${admin.username}:${admin.password} ${harper.httpUrl}/custodian/schedule
`);
}

/** Somebody deletes what he should not; the log says who, and a revert puts it back. */
async function showUndo(harper: Harper): Promise<void> {
	const intern = { username: 'intern', password: randomBytes(9).toString('base64url') };
	await harper.operation({ operation: 'add_role', role: 'intern', permission: { super_user: true } });
	await harper.operation({ operation: 'add_user', role: 'intern', active: true, ...intern });
	for (let id = 1; id <= 5; id++) await harper.fetch(`/Product/${id}`, { method: 'DELETE', user: intern });
	const { body: summary } = await ask<{ groups: readonly object[] }>(
		harper,
		'/custodian/audit/shop/Product?type=delete&group=user'
	);
	const { receipt } = await reverted(harper, {
		database: 'shop',
		select: { users: [intern.username], types: ['delete'] },
		reason: 'These products are still sold.',
	});
	if (receipt?.counts.written !== 5) throw new Error(`Not everything is back: ${JSON.stringify(receipt)}`);
	console.log(`Then ${intern.username} deleted five products. Who deleted how much, as the audit log tells:
${JSON.stringify(summary.groups)}
One request has put them back, and nothing else was touched:
${JSON.stringify(receipt.counts)}

Try it:      curl -u ${admin.username}:${admin.password} '${harper.httpUrl}/custodian/audit/shop/Product?limit=3'
             curl -u ${admin.username}:${admin.password} ${harper.httpUrl}/custodian/records/shop/Product/1
             curl -u ${admin.username}:${admin.password} ${harper.httpUrl}/custodian/reverts
`);
}
