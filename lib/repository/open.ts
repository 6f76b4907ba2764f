import { CustodianError } from '../errors.ts';
import { MARKER_KEY } from './marker.ts';
import type { Repository } from './repository.ts';

/** What `custodian.json` says. */
export interface RepositoryMarker {
	readonly format: 1;
	readonly id: string;
}

export interface OpenOptions {
	/** Makes the id of a new repository, unlike any other. */
	readonly newId: () => string;
	/** The id it had before. With it, nothing is ever made new: another repository, or none, is an error. */
	readonly expectedId?: string | undefined;
	readonly signal?: AbortSignal | undefined;
}

const FORMAT = 1;
/** More than any marker that we write. */
const MAX_BYTES = 64 * 1024;

/** Reads what a place is; makes it a repository where it is empty and none is expected. */
export async function openRepository(repository: Repository, options: OpenOptions): Promise<RepositoryMarker> {
	const marker = (await readMarker(repository, options.signal)) ?? (await makeMarker(repository, options));
	const { expectedId } = options;
	if (expectedId === undefined || expectedId === marker.id) return marker;
	throw new CustodianError('repository_changed', marker.id, `The repository is ${marker.id} and not ${expectedId}.`, {
		hint: 'Another place is mounted or configured than before.',
	});
}

/** Undefined where there is none. */
export async function readMarker(
	repository: Repository,
	signal: AbortSignal | undefined
): Promise<RepositoryMarker | undefined> {
	const decoder = new TextDecoder();
	let text = '';
	try {
		for await (const chunk of repository.read(MARKER_KEY, { start: 0, end: MAX_BYTES }, signal)) {
			text += decoder.decode(chunk, { stream: true });
		}
	} catch (error) {
		if (error instanceof CustodianError && error.code === 'object_missing') return undefined;
		throw error;
	}
	return parseMarker(text + decoder.decode());
}

async function makeMarker(
	repository: Repository,
	{ newId, expectedId, signal }: OpenOptions
): Promise<RepositoryMarker> {
	const objects = repository.list('', signal)[Symbol.asyncIterator]();
	const first = await objects.next();
	await objects.return?.();
	if (first.done !== true) throw foreign(first.value.key);
	if (expectedId !== undefined) throw gone(expectedId);
	await writeMarker(repository, { format: FORMAT, id: newId() }, signal);
	// Another node may have been faster: what stands there now is the repository.
	const marker = await readMarker(repository, signal);
	if (marker !== undefined) return marker;
	throw new CustodianError('object_missing', MARKER_KEY, `${MARKER_KEY} was written and cannot be read.`);
}

async function writeMarker(
	repository: Repository,
	marker: RepositoryMarker,
	signal: AbortSignal | undefined
): Promise<void> {
	try {
		await repository.write(MARKER_KEY, lineOf(marker), signal);
	} catch (error) {
		if (!(error instanceof CustodianError && error.code === 'object_exists')) throw error;
	}
}

async function* lineOf(marker: RepositoryMarker): AsyncGenerator<Uint8Array, void, undefined> {
	yield new TextEncoder().encode(`${JSON.stringify(marker)}\n`);
}

function parseMarker(text: string): RepositoryMarker {
	const { format, id } = fieldsOf(text);
	if (typeof format === 'number' && Number.isInteger(format) && format !== FORMAT) throw newer(format);
	if (format === FORMAT && typeof id === 'string' && /^[\w-]{1,64}$/.test(id)) return { format, id };
	throw new CustodianError('object_damaged', MARKER_KEY, `${MARKER_KEY} is not what a repository begins with.`, {
		hint: `It should read {"format":1,"id":"…"}. The manifests of the snapshots do not need it.`,
	});
}

function fieldsOf(text: string): { readonly format?: unknown; readonly id?: unknown } {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === 'object' && value !== null ? value : {};
	} catch {
		return {};
	}
}

function newer(format: number): CustodianError {
	return new CustodianError(
		'unknown_format',
		MARKER_KEY,
		`The repository has format ${format}, this reads ${FORMAT}.`,
		{
			hint: 'A newer version of harper-custodian made it; use that one.',
		}
	);
}

function foreign(key: string): CustodianError {
	return new CustodianError('repository_refused', key, `The place is no repository, and not empty: it holds ${key}.`, {
		hint: `Choose an empty place, or bring ${MARKER_KEY} back if it was lost.`,
	});
}

function gone(expectedId: string): CustodianError {
	return new CustodianError(
		'repository_unreachable',
		expectedId,
		`The place is empty where the repository ${expectedId} was.`,
		{ hint: 'Look whether its mount is there, and the configuration as it was.' }
	);
}
