import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { admin, type Credentials, type Harper } from './harper.ts';
import { eventually } from './wait.ts';

export interface Answer {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
}

export interface Question {
	readonly method?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
	readonly user?: Credentials | null;
	readonly timeoutMs?: number;
}

/** One connection that is kept open as long as Harper does, which closes it after a HEAD. */
export class Line implements Disposable {
	readonly #origin: string;
	readonly #pinned: boolean;
	readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
	#socket: Socket | undefined;

	/** One that is pinned takes a lost connection for an error: the worker that answers stays the same. */
	constructor(origin: string, { pinned = false } = {}) {
		this.#origin = origin;
		this.#pinned = pinned;
	}

	ask(path: string, { method = 'GET', headers = {}, body, user = admin, timeoutMs = 20_000 }: Question = {}) {
		return new Promise<Answer>((resolve, reject) => {
			const credentials = user && { auth: `${user.username}:${user.password}` };
			const options = { agent: this.#agent, method, headers, signal: AbortSignal.timeout(timeoutMs), ...credentials };
			const asked = request(this.#origin + path, options, (response) => {
				const chunks: Buffer[] = [];
				response.on('data', (chunk: Buffer) => chunks.push(chunk));
				response.on('error', reject);
				response.on('end', () =>
					resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
				);
			});
			asked.on('socket', (socket) => {
				this.#socket ??= socket;
				if (this.#pinned && this.#socket !== socket) asked.destroy(new Error('The connection was lost'));
			});
			asked.on('error', reject);
			asked.end(body);
		});
	}

	[Symbol.dispose](): void {
		this.#agent.destroy();
	}
}

export interface WorkerLine extends Line {
	readonly threadId: number;
}

/** A line to every worker of a Harper that runs the component `witness`. */
export async function lineToEachWorker(harper: Harper, workers = 2): Promise<WorkerLine[]> {
	const lines = new Map<number, WorkerLine>();
	await eventually(
		async () => {
			const line = new Line(harper.httpUrl, { pinned: true });
			const { status, body } = await line.ask('/WitnessThread');
			if (status !== 200) throw new Error(`/WitnessThread answered ${status}`);
			const threadId = Number(body.toString());
			if (lines.has(threadId)) line[Symbol.dispose]();
			else lines.set(threadId, Object.assign(line, { threadId }));
			return lines.size === workers;
		},
		{ describe: `${workers} workers answer`, intervalMs: 5 }
	);
	return [...lines.values()];
}
