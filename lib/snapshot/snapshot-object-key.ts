/** An object in the folder of a snapshot, as its key tells it. */
export interface SnapshotObjectKey {
	/** Of the snapshot, with the slash at its end. */
	readonly folder: string;
	readonly id: string;
	/** When the snapshot was begun, by its id. */
	readonly at: number;
	readonly role: Role;
}

type Role = 'manifest' | 'pin' | 'verification' | 'data';

/** Reads an id; undefined for what is none. */
export type ParseSnapshotId = (text: string) => { readonly id: string; readonly at: number } | undefined;

/** Undefined for every key that this program does not write into the folder of a snapshot. */
export function parseSnapshotObjectKey(key: string, parseSnapshotId: ParseSnapshotId): SnapshotObjectKey | undefined {
	const [, folder = '', id = '', name = ''] = /^([^/]+\/[^/]+\/snapshots\/([^/]+)\/)(.+)$/.exec(key) ?? [];
	const parsed = parseSnapshotId(id);
	const role = ROLES.find(([, pattern]) => pattern.test(name))?.[0];
	return parsed === undefined || role === undefined ? undefined : { folder, id: parsed.id, at: parsed.at, role };
}

const ROLES: readonly (readonly [Role, RegExp])[] = [
	['manifest', /^manifest\.json$/],
	['pin', /^pin\.json$/],
	['verification', /^verifications\/[\w.-]+\.json$/],
	['data', /^(?:data|blobs)(?:\.[a-z]+)+$/],
];
