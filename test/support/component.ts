import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkout, runDirectory } from './run.ts';

const execute = promisify(execFile);

/**
 * Builds and packs the checkout the way it is published, once per run, and unpacks it as an operator's host would. It
 * takes npm a minute; a run within another one is given what that one has packed.
 */
export async function packComponent(): Promise<void> {
	const packed = packedDirectory();
	const given = process.env['CUSTODIAN_PACKED'];
	if (given !== undefined) return cp(given, packed, { recursive: true });
	await mkdir(packed);
	await execute('npm', ['pack', '--pack-destination', packed], { cwd: checkout });
	await execute('tar', ['-xzf', await componentTarball(), '-C', packed]);
}

/** The published archive. Harper deletes the archive that it deploys: give it a copy. */
export async function componentTarball(): Promise<string> {
	const archives = (await readdir(packedDirectory())).filter((name) => name.endsWith('.tgz'));
	if (archives.length !== 1) throw new Error(`npm pack left ${archives.length} archives in ${packedDirectory()}`);
	return join(packedDirectory(), archives[0]!);
}

/** A directory that holds exactly what is installed on an operator's host. Read it; to change it, take a copy. */
export function builtComponent(): string {
	return join(packedDirectory(), 'package');
}

/** A copy of `builtComponent()` for the caller alone. */
export async function copyOfBuiltComponent(): Promise<string> {
	const copy = join(await mkdtemp(join(runDirectory(), 'component-')), 'harper-custodian');
	await cp(builtComponent(), copy, { recursive: true });
	return copy;
}

export function packedDirectory(): string {
	return join(runDirectory(), 'packed');
}
