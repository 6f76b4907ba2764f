import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packedDirectory } from '../support/component.ts';
import { checkout } from '../support/run.ts';
import { eventually } from '../support/wait.ts';

const env = { ...process.env, CUSTODIAN_PACKED: packedDirectory() };

test('the demo shows a scrape of its traffic and a proved snapshot, says how to make them, and leaves', async () => {
	const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'demo', '--', '--once'], {
		cwd: checkout,
		env,
	});
	expect(stdout).toMatch(/^harper_up 1$/m);
	expect(stdout).toMatch(/^harper_\w+_total\{.*Product.*\} \d+$/m);
	expect(stdout).toMatch(/^ {2}"database": "shop",$/m);
	expect(stdout).toMatch(/^ {4}"result": "good",?$/m);
	expect(stdout).toMatch(/curl -u scraper:\S+ http:\/\/127\.\S+\/custodian\/metrics$/m);
});

test('a run that is killed leaves no process and no file behind', async () => {
	const demo = spawn(process.execPath, [join(checkout, 'test/dist/demo.js')], {
		env,
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let output = '';
	demo.stdout.on('data', (chunk) => (output += String(chunk)));
	await eventually(() => output.includes('Ctrl-C'), { describe: 'the demo serves', timeoutMs: 100_000 });
	const [url = ''] = /http:\S+\/custodian\/metrics/.exec(output) ?? [];
	const directory = runOf(demo.pid!);
	demo.kill('SIGKILL');
	await eventually(() => !existsSync(directory), { describe: `${directory} is removed` });
	await expect(fetch(url)).rejects.toThrow('fetch failed');
});

/** The directory of a run is the argument of the reaper that its process started. */
function runOf(pid: number): string {
	const [reaper = ''] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
		.trim()
		.split(' ')
		.map((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8'))
		.filter((commandLine) => commandLine.includes('reaper.sh'));
	const directory = reaper.split('\0')[2];
	if (directory === undefined) throw new Error(`Process ${pid} has no reaper`);
	return directory;
}
