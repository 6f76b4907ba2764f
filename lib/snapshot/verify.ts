import { CustodianError } from '../errors.ts';
import { snapshotPrefix } from '../repository/keys.ts';
import { watched } from './digest.ts';
import type { Contents, Manifest } from './manifest.ts';
import { readPlain, readStored, type ObjectPorts } from './object.ts';
import type { OnProgress } from '../jobs/progress.ts';

/** `checksums` reads what is stored and compares its hashes; `deep` opens it, walks all of it and compares contents. */
export type Depth = 'checksums' | 'deep';

export interface VerifyPorts extends ObjectPorts {
	/** Writes the file of a database to a local disk, inspects it, and removes it. */
	inspect(
		bytes: AsyncIterable<Uint8Array>,
		onRows: (rows: number) => void,
		signal: AbortSignal,
		sizeBytes: number
	): Promise<Omit<Contents, 'blobs'>>;
	/** Reads an archive of blob files to its end, and counts those that are complete and those that are not. */
	readBlobs(bytes: AsyncIterable<Uint8Array>): Promise<Omit<Contents['blobs'], 'missing'>>;
}

/** Reads a whole snapshot. Rejects with `object_missing`, `object_damaged`, `wrong_key`, `snapshot_damaged` … */
export async function verifySnapshot(
	{ manifest, prefix, depth }: { readonly manifest: Manifest; readonly prefix: string; readonly depth: Depth },
	ports: VerifyPorts,
	onProgress: OnProgress,
	signal: AbortSignal
): Promise<void> {
	requireWhole(manifest, prefix);
	const size = (object: Manifest['objects'][number]) =>
		depth === 'deep' ? object.plain.sizeBytes : object.stored.sizeBytes;
	const totalBytes = manifest.objects.reduce((sum, object) => sum + size(object), 0);
	const done = { bytes: 0, rows: 0 };
	const count = (key: keyof typeof done) => (more: number) => {
		done[key] += more;
		onProgress({ step: 'verify', ...done, totalBytes });
	};
	const { compression, contents } = manifest;
	for (const object of manifest.objects) {
		if (depth === 'checksums' || contents === undefined) {
			await drain(watched(readStored(ports, { prefix, object }, signal), count('bytes')));
			continue;
		}
		const bytes = watched(readPlain(ports, { prefix, object, compression }, signal), count('bytes'));
		if (object.name.startsWith('data.')) {
			const { tables, audit } = await ports.inspect(bytes, count('rows'), signal, object.plain.sizeBytes);
			compare(object.name, 'tables', tables, contents.tables);
			compare(object.name, 'audit log', audit, contents.audit);
		} else {
			const { missing: _, ...expected } = contents.blobs;
			compare(object.name, 'blob files', await ports.readBlobs(bytes), expected);
		}
	}
}

/** What reading the objects would not tell: that there are none, or that they are of another snapshot. */
function requireWhole({ id, node, database, kind, objects, contents }: Manifest, prefix: string): void {
	const isElsewhere = snapshotPrefix(node, database, id) !== prefix;
	const isEmpty = kind === 'full' && (contents === undefined || !objects.some(({ name }) => name.startsWith('data.')));
	if (!isElsewhere && !isEmpty) return;
	const what = isElsewhere ? `is that of ${id} of ${database} on ${node}` : 'names no data';
	throw new CustodianError('object_damaged', prefix, `The manifest ${what}.`);
}

function compare(subject: string, what: string, found: unknown, expected: unknown): void {
	if (ordered(found) === ordered(expected)) return;
	const hint = 'Its bytes are those that were written, so this is a fault of the reader or the writer: report it.';
	throw new CustodianError('contents_differ', subject, `The ${what} are not what the manifest says.`, { hint });
}

/** As JSON, with the fields of every object in one order. */
function ordered(value: unknown): string {
	return JSON.stringify(value, (_, part: unknown) =>
		typeof part === 'object' && part !== null && !Array.isArray(part)
			? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
			: part
	);
}

async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
	for await (const _ of bytes);
}
