import { CustodianError, messageOf } from '../errors.ts';
import { parseSnapshotKey } from '../repository/keys.ts';
import type { ObjectInfo, Repository } from '../repository/repository.ts';
import { parseManifest, type Manifest } from './manifest.ts';
import { MANIFEST, PIN } from './store.ts';
import { latestVerification, type Verification } from './verification.ts';

/** One snapshot, as the repository alone tells of it. */
export interface CatalogueEntry {
	readonly id: string;
	readonly node: string;
	readonly database: string;
	/** Its folder in the repository, ending with a slash. */
	readonly prefix: string;
	/** The manifest without the contents of its tables; undefined where it cannot be read. */
	readonly summary: Summary | undefined;
	/** Why it cannot be restored as it lies there; undefined where nothing speaks against it. */
	readonly problem: string | undefined;
	readonly pinned: boolean;
	/** The last time that somebody read it; undefined where nobody has. */
	readonly verification: Verification | undefined;
	/** The last time that it was found whole, wall clock, milliseconds. */
	readonly verifiedAt: number | undefined;
	/** The last time that all of it was opened and compared. */
	readonly deeplyVerifiedAt: number | undefined;
	/** What it takes in the repository. */
	readonly storedBytes: number;
}

type Summary = Omit<Manifest, 'contents'> & {
	readonly totals: { readonly tables: number; readonly rows: number; readonly auditEntries: number } | undefined;
};

/** Keeps summaries, which never change, so that a listing need not read every manifest again. */
export type SummaryCache = Map<string, Summary>;

/** A manifest without tables is about this much in memory; the oldest leave first. */
const CACHED_SUMMARIES = 5000;

/** All snapshots of the repository, or those below a prefix, the oldest first within their database. */
export async function readCatalogue(
	repository: Repository,
	cache: SummaryCache,
	prefix = '',
	signal?: AbortSignal
): Promise<readonly CatalogueEntry[]> {
	const entries: CatalogueEntry[] = [];
	for (const folder of await foldersOf(repository, prefix, signal)) {
		// A folder without a manifest is no snapshot: it is being written, or was left behind.
		if (folder.objects.has(MANIFEST)) entries.push(await entryOf(repository, cache, folder, signal));
	}
	return entries;
}

/** The whole manifest of one snapshot. */
export async function readManifest(repository: Repository, prefix: string, signal?: AbortSignal): Promise<Manifest> {
	return parseManifest(await readManifestText(repository, prefix, signal), `${prefix}${MANIFEST}`);
}

/** The manifest as it lies there, to be copied. */
export async function readManifestText(repository: Repository, prefix: string, signal?: AbortSignal): Promise<string> {
	return readText(repository, `${prefix}${MANIFEST}`, signal);
}

interface Folder {
	readonly id: string;
	readonly node: string;
	readonly database: string;
	readonly prefix: string;
	/** Sizes by name below the prefix. */
	readonly objects: Map<string, number>;
}

async function foldersOf(
	repository: Repository,
	prefix: string,
	signal: AbortSignal | undefined
): Promise<Iterable<Folder>> {
	const folders = new Map<string, Folder>();
	for await (const object of repository.list(prefix, signal)) addTo(folders, object);
	return folders.values();
}

function addTo(folders: Map<string, Folder>, { key, sizeBytes }: ObjectInfo): void {
	const place = parseSnapshotKey(key);
	if (place === undefined) return;
	const folder = folders.get(place.prefix) ?? { ...place, objects: new Map() };
	folder.objects.set(place.name, sizeBytes);
	folders.set(place.prefix, folder);
}

async function entryOf(
	repository: Repository,
	cache: SummaryCache,
	{ id, node, database, prefix, objects }: Folder,
	signal: AbortSignal | undefined
): Promise<CatalogueEntry> {
	const verifications = latestVerification(objects.keys());
	const storedBytes = [...objects.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
	const known = { id, node, database, prefix, pinned: objects.has(PIN), storedBytes, ...verifications };
	try {
		const summary = await summaryOf(repository, cache, prefix, signal);
		const failed = verifications.verification?.result === 'bad' ? 'The last verification failed.' : undefined;
		return { ...known, summary, problem: flaw(summary, known, objects) ?? failed };
	} catch (error) {
		if (!isOfTheObject(error)) throw error;
		return { ...known, summary: undefined, problem: messageOf(error) };
	}
}

async function summaryOf(
	repository: Repository,
	cache: SummaryCache,
	prefix: string,
	signal: AbortSignal | undefined
): Promise<Summary> {
	const cached = cache.get(prefix);
	if (cached) return cached;
	const { contents, ...rest } = await readManifest(repository, prefix, signal);
	const totals = contents && {
		tables: contents.tables.length,
		rows: contents.tables.reduce((sum, { rows }) => sum + rows, 0),
		auditEntries: contents.audit?.entries ?? 0,
	};
	const summary = { ...rest, totals };
	const [oldest] = cache.keys();
	if (cache.size >= CACHED_SUMMARIES && oldest !== undefined) cache.delete(oldest);
	cache.set(prefix, summary);
	return summary;
}

/** What a look at the names and sizes of its objects tells, without reading them. */
function flaw(
	summary: Summary,
	place: Pick<CatalogueEntry, 'id' | 'node' | 'database'>,
	objects: ReadonlyMap<string, number>
): string | undefined {
	if (summary.id !== place.id || summary.node !== place.node || summary.database !== place.database) {
		return `The manifest is that of ${summary.id} of ${summary.database} on ${summary.node}.`;
	}
	if (summary.kind === 'full' && (summary.totals === undefined || !summary.objects.some(isData))) {
		return 'The manifest names no data.';
	}
	for (const { name, stored } of summary.objects) {
		const sizeBytes = objects.get(name);
		if (sizeBytes === undefined) return `The object ${name} is missing.`;
		if (sizeBytes !== stored.sizeBytes) {
			return `The object ${name} has ${sizeBytes} bytes instead of ${stored.sizeBytes}.`;
		}
	}
	return undefined;
}

function isData({ name }: Summary['objects'][number]): boolean {
	return name.startsWith('data.');
}

/** Whether one object is at fault, and not the repository or the way to it. */
function isOfTheObject(error: unknown): boolean {
	return error instanceof CustodianError && ['object_damaged', 'object_missing', 'unknown_format'].includes(error.code);
}

/** Manifests of very many tables are some megabytes; what is larger was not written by us. */
const TEXT_LIMIT_BYTES = 8 * 2 ** 20;

async function readText(repository: Repository, key: string, signal: AbortSignal | undefined): Promise<string> {
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of repository.read(key, undefined, signal)) {
		text += decoder.decode(chunk, { stream: true });
		if (text.length > TEXT_LIMIT_BYTES) {
			throw new CustodianError('object_damaged', key, `The object ${key} is far too large for a manifest.`);
		}
	}
	return text + decoder.decode();
}
