import * as v from 'valibot';
import { CustodianError } from '../errors.ts';

/** The format of the manifests that this version writes, and the newest that it reads. */
const MANIFEST_FORMAT = 1;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(1000));
/** Wall clock, milliseconds since the Unix epoch. */
const instant = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15));
const sha256 = v.pipe(v.string(), v.regex(/^[\da-f]{64}$/));

const digest = v.strictObject({ sizeBytes: count, sha256 });

/** One object of a snapshot: what it holds, and what of it lies in the repository. */
const snapshotObject = v.strictObject({
	/** Below the folder of the snapshot: no slash, so that it cannot point elsewhere. */
	name: v.pipe(v.string(), v.regex(/^[a-z]+(?:\.[a-z]+)+$/)),
	/** As Harper's files hold it. */
	plain: digest,
	/** Compressed, and sealed where the snapshot is. */
	stored: digest,
});

const table = v.strictObject({
	name,
	rows: count,
	/** Deleted records that still have a place in the table. */
	tombstones: count,
	/** SHA-256 of keys and records: the same contents give the same hash anywhere. See `lib/record/content-hash.ts`. */
	contentHash: sha256,
	/** SHA-256 of keys and versions. */
	versionsHash: sha256,
	indexes: v.array(
		v.strictObject({
			attribute: name,
			entries: count,
			/** Whether it fits the rows, where that can be said. See `lib/snapshot/contents.ts`. */
			state: v.picklist(['matches', 'differs', 'building', 'computed', 'custom']),
		})
	),
});

const contents = v.strictObject({
	tables: v.array(table),
	/** Null where the database keeps no log. */
	audit: v.nullable(
		v.strictObject({
			entries: count,
			/** Local times. A replay begins behind the last one. Null where there are no entries. */
			firstKey: v.nullable(v.number()),
			lastKey: v.nullable(v.number()),
		})
	),
	/**
	 * The blob files that the copy refers to: those that are here, how many of them Harper never completed, and how many
	 * references lead to files that the database itself had lost.
	 */
	blobs: v.strictObject({ files: count, sizeBytes: count, incomplete: count, missing: count }),
});

const manifest = v.strictObject({
	format: v.literal(MANIFEST_FORMAT),
	id: v.pipe(v.string(), v.regex(/^\d{8}T\d{9}Z-[\da-f]{8}$/)),
	/** `external`: a volume snapshot that the operator's own tool took; nothing of it lies here. */
	kind: v.picklist(['full', 'external']),
	node: name,
	database: name,
	/** The moment that the snapshot shows. */
	takenAt: instant,
	/** How long copying, and all that came after it, took. */
	tookMs: v.strictObject({ copy: count, store: count }),
	/** The schedule, and the occurrence of it, that asked for it. */
	schedule: v.optional(v.strictObject({ name, occurrence: name })),
	/** The user who asked for it. */
	by: v.optional(name),
	label: v.optional(v.pipe(v.string(), v.maxLength(200))),
	versions: v.strictObject({ custodian: v.string(), harper: v.string(), node: v.string() }),
	compression: v.picklist(['brotli', 'gzip', 'none']),
	/** The data key, wrapped by the key with this id; absent where the snapshot is not encrypted. */
	sealing: v.optional(v.strictObject({ keyId: v.string(), wrappedKey: v.string() })),
	/** `data…` is the file of the database; `blobs…`, where it has blob files, an archive of them. */
	objects: v.array(snapshotObject),
	contents: v.optional(contents),
	/** What the tool said that took an external one. */
	external: v.optional(v.strictObject({ output: v.string() })),
});

/** What a snapshot is and holds. Written last: its presence says that the snapshot is complete. */
export type Manifest = v.InferOutput<typeof manifest>;
export type SnapshotObject = v.InferOutput<typeof snapshotObject>;
export type Digest = v.InferOutput<typeof digest>;
export type Contents = v.InferOutput<typeof contents>;
export type Compression = Manifest['compression'];

/** Throws `unknown_format` for a later version, `object_damaged` for what is no manifest. */
export function parseManifest(text: string, subject: string): Manifest {
	const value = parseJson(text);
	const format: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'format') : undefined;
	if (typeof format === 'number' && format > MANIFEST_FORMAT) {
		const hint = 'A later version of harper-custodian wrote it: read it with that one or a newer one.';
		throw new CustodianError('unknown_format', subject, `The manifest has format ${format}.`, { hint });
	}
	const result = v.safeParse(manifest, value);
	if (result.success) return result.output;
	const [issue] = result.issues;
	const reason = value === undefined ? 'it is not JSON' : `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`;
	const hint = 'The object was changed or cut short. Another copy of the snapshot may be whole.';
	throw new CustodianError('object_damaged', subject, `The manifest cannot be read: ${reason}.`, { hint });
}

export function manifestText(value: Manifest): string {
	return `${JSON.stringify(value, null, '\t')}\n`;
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
