import { dirname, join } from 'node:path';
import { logFiles } from '../linux/log-files.ts';
import { volumesOf } from '../linux/volumes.ts';
import type { LogFiles } from '../../metrics/log/count.ts';
import type { VolumeFacts } from '../../metrics/collectors/storage.ts';
import { asFields, booleanIn, stringIn } from './fields.ts';
import { configSection, instanceConfig } from './in-process.ts';
import { listDatabases } from './stores.ts';

/** The volumes of the databases, of blob files, logs and the root directory. */
export function harperVolumes(): VolumeFacts {
	return volumesOf(() => [...databaseDirectories(), ...configuredDirectories()]);
}

/** Harper's log; undefined where it writes none to a file (`logging.file: false`). */
export function harperLog(): LogFiles | undefined {
	const logging = configSection('logging');
	const root = stringIn(logging, 'root');
	if (root === undefined || booleanIn(logging, 'file') === false) return undefined;
	return logFiles(root, stringIn(asFields(logging['rotation']), 'path') ?? root);
}

function databaseDirectories(): readonly string[] {
	return listDatabases().map(({ root }) => dirname(root.path));
}

function configuredDirectories(): readonly string[] {
	const rootPath = rootDirectory();
	const blobPaths = configSection('storage')['blobPaths'];
	return [
		rootPath,
		rootPath && join(rootPath, 'blobs'),
		stringIn(configSection('logging'), 'root'),
		...(Array.isArray(blobPaths) ? blobPaths : []),
	].filter((path) => typeof path === 'string');
}

/** Whether Harper listens on the port itself, on whatever address. */
export function isHarpersPort(port: string | number): boolean {
	const sections = [
		configSection('http'),
		configSection('replication'),
		asFields(configSection('operationsApi')['network']),
		asFields(configSection('mqtt')['network']),
	];
	const taken = sections.flatMap((section) => [section['port'], section['securePort']]);
	return taken.some((own) => own !== undefined && own !== null && portOf(own) === portOf(port));
}

/** Harper writes a port as a number, or as an address and a port. */
function portOf(setting: unknown): number {
	return Number(String(setting).split(':').at(-1));
}

/** Harper's root directory. */
export function rootDirectory(): string | undefined {
	return stringIn(instanceConfig(), 'rootPath');
}
