import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';

/** Answers a request in place of the store; returns false to let it through. */
export type Trouble = (incoming: IncomingMessage, answer: ServerResponse) => boolean | Promise<boolean>;

/**
 * A store that speaks S3, with a gate in front of it. The gate makes trouble where a test wants it, and answers what
 * s3rver answers otherwise than S3: it neither lists nor aborts uploads, lists keys out of order, cannot list one with
 * a percent sign, gives the whole object for its first byte, and overwrites whatever the condition.
 */
export class S3Server {
	readonly #store: S3rver;
	readonly #directory: string;
	readonly #gate: Server;
	readonly #uploads = new Map<string, { readonly key: string; readonly startedAt: Date }>();
	readonly requests: string[] = [];
	trouble: Trouble = () => false;
	/** As s3rver is not by itself. */
	knowsUploads = true;
	/** Whether `If-None-Match: *` is heeded, not known, or refused as something that is not implemented. */
	conditions: 'heeded' | 'ignored' | 'refused' = 'heeded';
	readonly #beingMade = new Set<string>();

	static async start(): Promise<S3Server> {
		const directory = await mkdtemp(join(tmpdir(), 'custodian-s3-'));
		const store = new S3rver({
			address: '127.0.0.1',
			port: 0,
			silent: true,
			directory,
			configureBuckets: [{ name: BUCKET }],
		});
		const { port } = await store.run();
		const server = new S3Server(store, directory, port);
		server.#gate.listen(0, '127.0.0.1');
		await once(server.#gate, 'listening');
		return server;
	}

	private constructor(store: S3rver, directory: string, storePort: number) {
		this.#store = store;
		this.#directory = directory;
		this.#gate = createServer((incoming, answer) => {
			this.#serve(incoming, answer, storePort).catch(() => answer.destroy());
		});
	}

	get endpoint(): string {
		// A server that listens on a port has an address of this kind.
		return `http://127.0.0.1:${(this.#gate.address() as AddressInfo).port}`;
	}

	async stop(): Promise<void> {
		this.#gate.closeAllConnections();
		this.#gate.close();
		this.#store.httpServer.closeAllConnections();
		await this.#store.close();
		await rm(this.#directory, { recursive: true, force: true });
	}

	async #serve(incoming: IncomingMessage, answer: ServerResponse, storePort: number): Promise<void> {
		this.requests.push(`${incoming.method} ${incoming.url}`);
		if (await this.trouble(incoming, answer)) return;
		if (this.knowsUploads && this.#answersUploads(incoming, answer)) return;
		if (incoming.headers.range !== undefined && (await this.#answersRange(incoming, answer))) return;
		if (incoming.url?.startsWith(`/${BUCKET}`) === true && incoming.url.includes('list-type=2')) {
			await this.#list(new URL(incoming.url, 'http://store').searchParams, answer);
			return;
		}
		if (incoming.headers['if-none-match'] === '*') await this.#makeOnce(incoming, answer, storePort);
		else await this.#pass(incoming, answer, storePort);
	}

	/** As S3 does: 412 where the object is there, 409 while another request makes it. */
	async #makeOnce(incoming: IncomingMessage, answer: ServerResponse, storePort: number): Promise<void> {
		if (this.conditions === 'ignored') return this.#pass(incoming, answer, storePort);
		const key = keyOf(new URL(incoming.url ?? '', 'http://store'));
		if (this.conditions === 'refused') return void answerError(answer, 501, 'NotImplemented');
		if (this.#beingMade.has(key)) return void answerError(answer, 409, 'ConditionalRequestConflict');
		this.#beingMade.add(key);
		try {
			const isThere = await stat(join(this.#directory, BUCKET, key + OBJECT_ENDING)).catch(() => undefined);
			if (isThere) answerError(answer, 412, 'PreconditionFailed');
			else await this.#pass(incoming, answer, storePort);
		} finally {
			this.#beingMade.delete(key);
		}
	}

	#answersUploads({ method, url = '' }: IncomingMessage, answer: ServerResponse): boolean {
		const { searchParams } = new URL(url, 'http://store');
		const uploadId = searchParams.get('uploadId');
		if (method === 'GET' && searchParams.has('uploads')) {
			answer.writeHead(200, { 'content-type': 'application/xml' });
			answer.end(this.#listing(searchParams));
			return true;
		}
		if (method !== 'DELETE' || uploadId === null) return false;
		if (this.#uploads.get(uploadId)?.key === keyOf(new URL(url, 'http://store'))) {
			this.#uploads.delete(uploadId);
			answer.writeHead(204).end();
		} else {
			answer.writeHead(404, { 'content-type': 'application/xml' });
			answer.end('<Error><Code>NoSuchUpload</Code></Error>');
		}
		return true;
	}

	/** One upload a page, so that whoever lists has to turn pages. */
	#listing(query: URLSearchParams): string {
		const prefix = query.get('prefix') ?? '';
		const after = query.get('upload-id-marker');
		const matching = [...this.#uploads].filter(([, { key }]) => key.startsWith(prefix));
		const index = after === null ? 0 : matching.findIndex(([uploadId]) => uploadId === after) + 1;
		const found = matching[index];
		const last = index >= matching.length - 1;
		const upload =
			found &&
			`<Upload><Key>${found[1].key}</Key><UploadId>${found[0]}</UploadId><Initiated>${found[1].startedAt.toISOString()}</Initiated></Upload>`;
		const next =
			found && !last
				? `<NextKeyMarker>${found[1].key}</NextKeyMarker><NextUploadIdMarker>${found[0]}</NextUploadIdMarker>`
				: '';
		return `<?xml version="1.0"?><ListMultipartUploadsResult><IsTruncated>${!last}</IsTruncated>${next}${upload ?? ''}</ListMultipartUploadsResult>`;
	}

	async #answersRange({ url = '', headers }: IncomingMessage, answer: ServerResponse): Promise<boolean> {
		const key = keyOf(new URL(url, 'http://store'));
		const file = join(this.#directory, BUCKET, key + OBJECT_ENDING);
		const whole = await readFile(file).catch(() => undefined);
		if (whole === undefined) return false;
		const [, first = '', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
		const start = Number(first);
		if (start >= whole.length) return answerError(answer, 416, 'InvalidRange');
		const end = last === '' ? whole.length : Math.min(whole.length, Number(last) + 1);
		const range = `bytes ${start}-${end - 1}/${whole.length}`;
		answer.writeHead(206, { 'content-range': range, 'content-length': end - start });
		answer.end(whole.subarray(start, end));
		return true;
	}

	async #list(query: URLSearchParams, answer: ServerResponse): Promise<void> {
		const bucket = join(this.#directory, BUCKET);
		const files = await readdir(bucket, { recursive: true });
		const after = query.get('continuation-token') ?? '';
		const keys = files
			.filter((file) => file.endsWith(OBJECT_ENDING))
			.map((file) => file.slice(0, -OBJECT_ENDING.length))
			.filter((key) => key.startsWith(query.get('prefix') ?? '') && key > after)
			.sort();
		const page = keys.slice(0, Number(query.get('max-keys') ?? 1000));
		const contents = page.map(async (key) => {
			const { size } = await stat(join(bucket, key + OBJECT_ENDING));
			return `<Contents><Key>${key}</Key><Size>${size}</Size></Contents>`;
		});
		const listed = (await Promise.all(contents)).join('');
		const more = page.length < keys.length;
		const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
		answer.writeHead(200, { 'content-type': 'application/xml' });
		answer.end(
			`<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${listed}</ListBucketResult>`
		);
	}

	async #pass(incoming: IncomingMessage, answer: ServerResponse, port: number): Promise<void> {
		const { method, url = '', headers } = incoming;
		const passed = request({ host: '127.0.0.1', port, method, path: url, headers });
		incoming.pipe(passed);
		incoming.on('close', () => {
			if (!incoming.complete) passed.destroy();
		});
		const [stored]: [IncomingMessage] = (await once(passed, 'response')) as [IncomingMessage];
		answer.writeHead(stored.statusCode ?? 500, stored.headers);
		if (method !== 'POST') {
			stored.pipe(answer);
			return;
		}
		const body = Buffer.concat(await stored.toArray()).toString();
		this.#follow(url, stored.statusCode, body);
		answer.end(body);
	}

	#follow(url: string, status: number | undefined, body: string): void {
		const { searchParams } = new URL(url, 'http://store');
		const begun = /<UploadId>([^<]+)/.exec(body)?.[1];
		const key = keyOf(new URL(url, 'http://store'));
		if (searchParams.has('uploads') && begun !== undefined) this.#uploads.set(begun, { key, startedAt: new Date() });
		if (status === 200) this.#uploads.delete(searchParams.get('uploadId') ?? '');
	}
}

export const BUCKET = 'snapshots';
const OBJECT_ENDING = '._S3rver_object';

function keyOf({ pathname }: URL): string {
	return decodeURIComponent(pathname.slice(BUCKET.length + 2));
}

export function answerError(answer: ServerResponse, status: number, code: string): true {
	answer.writeHead(status, { 'content-type': 'application/xml' });
	answer.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>by design</Message></Error>`);
	return true;
}
