import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkout } from './run.ts';

/** The binary of Node 22, installed on first use: it is large, and only few tests need it. */
export async function node22(): Promise<string> {
	const directory = join(checkout, 'test/support/node22');
	const binary = join(directory, `node_modules/node-linux-${process.arch}/bin/node`);
	if (!existsSync(binary)) {
		await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: directory });
	}
	return binary;
}
