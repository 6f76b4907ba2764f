import { cp, mkdtemp, readFile, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { builtComponent, componentTarball, copyOfBuiltComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { checkout, runDirectory } from '../support/run.ts';
import { eventually } from '../support/wait.ts';

test('it loads with `harperdb run` from a built checkout', async () => {
	await using harper = await startHarper({ application: { command: 'run', directory: checkout } });
	expect(await scrape(harper)).toEqual(served);
});

test('it loads with `harperdb dev` from a built checkout', async () => {
	await using harper = await startHarper({ application: { command: 'dev', directory: checkout } });
	expect(await scrape(harper)).toEqual(served);
});

test('it loads as a directory in components/', async () => {
	await using harper = await startHarper({ components: [{ name: 'harper-custodian', source: builtComponent() }] });
	expect(await scrape(harper)).toEqual(served);
});

test('it loads as a symlink in components/', async () => {
	const source = await copyOfBuiltComponent();
	await using harper = await startHarper({ components: [{ name: 'custodian', source, as: 'symlink' }] });
	expect(await scrape(harper)).toEqual(served);
});

test('it loads after a restart operation has replaced the whole process', async () => {
	await using harper = await startHarper({ components: [{ name: 'harper-custodian', source: builtComponent() }] });
	const former = harper.pid;
	await harper.operation({ operation: 'restart' });
	await eventually(() => harper.pid !== undefined && harper.pid !== former, { describe: 'another process takes over' });
	expect(await scrape(harper)).toEqual(served);
	await harper.stop();
	// A child of ours that was at work ends when it finds its parent gone.
	await eventually(() => harper.processes().length === 0, { describe: 'every process of it has ended' });
});

test('it loads when deployed as a local directory', async () => {
	const directory = await copyOfBuiltComponent();
	await using harper = await startHarper({ env: { PATH: await pathWithoutNpm() } });
	await deploy(harper, { package: directory });
	expect(await scrape(harper)).toEqual(served);
});

test('it loads when deployed as an archive, without npm on the host', async () => {
	const archive = join(await mkdtemp(join(runDirectory(), 'archive-')), basename(await componentTarball()));
	await cp(await componentTarball(), archive);
	await using harper = await startHarper({ env: { PATH: await pathWithoutNpm() } });
	await deploy(harper, { package: archive });
	expect(await scrape(harper)).toEqual(served);
});

test('it loads when deployed as a payload, without npm on the host', async () => {
	await using harper = await startHarper({ env: { PATH: await pathWithoutNpm() } });
	await deploy(harper, { payload: (await readFile(await componentTarball())).toString('base64') });
	expect(await scrape(harper)).toEqual(served);
});

test('it loads when deployed with `restart: true`', async () => {
	await using harper = await startHarper({ env: { PATH: await pathWithoutNpm() } });
	const payload = (await readFile(await componentTarball())).toString('base64');
	await harper.whileWorkersRestart(() =>
		harper.operation({ operation: 'deploy_component', project: 'custodian', payload, restart: true })
	);
	expect(await scrape(harper)).toEqual(served);
});

async function deploy(harper: Harper, what: { package: string } | { payload: string }): Promise<void> {
	await harper.operation({ operation: 'deploy_component', project: 'harper-custodian', ...what });
	await harper.restartWorkers();
}

const served = { status: 200, up: 'harper_up 1', strangers: 401 };

async function scrape(harper: Harper): Promise<typeof served> {
	const response = await eventually(
		async () => {
			const answer = await harper.fetch('/custodian/metrics');
			return answer.ok && answer;
		},
		{ describe: 'a scrape succeeds', timeoutMs: 15_000 }
	);
	const up = /^harper_up .*$/m.exec(await response.text())?.[0] ?? 'no harper_up';
	const { status: strangers } = await harper.fetch('/custodian/metrics', { user: null });
	return { status: response.status, up, strangers };
}

/** A PATH with Node on it and nothing else. */
async function pathWithoutNpm(): Promise<string> {
	const directory = await mkdtemp(join(runDirectory(), 'path-'));
	await symlink(process.execPath, join(directory, 'node'));
	return directory;
}
