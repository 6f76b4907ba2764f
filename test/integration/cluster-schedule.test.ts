import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtComponent } from '../support/component.ts';
import { admin, startHarper, type Harper } from '../support/harper.ts';
import { ask } from '../support/jobs.ts';
import { runDirectory } from '../support/run.ts';
import { eventually } from '../support/wait.ts';

interface ScheduleEntry {
	readonly what: string;
	readonly why?: string;
	readonly occurrence: string;
	readonly detail?: string;
}

interface ListedSnapshot {
	readonly id: string;
	readonly node: string;
	readonly manifest?: { readonly schedule?: { readonly occurrence: string } };
}

const components = [
	{ name: 'harper-custodian', source: builtComponent() },
	{ name: 'shop', source: join(import.meta.dirname, '../support/fixtures/shop') },
];

let here: Harper;
let peer: Harper;

beforeAll(async () => {
	const directory = join(runDirectory(), 'shared-repository');
	await mkdir(directory);
	// The command before each run leaves time to see it, and to kill its node.
	const shared = { every: '1m', scope: 'cluster', databases: ['shop'], hooks: { pre: ['/bin/sleep', '8'] } };
	const config = { custodian: { repository: { directory }, snapshots: [{ name: 'shared', ...shared }] } };
	here = await startHarper({ components, config });
	peer = await startHarper({ components, config });
});

afterAll(async () => {
	await peer[Symbol.asyncDispose]();
	await here[Symbol.asyncDispose]();
});

test('of two nodes that do not see each other both run an occurrence, and one run counts', async () => {
	const [mine, theirs] = await eventually(
		async () => {
			const [a, b] = [await recordOf(here), await recordOf(peer)];
			const both = a.find((entry) => isStart(entry) && b.some((other) => isStart(other) && same(entry, other)));
			const [endA, endB] = [a, b].map((record) => record.find((entry) => isEnd(entry) && both && same(entry, both)));
			return endA && endB ? ([endA, endB] as const) : false;
		},
		{ describe: 'both nodes have ended the same occurrence', timeoutMs: 170_000 }
	);
	expect([mine, theirs].filter(({ why }) => why === 'elsewhere')).toHaveLength(1);
	expect(await nodesOf(mine.occurrence)).toHaveLength(1);
}, 200_000);

test('of two nodes that do, the other one takes over within a minute from one that is killed', async () => {
	const authorization = { username: admin.username, password: admin.password };
	await here.operation({ operation: 'add_node', hostname: peer.address, verify_tls: false, authorization });
	const { runner, other, occurrence } = await eventually(runningAlone, {
		describe: 'one node runs an occurrence, and the other one waits',
		timeoutMs: 200_000,
	});
	await runner.kill();
	const killedAt = performance.now();
	await eventually(() => isRunning(other, occurrence), {
		describe: 'the other node runs the occurrence',
		timeoutMs: 90_000,
	});
	expect(performance.now() - killedAt).toBeLessThan(60_000);
	await eventually(
		async () => (await recordOf(other)).some((entry) => isEnd(entry) && entry.occurrence === occurrence),
		{
			describe: 'it succeeds',
			timeoutMs: 60_000,
		}
	);
	await runner.start();
	await eventually(
		async () => (await recordOf(runner)).some((entry) => isEnd(entry) && entry.occurrence >= occurrence),
		{
			describe: 'the killed node knows of it',
			timeoutMs: 120_000,
		}
	);
	expect(await nodesOf(occurrence)).toEqual([other.address]);
}, 500_000);

async function runningAlone() {
	for (const [runner, other] of [
		[here, peer],
		[peer, here],
	] as const) {
		const started = (await recordOf(runner))[0];
		if (!started || !isStart(started) || !(await isRunning(runner, started.occurrence))) continue;
		const waiting = (await recordOf(other))[0];
		const waits =
			waiting && isStart(waiting) && same(waiting, started) && !(await isRunning(other, started.occurrence));
		if (waits) return { runner, other, occurrence: started.occurrence };
	}
	return false as const;
}

/** The newest entry first. */
async function recordOf(harper: Harper): Promise<readonly ScheduleEntry[]> {
	const { body } = await ask<{ schedules: { record: ScheduleEntry[] }[] }>(harper, '/custodian/schedule');
	return body.schedules[0]?.record ?? [];
}

/** Whether a job of the node is at work for the occurrence; one that waits for its lease has none. */
async function isRunning(harper: Harper, occurrence: string): Promise<boolean> {
	const { body } = await ask<{ jobs: { request: { schedule?: { occurrence: string } } }[] }>(
		harper,
		'/custodian/jobs?state=running&kind=snapshot'
	);
	return body.jobs.some(({ request }) => request.schedule?.occurrence === occurrence);
}

/** The nodes that hold a snapshot of the occurrence, as the shared repository tells. */
async function nodesOf(occurrence: string): Promise<readonly string[]> {
	const { body } = await ask<{ snapshots: ListedSnapshot[] }>(
		here.pid === undefined ? peer : here,
		'/custodian/snapshots'
	);
	const nodes: string[] = [];
	for (const { id, node } of body.snapshots) {
		const { body: shown } = await ask<ListedSnapshot>(here, `/custodian/snapshots/${id}`);
		if (shown.manifest?.schedule?.occurrence === occurrence) nodes.push(node);
	}
	return nodes;
}

function isStart({ what }: ScheduleEntry): boolean {
	return what === 'started';
}

function isEnd({ what }: ScheduleEntry): boolean {
	return what === 'succeeded';
}

function same(a: ScheduleEntry, b: ScheduleEntry): boolean {
	return a.occurrence === b.occurrence;
}
