import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Copies a Harper root (its state and everything it was configured with) so that it can be started at its new place.
 * The original must not be running.
 */
export async function copyRoot(source: string, target: string): Promise<void> {
	await cp(source, target, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
	await Promise.all(
		['hdb.pid', 'log', 'backup'].map((name) => rm(join(target, name), { recursive: true, force: true }))
	);
	await mkdir(join(target, 'log'));
	await settleRoot(target);
}

/** Makes a root that was moved or copied point at itself: its configuration holds absolute paths. */
export async function settleRoot(root: string): Promise<void> {
	const configurationFile = join(root, 'harperdb-config.yaml');
	const formerRoot = /^rootPath: (.*)$/m.exec(await readFile(configurationFile, 'utf8'))?.[1];
	if (formerRoot === undefined || formerRoot === root) return;
	for (const file of [configurationFile, join(root, '.harperdb/hdb_boot_properties.file')]) {
		await writeFile(file, (await readFile(file, 'utf8')).replaceAll(formerRoot, root));
	}
}
