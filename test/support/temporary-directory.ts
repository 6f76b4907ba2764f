import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** An empty directory, for as long as the test runs. */
export async function temporaryDirectory(): Promise<string> {
	const directory = await mkdtemp(join(tmpdir(), 'custodian-'));
	onTestFinished(() => rm(directory, { recursive: true, force: true }));
	return directory;
}
