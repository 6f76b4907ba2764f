import { createServer, type IncomingHttpHeaders } from 'node:http';
import { onTestFinished } from 'vitest';

interface Received {
	readonly method: string;
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

/** What the receiver does with a request: a status, headers beside it, or no answer at all. */
export type Answer = { readonly status: number; readonly headers?: Record<string, string> } | 'silence' | 'reset';

interface Receiver {
	readonly origin: string;
	readonly got: Received[];
	readonly close: () => void;
}

/** A server on 127.0.0.1 that writes down what comes, and gives the answers in turn, the last one again and again. */
export async function receiver(...answers: readonly Answer[]): Promise<Receiver> {
	const opened = await openReceiver(...answers);
	onTestFinished(opened.close);
	return opened;
}

/** One that lasts until it is closed. */
export async function openReceiver(...answers: readonly Answer[]): Promise<Receiver> {
	const got: Received[] = [];
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on('data', (chunk: Buffer) => chunks.push(chunk));
		request.on('end', () => {
			const { method = '', url = '', headers } = request;
			const answer = answers[Math.min(got.length, answers.length - 1)] ?? { status: 204 };
			got.push({ method, path: url, headers, body: Buffer.concat(chunks).toString('utf8') });
			if (answer === 'reset') request.socket.destroy();
			else if (answer !== 'silence') response.writeHead(answer.status, answer.headers).end();
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const close = () => {
		server.closeAllConnections();
		server.close();
	};
	const address = server.address();
	if (address === null || typeof address === 'string') throw new Error('The receiver has no port');
	return { origin: `http://127.0.0.1:${address.port}`, got, close };
}
