import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { builtComponent } from './component.ts';
import { markedEnvironment } from './run.ts';

export interface Ran {
	readonly exitCode: number | null;
	readonly output: string;
	readonly complaints: string;
}

export interface CommandOptions {
	readonly env?: Readonly<Record<string, string>>;
	/** Handed the process once it runs. */
	readonly onStart?: (pid: number) => void;
}

/** Runs the command as it is published, under a plain Node.js and with no Harper that it could find. */
export function custodian(
	words: readonly string[],
	{ env = {}, onStart = () => undefined }: CommandOptions = {}
): Promise<Ran> {
	const entry = join(builtComponent(), 'dist/bin/custodian.js');
	const child = spawn(process.execPath, [entry, ...words], {
		env: { ...markedEnvironment('command'), ...env },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let [output, complaints] = ['', ''];
	child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
	child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
	if (child.pid !== undefined) onStart(child.pid);
	return new Promise((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (exitCode) => resolve({ exitCode, output, complaints }));
	});
}

/** What it printed as JSON, of which the caller knows the type. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what it reads
export function jsonOf<T = unknown>({ output }: Ran): T {
	const parsed: T = JSON.parse(output);
	return parsed;
}
