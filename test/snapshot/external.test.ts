import { describe, expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import type { Job } from '../../lib/jobs/job.ts';
import { readCatalogue, readManifest } from '../../lib/snapshot/catalogue.ts';
import { externalManifest, externalWork, type ExternalPorts } from '../../lib/snapshot/external.ts';
import { manifestText, parseManifest } from '../../lib/snapshot/manifest.ts';
import { CommandLog } from '../support/command-log.ts';
import { MemoryRepository } from '../support/memory-repository.ts';

const signal = new AbortController().signal;
const AT = Date.parse('2026-11-23T01:00:00Z');
const versions = { custodian: '1', harper: '4.7.29', node: '20' };
const schedule = { name: 'volumes', occurrence: 'volumes@2026-11-23T01:00:00.000Z' };
const command = ['/lvm', 'snap'];
const hooks = { pre: ['/pre'], post: ['/post'], timeout: 1000 };

test('the record of a volume snapshot is a manifest that holds nothing', () => {
	const facts = { id: idOf(0), node: 'n1', database: 'data', takenAt: AT, versions, tookMs: 12.4, output: 'vg/s1\n' };
	const manifest = externalManifest(facts);
	expect(parseManifest(manifestText(manifest), 'm')).toEqual(manifest);
	expect(manifest).toMatchObject({ kind: 'external', objects: [], tookMs: { copy: 12, store: 0 } });
});

describe('a run', () => {
	test('takes one volume snapshot of all databases, and records it for each in every place', async () => {
		const { commands, work, main, copy } = house();
		expect(await work(jobOf({ databases: ['*'], schedule, label: 'night' }), () => undefined, signal)).toEqual({
			taken: [
				{ kind: 'external', database: 'data', id: idOf(0), takenAt: AT, problems: [] },
				{ kind: 'external', database: 'shop', id: idOf(1), takenAt: AT, problems: [] },
			],
			failed: [],
			hooks: { pre: { output: 'said /pre' }, post: { output: 'said /post' } },
		});
		expect(commands.log.map(({ words, timeoutMs }) => [words, timeoutMs])).toEqual([
			[['/pre'], 1000],
			[['/lvm', 'snap'], 60_000],
			[['/post'], 1000],
		]);
		expect(commands.log[1]?.env).toEqual({
			CUSTODIAN_HOOK: 'external',
			CUSTODIAN_JOB: 'j1',
			CUSTODIAN_NODE: 'n1',
			CUSTODIAN_DATABASES: 'data\nshop',
			CUSTODIAN_SNAPSHOTS: `${idOf(0)}\n${idOf(1)}`,
			CUSTODIAN_SCHEDULE: schedule.name,
			CUSTODIAN_OCCURRENCE: schedule.occurrence,
		});
		for (const repository of [main, copy]) {
			const entries = await readCatalogue(repository, new Map());
			expect(entries.map(({ database, problem, summary }) => [database, problem, summary?.kind])).toEqual([
				['data', undefined, 'external'],
				['shop', undefined, 'external'],
			]);
		}
		expect(await readManifest(main, `n1/shop/snapshots/${idOf(1)}/`)).toMatchObject({
			schedule,
			label: 'night',
			external: { output: 'said /lvm' },
		});
	});

	test('writes no record before the last command: the volume of the repository may be held until then', async () => {
		const { commands, work, main } = house();
		const seen: number[] = [];
		const { run } = commands;
		const watching: typeof run = (...call) => {
			seen.push(main.objects.size);
			return run(...call);
		};
		await work(jobOf({ databases: ['*'] }), () => undefined, signal, watching);
		expect(seen).toEqual([0, 0, 0]);
	});

	test.each(['/pre', '/lvm'])('in which %s fails records nothing', async (program) => {
		const { work, main } = house({ [program]: new CustodianError('command_failed', program, 'No.') });
		await expect(work(jobOf({ databases: ['*'] }), () => undefined, signal)).rejects.toMatchObject({
			code: program === '/pre' ? 'hook_failed' : 'command_failed',
			result: { hooks: { post: { output: 'said /post' } } },
		});
		expect(main.objects.size).toBe(0);
	});

	test('records the other databases where one cannot be recorded', async () => {
		const { work, main } = house();
		main.objects.set(`n1/data/snapshots/${idOf(0)}/manifest.json`, new Uint8Array());
		await expect(work(jobOf({ databases: ['*'] }), () => undefined, signal)).rejects.toMatchObject({
			code: 'object_exists',
			result: { taken: [{ database: 'shop' }], failed: [{ database: 'data', error: { code: 'object_exists' } }] },
		});
	});

	test('that is tried again takes no second volume snapshot of what has its record', async () => {
		const { commands, work, done } = house();
		done.add('data');
		const again = jobOf({ databases: ['*'], schedule });
		expect(await work(again, () => undefined, signal)).toMatchObject({ taken: [{ database: 'shop' }], failed: [] });
		expect(commands.log[1]?.env).toMatchObject({ CUSTODIAN_DATABASES: 'shop' });
		commands.log.length = 0;
		done.add('shop');
		expect(await work(again, () => undefined, signal)).toEqual({ taken: [], failed: [] });
		expect(commands.log).toEqual([]);
		await work(jobOf({ databases: ['*'] }), () => undefined, signal);
		expect(commands.log).toHaveLength(3);
	});

	test('that cannot be copied is a success with a problem', async () => {
		const { work, copy } = house();
		copy.capacityBytes = 1;
		const result = await work(jobOf({ databases: ['data'] }), () => undefined, signal);
		expect(result).toMatchObject({ taken: [{ problems: [expect.stringMatching(/^No copy in away: /)] }] });
	});

	test('pins what shall stay', async () => {
		const { work, main } = house();
		await work(jobOf({ databases: ['data'], pin: true }), () => undefined, signal);
		expect((await readCatalogue(main, new Map())).map(({ pinned }) => pinned)).toEqual([true]);
	});
});

function house(failures: Readonly<Record<string, Error>> = {}) {
	const commands = new CommandLog(failures);
	const main = new MemoryRepository();
	const copy = new MemoryRepository();
	let made = 0;
	/** Of the occurrence. */
	const done = new Set<string>();
	const ports: ExternalPorts = {
		run: commands.run,
		databases: () => [
			{ name: 'data', fileBytes: 0 },
			{ name: 'shop', fileBytes: 0 },
		],
		places: [
			{ name: 'main', open: async () => main, cache: new Map() },
			{ name: 'away', open: async () => copy, cache: new Map() },
		],
		clock: { now: () => AT, monotonic: () => 0 },
		newId: () => idOf(made++),
		node: 'n1',
		versions,
		done: async (occurrence) => (occurrence === schedule.occurrence ? done : new Set()),
		prune: async () => undefined,
	};
	type Call = Parameters<ReturnType<typeof externalWork>>;
	const work = (job: Call[0], onProgress: Call[1], stop: Call[2], run = ports.run) =>
		externalWork({ command, hooks, timeout: 60_000 }, { ...ports, run })(job, onProgress, stop);
	return { commands, work, main, copy, done };
}

function idOf(index: number): string {
	return `20261123T010000000Z-0000000${index}`;
}

function jobOf(request: object): Job {
	return { id: 'j1', kind: 'snapshot', request, state: 'running', submittedAt: AT };
}
