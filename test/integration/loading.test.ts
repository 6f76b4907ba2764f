import { cp, mkdtemp, readFile, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { builtComponent, componentTarball, copyOfBuiltComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { checkout, runDirectory } from '../support/run.ts';
import { eventually } from '../support/wait.ts';

test('it loads with `harperdb run` from a built checkout', async () => {
	await using harper = await startHarper({ application: { command: 'run', directory: checkout } });
	await expectToServe(harper);
});

test('it loads with `harperdb dev` from a built checkout', async () => {
	await using harper = await startHarper({ application: { command: 'dev', directory: checkout } });
	await expectToServe(harper);
});

test('it loads as a directory in components/', async () => {
	await using harper = await startHarper({ components: [{ name: 'harper-custodian', source: builtComponent() }] });
	await expectToServe(harper);
});

test('it loads as a symlink in components/', async () => {
	const source = await copyOfBuiltComponent();
	await using harper = await startHarper({ components: [{ name: 'custodian', source, as: 'symlink' }] });
	await expectToServe(harper);
});

test('it loads after a restart operation has replaced the whole process', async () => {
	await using harper = await startHarper({ components: [{ name: 'harper-custodian', source: builtComponent() }] });
	const former = harper.pid;
	await harper.operation({ operation: 'restart' });
	await eventually(() => harper.pid !== undefined && harper.pid !== former, { describe: 'another process takes over' });
	await expectToServe(harper);
	await harper.stop();
	expect(harper.processes()).toEqual([]);
});

test('it loads when deployed as a local directory', async () => {
	const directory = await copyOfBuiltComponent();
	await using harper = await startHarper({ env: { PATH: await pathWithoutNpm() } });
	await deploy(harper, { package: directory });
	await expectToServe(harper);
});

test('it loads when deployed as an archive, without npm on the host', async () => {
	const archive = join(await mkdtemp(join(runDirectory(), 'archive-')), basename(await componentTarball()));
	await cp(await componentTarball(), archive);
	await using harper = await startHarper({ env: { PATH: await pathWithoutNpm() } });
	await deploy(harper, { package: archive });
	await expectToServe(harper);
});

test('it loads when deployed as a payload, without npm on the host', async () => {
	await using harper = await startHarper({ env: { PATH: await pathWithoutNpm() } });
	await deploy(harper, { payload: (await readFile(await componentTarball())).toString('base64') });
	await expectToServe(harper);
});

test('it loads when deployed with `restart: true`', async () => {
	await using harper = await startHarper({ env: { PATH: await pathWithoutNpm() } });
	const payload = (await readFile(await componentTarball())).toString('base64');
	await harper.whileWorkersRestart(() =>
		harper.operation({ operation: 'deploy_component', project: 'custodian', payload, restart: true })
	);
	await expectToServe(harper);
});

async function deploy(harper: Harper, what: { package: string } | { payload: string }): Promise<void> {
	await harper.operation({ operation: 'deploy_component', project: 'harper-custodian', ...what });
	await harper.restartWorkers();
}

async function expectToServe(harper: Harper): Promise<void> {
	await eventually(
		async () => {
			const response = await harper.fetch('/custodian/metrics');
			expect(response.status).toBe(200);
			expect(await response.text()).toMatch(/^harper_up 1$/m);
		},
		{ describe: 'a scrape says that Harper is up', timeoutMs: 15_000 }
	);
	expect((await harper.fetch('/custodian/metrics', { user: null })).status).toBe(401);
}

/** A PATH with Node on it and nothing else. */
async function pathWithoutNpm(): Promise<string> {
	const directory = await mkdtemp(join(runDirectory(), 'path-'));
	await symlink(process.execPath, join(directory, 'node'));
	return directory;
}
