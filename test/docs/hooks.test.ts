import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../../lib/adapters/command.ts';
import { parseConfiguration } from '../../lib/config.ts';
import { hookEnv, type HookFacts } from '../../lib/snapshot/hooks.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { codeBlocks, readPage } from './pages.ts';

const page = readPage('docs/hooks.md');
const blocks = codeBlocks(page);

const facts: HookFacts = {
	job: '20261123T010000000Z-5f0c61aa',
	node: 'n1',
	databases: ['data', 'my shop'],
	snapshots: ['s1', 's2'],
	schedule: { name: 'volume', occurrence: 'volume@2026-11-23T00:00:00.000Z' },
};

test.each(blocks.filter(({ language }) => language === 'yaml'))(
	'the configuration at line $line is one',
	({ text }) => {
		expect(parseConfiguration(parse(text).custodian)).toMatchObject({ valid: true });
	}
);

test('the page names the time limit of a volume snapshot as it is configured', () => {
	const external = { name: 'n', every: '6h', external: ['/bin/true'] };
	const { protection } = parseConfiguration({ snapshots: [external] }).configuration;
	expect(protection?.snapshots[0]?.externalTimeout).toBe(30 * 60_000);
	expect(page).toContain('The time limit of `external` is `externalTimeout` of the schedule, 30 minutes');
});

test('the table names every variable that a command is told', () => {
	const rows = [...page.matchAll(/^\| `(CUSTODIAN_\w+)`/gm)].map(([, name]) => name);
	const told = ['pre', 'post', 'external'].flatMap((hook) => Object.keys(hookEnv(hook as 'pre', facts)));
	expect(new Set(rows)).toEqual(new Set([...told, 'CUSTODIAN_RESULT']));
});

describe('the scripts of the page', () => {
	test.each([
		['zfs', ['tank/harper'], `tank/harper@custodian-${facts.job}`, `snapshot tank/harper@custodian-${facts.job}`],
		[
			'lvcreate',
			['vg', 'harper'],
			`vg/custodian-${facts.job}`,
			`--snapshot --permission r --extents 20%ORIGIN --name custodian-${facts.job} vg/harper`,
		],
	])('take a snapshot with %s and say where it is', async (tool, words, place, asked) => {
		const script = await written(tool);
		const { output } = await runCommand([script, ...words], options, signal);
		expect(output.split('\n')).toEqual([`${tool} ${asked}`, place, '']);
	});

	test.each(['zfs', 'lvcreate'])('fail where %s does', async (tool) => {
		const script = await written(tool, 'exit 1');
		const failing = runCommand([script, 'tank/harper', 'x'], options, signal);
		await expect(failing).rejects.toMatchObject({ code: 'command_failed' });
	});
});

const signal = new AbortController().signal;
const options = { timeoutMs: 30_000, env: hookEnv('external', facts) };

/** The script of the page that uses a tool, and such a tool, which says what it was asked. */
async function written(tool: string, andThen = ''): Promise<string> {
	const directory = await temporaryDirectory();
	const bin = join(directory, 'bin');
	await mkdir(bin);
	await executable(join(bin, tool), `#!/bin/sh\necho "${tool} $*"\n${andThen}\n`);
	const path = process.env['PATH'];
	process.env['PATH'] = `${bin}:${path}`;
	onTestFinished(() => void (process.env['PATH'] = path));
	const text = blocks.find((block) => block.language === 'sh' && block.text.includes(`\n${tool} `))?.text ?? '';
	return executable(join(directory, 'script'), text);
}

async function executable(path: string, text: string): Promise<string> {
	await writeFile(path, text);
	await chmod(path, 0o755);
	return path;
}
