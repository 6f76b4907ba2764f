import { inspect, type InspectionOptions } from '../../snapshot/inspect.ts';
import type { SnapshotContents } from '../../snapshot/contents.ts';
import { sha256 } from '../sha256.ts';
import { pause } from '../timers.ts';
import { openDatabaseFile } from './harper-file.ts';

/** Opens, inspects and closes a database file. */
export async function inspectFile(
	path: string,
	options: Omit<InspectionOptions, 'sha256' | 'pause'> = {}
): Promise<SnapshotContents> {
	const file = await openDatabaseFile(path);
	try {
		return await inspect(file, { ...options, sha256, pause });
	} finally {
		file.close();
	}
}
