import { CustodianError } from '../errors.ts';
import type { OnProgress } from '../jobs/progress.ts';
import { databaseFileName } from '../snapshot/blob-name.ts';
import type { Extracted } from '../snapshot/extract.ts';
import type { Place } from '../snapshot/holdings.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import { toIso } from '../time.ts';
import type { Answer } from './answer.ts';
import { bestFirst, errorReport, findSnapshot, manifestOf, type Copy } from './places.ts';
import { extractText } from './render/extract.ts';
import type { ExtractReport } from './report.ts';
import type { ExtractRequest } from './request.ts';

export interface ExtractPorts {
	extract(plan: ExtractionPlan, onProgress: OnProgress, signal: AbortSignal): Promise<Extracted>;
	onProgress(subject: string): OnProgress;
	/** Says what went wrong and is made up for. */
	warn(message: string): void;
}

interface ExtractionPlan {
	readonly copy: Copy;
	readonly manifest: Manifest;
	readonly to: string;
	/** Its name below `to`. */
	readonly databaseFile: string;
	readonly withBlobs: boolean;
}

/** Writes the files of a snapshot. Where one copy is damaged or out of reach, the next is read. */
export async function extract(
	request: Pick<ExtractRequest, 'id' | 'to' | 'databaseOnly'>,
	places: readonly Place[],
	ports: ExtractPorts,
	signal: AbortSignal
): Promise<Answer> {
	const { copies } = await findSnapshot(places, request.id, signal);
	let failure: unknown;
	for (const copy of bestFirst(copies)) {
		try {
			const report = await extractFrom(copy, request, ports, signal);
			return { exitCode: 0, report, text: extractText(report) };
		} catch (error) {
			signal.throwIfAborted();
			failure ??= error;
			if (!isOfTheCopy(error)) throw error;
			if (copies.length > 1) ports.warn(`In ${copy.place.name}: ${errorReport(error).message}`);
		}
	}
	throw failure;
}

async function extractFrom(
	copy: Copy,
	{ to, databaseOnly }: Pick<ExtractRequest, 'to' | 'databaseOnly'>,
	ports: ExtractPorts,
	signal: AbortSignal
): Promise<ExtractReport> {
	const manifest = await manifestOf(copy, signal);
	const { id, node, database, takenAt, kind, contents } = manifest;
	if (kind === 'external') throw external(manifest);
	const databaseFile = databaseFileName(database);
	if (databaseFile === undefined) throw unnameable(database);
	const plan = { copy, manifest, to, databaseFile, withBlobs: !databaseOnly };
	const extracted = await ports.extract(plan, ports.onProgress(`${id} of ${database}`), signal);
	const { files = 0, missing = 0, incomplete = 0 } = contents?.blobs ?? {};
	return {
		id,
		node,
		database,
		takenAt: toIso(takenAt),
		repository: copy.place.name,
		...extracted,
		blobsLeftOut: databaseOnly ? files : 0,
		blobsMissing: missing + incomplete,
	};
}

/** Whether another copy may do better. */
function isOfTheCopy(error: unknown): boolean {
	return error instanceof CustodianError && OF_THE_COPY.has(error.code);
}

const OF_THE_COPY = new Set([
	'object_damaged',
	'object_missing',
	'unknown_format',
	'repository_unreachable',
	'repository_refused',
]);

function external({ id, external: tool }: Manifest): CustodianError {
	const said = tool ? ` It said: ${tool.output}` : '';
	return new CustodianError('snapshot_external', id, `Nothing of ${id} lies here: another tool took it.${said}`, {
		hint: 'Bring it back with that tool.',
	});
}

function unnameable(database: string): CustodianError {
	return new CustodianError('object_damaged', database, `${JSON.stringify(database)} makes no name of a file.`);
}
