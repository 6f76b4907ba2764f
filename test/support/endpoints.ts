import type { Access } from '../../lib/http/access.ts';
import { respond, type Endpoint, type HttpRequest, type HttpResponse } from '../../lib/http/endpoint.ts';

/** What a test sends; a path may have a query behind it. */
export interface Asked {
	readonly verb?: string;
	readonly body?: unknown;
	readonly headers?: Readonly<Record<string, string>>;
	readonly access?: Access;
}

/** Asks one endpoint, as an operator unless the test says otherwise. */
export async function ask(
	endpoint: Endpoint | undefined,
	path: string,
	{ verb = 'GET', body, headers = {}, access = 'operate' }: Asked = {}
): Promise<HttpResponse> {
	if (endpoint === undefined) throw new Error(`Nobody serves ${path}`);
	const [pathname = '', query = ''] = path.split('?');
	const request: HttpRequest = {
		verb,
		path: pathname,
		query: new URLSearchParams(query),
		header: (name) => headers[name],
		body: async () => body,
		principal: { kind: 'user', name: 'admin', access },
	};
	return respond(endpoint, request);
}

/** Asks, and reads JSON, of which the caller knows the type. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what it reads
export async function answerOf<T = { readonly error: { readonly code: string; readonly message: string } }>(
	...asked: Parameters<typeof ask>
): Promise<{ readonly status: number; readonly body: T; readonly headers: HttpResponse['headers'] }> {
	const { status, body, headers } = await ask(...asked);
	if (typeof body !== 'string') throw new Error('The body is no text');
	const parsed: T = JSON.parse(body);
	return { status, body: parsed, headers };
}
