import { beforeAll, expect, test } from 'vitest';
import { startHarper } from '../support/harper.ts';
import { lineToEachWorker } from '../support/line.ts';
import { parse } from '../support/openmetrics.ts';
import { node22 } from '../support/node22.ts';
import { checkout } from '../support/run.ts';
import { traffic } from '../support/traffic.ts';
import { untruths, withWitness } from '../support/truth.ts';

let execPath: string;

beforeAll(async () => {
	execPath = await node22();
});

test('it loads on Node 22 with `harperdb run` from a built checkout', async () => {
	await using harper = await startHarper({ execPath, application: { command: 'run', directory: checkout } });
	expect(await (await harper.fetch('/custodian/metrics')).text()).toMatch(/^harper_custodian_build_info\{.*"v22\./m);
});

test('on Node 22 every worker serves both formats and agrees with the raw log, over a worker restart and a SIGKILL', async () => {
	await using harper = await startHarper({ execPath, components: withWitness(), workers: 2 });
	for (const line of await lineToEachWorker(harper)) {
		const text = await line.ask('/metrics');
		expect(text.body.toString()).toMatch(/^harper_custodian_build_info\{.*"v22\./m);
		parse(text.body, 'text');
		parse((await line.ask('/metrics', { headers: { accept: 'application/openmetrics-text' } })).body, 'openmetrics');
		expect((await line.ask('/metrics', { user: null })).status).toBe(401);
		line[Symbol.dispose]();
	}
	await Promise.all([traffic(harper, 1000), harper.restartWorkers()]);
	expect(await untruths(harper)).toEqual([]);
	await Promise.all([traffic(harper, 1000), harper.kill()]);
	await harper.start();
	expect(await untruths(harper)).toEqual([]);
});
