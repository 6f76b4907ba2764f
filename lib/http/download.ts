import { bestCopy, type Holding, type Holdings } from '../snapshot/holdings.ts';
import type { Manifest, SnapshotObject } from '../snapshot/manifest.ts';
import { failure, type Endpoint, type HttpResponse, type RoutedRequest } from './endpoint.ts';
import { parseRange } from './range.ts';
import { withSnapshot } from './with-snapshot.ts';

export interface DownloadPorts {
	holdings(): Promise<Holdings>;
	manifest(holding: Holding): Promise<Manifest>;
	/** The object as it lies in the repository: from `start` up to, and without, `end`. */
	readonly readStored: (
		holding: Holding,
		object: SnapshotObject,
		start: number,
		end: number
	) => Promise<AsyncIterable<Uint8Array>>;
	/** What Harper's file held. */
	readPlain(holding: Holding, manifest: Manifest, object: SnapshotObject): Promise<AsyncIterable<Uint8Array>>;
}

const PARTS = ['data', 'blobs'];
const FORMS = ['stored', 'plain'];

/** One object of a snapshot, as it lies there or decrypted and decompressed. It holds password hashes: for operators. */
export function downloadEndpoint(ports: DownloadPorts): Endpoint {
	return {
		path: 'custodian/snapshots/{id}/download',
		access: 'operate',
		parameters: ['part', 'form'],
		verbs: { GET: (request) => withSnapshot(ports, request, (holding) => download(ports, request, holding)) },
	};
}

async function download(ports: DownloadPorts, request: RoutedRequest, holding: Holding): Promise<HttpResponse> {
	const part = request.query.get('part') ?? 'data';
	const form = request.query.get('form') ?? 'stored';
	if (!PARTS.includes(part)) return failure(400, 'invalid_parameter', 'part: expected data or blobs.');
	if (!FORMS.includes(form)) return failure(400, 'invalid_parameter', 'form: expected stored or plain.');
	const { entry } = bestCopy(holding);
	if (entry.problem !== undefined) {
		const hint = 'Download another one. `custodian extract` reads what can be read.';
		return failure(409, 'snapshot_damaged', entry.problem, hint);
	}
	const manifest = await ports.manifest(holding);
	const object = manifest.objects.find(({ name }) => name.startsWith(`${part}.`));
	if (!object) return failure(404, 'object_missing', `This snapshot has no ${part}.`);
	return form === 'plain'
		? whole(await ports.readPlain(holding, manifest, object), object.plain.sizeBytes, plainName(entry, object))
		: ranged(ports, request, holding, object);
}

function whole(body: AsyncIterable<Uint8Array>, sizeBytes: number, fileName: string): HttpResponse {
	return { status: 200, headers: { ...headersOf(fileName, sizeBytes), 'Accept-Ranges': 'none' }, body };
}

async function ranged(
	{ readStored }: DownloadPorts,
	request: RoutedRequest,
	holding: Holding,
	object: SnapshotObject
): Promise<HttpResponse> {
	const { sizeBytes, sha256 } = object.stored;
	const { entry } = bestCopy(holding);
	const fileName = `${entry.database}-${entry.id}-${object.name}`;
	const common = { 'Accept-Ranges': 'bytes', 'ETag': `"${sha256}"` };
	const range = parseRange(request.header('range'), sizeBytes, {
		ifRange: request.header('if-range'),
		etag: common.ETag,
	});
	if (range === 'unsatisfiable') {
		const message = `The object has ${sizeBytes} bytes.`;
		return failure(416, 'range_not_satisfiable', message, undefined, { 'Content-Range': `bytes */${sizeBytes}` });
	}
	const { start, end } = range ?? { start: 0, end: sizeBytes };
	const body = await readStored(holding, object, start, end);
	const headers = { ...common, ...headersOf(fileName, end - start) };
	if (range === undefined) return { status: 200, headers, body };
	return { status: 206, headers: { ...headers, 'Content-Range': `bytes ${start}-${end - 1}/${sizeBytes}` }, body };
}

function headersOf(fileName: string, sizeBytes: number): Record<string, string> {
	return {
		'Content-Type': 'application/octet-stream',
		'Content-Length': String(sizeBytes),
		'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(fileName)}`,
		'Cache-Control': 'no-store',
	};
}

/** `shop.mdb`, as Harper would call it. */
function plainName({ database }: { readonly database: string }, { name }: SnapshotObject): string {
	return name.startsWith('data.') ? `${database}.mdb` : `${database}-blobs.tar`;
}
