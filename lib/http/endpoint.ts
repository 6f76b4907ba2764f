import { permits, type Access, type Principal } from './access.ts';

export interface HttpRequest {
	/** Upper case; CONNECT stands for WebSockets and event streams. */
	readonly verb: string;
	/** The path as it was asked for, beginning with a slash, without the query. */
	readonly path: string;
	readonly query: URLSearchParams;
	readonly header: (name: string) => string | undefined;
	readonly principal: Principal;
}

export interface HttpResponse {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string | Uint8Array;
}

export type Handler = (request: HttpRequest) => Promise<HttpResponse> | HttpResponse;

/** One resource: a path, who may ask, and what it does for each verb. */
export interface Endpoint {
	/** Without the leading slash. */
	readonly path: string;
	/** What a user must be allowed to. */
	readonly access: Access | 'anyone';
	readonly verbs: Readonly<Record<string, Handler>>;
	/** The query parameters it knows; any other is refused. */
	readonly parameters: readonly string[];
}

/**
 * Answers a request to an endpoint. Denied by default: who may not see the endpoint learns nothing of its verbs,
 * paths and parameters.
 */
export async function respond(endpoint: Endpoint, request: HttpRequest): Promise<HttpResponse> {
	return refusal(endpoint, request) ?? (await handlerOf(endpoint, request.verb)?.(request)) ?? notFound(request.path);
}

function refusal(endpoint: Endpoint, { verb, path, query, principal }: HttpRequest): HttpResponse | undefined {
	if (endpoint.access !== 'anyone' && !permits(principal, endpoint.access)) return denied(principal);
	if (!handlerOf(endpoint, verb)) return wrongVerb(endpoint, verb);
	if (path !== `/${endpoint.path}` && path !== `/${endpoint.path}/`) return notFound(path);
	const unknown = [...query.keys()].find((name) => !endpoint.parameters.includes(name));
	return unknown === undefined ? undefined : unknownParameter(endpoint, unknown);
}

/** HEAD is GET without a body, which the server leaves out by itself. */
function handlerOf(endpoint: Endpoint, verb: string): Handler | undefined {
	const name = verb === 'HEAD' ? 'GET' : verb;
	return Object.hasOwn(endpoint.verbs, name) ? endpoint.verbs[name] : undefined;
}

function denied(principal: Principal): HttpResponse {
	if (principal.kind === 'anonymous') {
		const message = 'This needs a user.';
		const hint = 'Send the credentials of a Harper user, as HTTP Basic or as a bearer token.';
		return failure(401, 'unauthenticated', message, hint);
	}
	const hint = 'Use a super_user, or a role whose access.custodian allows it: scraper, viewer or operator.';
	return failure(403, 'forbidden', 'This user may not do that.', hint);
}

function wrongVerb(endpoint: Endpoint, verb: string): HttpResponse {
	const verbs = Object.keys(endpoint.verbs);
	const allow = (verbs.includes('GET') ? [...verbs, 'HEAD'] : verbs).join(', ');
	return failure(405, 'method_not_allowed', `${shown(verb)} is not possible here.`, `Use ${allow}.`, { Allow: allow });
}

function notFound(path: string): HttpResponse {
	return failure(404, 'not_found', `There is nothing at ${shown(path)}.`);
}

function unknownParameter({ parameters }: Endpoint, name: string): HttpResponse {
	const known = parameters.length > 0 ? `Known are ${parameters.join(', ')}.` : 'It takes none.';
	return failure(400, 'unknown_parameter', `The query parameter ${shown(name)} is not known.`, known);
}

/** The one shape of every error. */
export function failure(
	status: number,
	code: string,
	message: string,
	hint?: string,
	headers: Readonly<Record<string, string>> = {}
): HttpResponse {
	return json(status, { error: { code, message, ...(hint === undefined ? {} : { hint }) } }, headers);
}

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
	return {
		status,
		headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
		body: `${JSON.stringify(value)}\n`,
	};
}

/** What a client sent, quoted and short enough to be sent back. */
function shown(text: string): string {
	return JSON.stringify(text.length > 100 ? `${text.slice(0, 97)}...` : text);
}
