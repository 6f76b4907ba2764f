import { readKeyFile } from '../adapters/key-file.ts';
import { nodeCipher } from '../adapters/node-cipher.ts';
import type { ProtectionConfiguration } from '../config/protection.ts';
import { CustodianError, messageOf } from '../errors.ts';
import type { KnownKeys } from '../http/snapshots.ts';
import { keyRing, type KeyRing } from '../repository/sealing/key-ring.ts';
import { snapshotSealer } from '../repository/sealing/sealer.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import type { Sealer } from '../snapshot/object.ts';

type Encryption = ProtectionConfiguration['encryption'];

/** The keys of the configuration, read anew each time, so that a rotation needs no restart; undefined without any. */
async function ringOf(encryption: Encryption): Promise<KeyRing | undefined> {
	if (encryption === undefined) return undefined;
	const [current, ...older] = await Promise.all([encryption.keyFile, ...encryption.olderKeyFiles].map(readKeyFile));
	return current && keyRing(nodeCipher, current, older);
}

/** Which keys there are, or why nobody can tell. */
export async function keysOf(encryption: Encryption): Promise<KnownKeys> {
	try {
		return { ids: new Set((await ringOf(encryption))?.ids) };
	} catch (error) {
		return { ids: new Set(), problem: messageOf(error) };
	}
}

/** For a new snapshot: a key of its own, and how that stands in the manifest. */
export async function newSealer(
	encryption: Encryption,
	snapshotId: string
): Promise<{ readonly sealer: Sealer | undefined; readonly sealing: Manifest['sealing'] }> {
	const ring = await ringOf(encryption);
	if (ring === undefined) return { sealer: undefined, sealing: undefined };
	const dataKey = ring.newDataKey();
	return { sealer: snapshotSealer(nodeCipher, dataKey, snapshotId), sealing: ring.wrap(dataKey, snapshotId) };
}

/** For a snapshot that is there. Rejects with `wrong_key` where none of the keys opens it. */
export async function sealerOf(encryption: Encryption, { id, sealing }: Manifest): Promise<Sealer | undefined> {
	if (sealing === undefined) return undefined;
	const ring = await ringOf(encryption);
	if (ring) return snapshotSealer(nodeCipher, ring.unwrap(sealing, id), id);
	throw new CustodianError('wrong_key', sealing.keyId, `The snapshot is encrypted with the key ${sealing.keyId}.`, {
		hint: 'Name the file of that key as encryption.keyFile, or among encryption.olderKeyFiles.',
	});
}
