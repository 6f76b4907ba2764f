import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { Credentials, Harper } from '../../test/support/harper.ts';

export interface Answer {
	readonly status: number;
	readonly body: Buffer;
	readonly tookMs: number;
}

/** One keep-alive connection, as a Prometheus server has; it stays with the worker that accepted it. */
export class Client {
	readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
	readonly #url: string;
	readonly #authorization: string;

	constructor(url: string, { username, password }: Credentials) {
		this.#url = url;
		this.#authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
	}

	async send(
		path: string,
		options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {}
	): Promise<Answer> {
		const startedAt = performance.now();
		const outgoing = request(new URL(path, this.#url), {
			agent: this.#agent,
			method: options.method ?? 'GET',
			headers: { authorization: this.#authorization, ...options.headers },
		});
		outgoing.end(options.body);
		const [incoming] = await once(outgoing, 'response');
		const chunks: Buffer[] = [];
		for await (const chunk of incoming) chunks.push(chunk);
		return { status: incoming.statusCode, body: Buffer.concat(chunks), tookMs: performance.now() - startedAt };
	}

	async json<T>(path: string): Promise<T> {
		const answer: T = JSON.parse((await this.send(path)).body.toString());
		return answer;
	}

	close(): void {
		this.#agent.destroy();
	}
}

/** One connection to each of the two workers. */
export async function clientPerWorker(harper: Harper, user: Credentials): Promise<Client[]> {
	const clients = new Map<number, Client>();
	for (let attempt = 0; clients.size < 2; attempt++) {
		if (attempt === 100) throw new Error('A hundred connections did not reach both workers');
		const client = new Client(harper.httpUrl, user);
		const { threadId } = await client.json<{ threadId: number }>('/Inside/who');
		if (clients.has(threadId)) client.close();
		else clients.set(threadId, client);
	}
	return [...clients.values()];
}
