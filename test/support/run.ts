import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** One run of the tests, or of the demo: a temporary directory that nothing it started outlives. */
export interface Run {
	readonly directory: string;
	/** Ends every process that carries the run's mark and removes the directory. */
	close(): Promise<void>;
}

/** Test files run in children of the process that opened the run; they find it here. */
const directoryVariable = 'CUSTODIAN_TEST_DIRECTORY';
/** Stands in the environment of every process that a run starts, and so in that of whatever those start. */
const markVariable = 'CUSTODIAN_TEST_RUN';
const ownerVariable = 'CUSTODIAN_TEST_OWNER';

/** Whether the tests run that take long for their numbers: `npm run test:long`. */
export const long = process.env['CUSTODIAN_TEST_LONG'] === '1';

export const checkout = nearestPackage(import.meta.dirname);

export async function openRun(): Promise<Run> {
	const directory = await realpath(await mkdtemp(join(tmpdir(), 'harper-custodian-')));
	// A session of its own: a signal to the terminal's process group must not end the one who cleans up.
	const reaper = spawn(join(checkout, 'test/support/reaper.sh'), [directory], {
		stdio: ['pipe', 'ignore', 'inherit'],
		detached: true,
	});
	await once(reaper, 'spawn');
	process.env[directoryVariable] = directory;
	return {
		directory,
		async close() {
			const ended = once(reaper, 'exit');
			reaper.stdin.end();
			await ended;
		},
	};
}

export function runDirectory(): string {
	const directory = process.env[directoryVariable];
	if (directory === undefined) throw new Error('No run is open: test/support/global-setup.ts opens one for vitest');
	return directory;
}

/** The environment of a process that the run starts for `owner`: little of ours, and the marks. */
export function markedEnvironment(owner: string): Record<string, string> {
	const { PATH = '', TMPDIR = tmpdir(), LANG = 'C.UTF-8' } = process.env;
	return { PATH, TMPDIR, LANG, [markVariable]: runDirectory(), [ownerVariable]: owner };
}

export interface Process {
	readonly pid: number;
	readonly commandLine: readonly string[];
}

/** The living processes that were started for `owner`, by whomever: also the children of children, and orphans. */
export function processesOf(owner: string): Process[] {
	return readdirSync('/proc')
		.filter((name) => /^\d+$/.test(name))
		.filter((pid) => readStrings(`/proc/${pid}/environ`).includes(`${ownerVariable}=${owner}`))
		.map((pid) => ({ pid: Number(pid), commandLine: readStrings(`/proc/${pid}/cmdline`) }));
}

function readStrings(file: string): string[] {
	try {
		return readFileSync(file, 'utf8').split('\0');
	} catch {
		// It ended in the meantime, or is not ours to read.
		return [];
	}
}

function nearestPackage(directory: string): string {
	return existsSync(join(directory, 'package.json')) ? directory : nearestPackage(dirname(directory));
}
