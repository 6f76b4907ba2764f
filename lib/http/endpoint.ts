import { permits, type Access, type Principal } from './access.ts';
import type { Feed } from './feed.ts';

export interface HttpRequest {
	/** Upper case; CONNECT stands for WebSockets and event streams. */
	readonly verb: string;
	/** The path as it was asked for, beginning with a slash, without the query. */
	readonly path: string;
	readonly query: URLSearchParams;
	readonly header: (name: string) => string | undefined;
	/** What was sent with the request, as its content type reads; undefined for nothing. Rejects for what cannot be read. */
	readonly body: () => Promise<unknown>;
	readonly principal: Principal;
}

/** A request to an endpoint, and what stands in the path where the endpoint's own has `{names}`. */
export interface RoutedRequest extends HttpRequest {
	readonly parts: Readonly<Record<string, string>>;
}

export interface HttpResponse {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	/** A stream goes out as it comes, chunk by chunk. */
	readonly body: string | Uint8Array | AsyncIterable<Uint8Array>;
	/** Messages as they come instead of a body, where a CONNECT is granted. */
	readonly feed?: Feed;
}

export type Handler = (request: RoutedRequest) => Promise<HttpResponse> | HttpResponse;

/** One resource: a path, who may ask, and what it does for each verb. */
export interface Endpoint {
	/** Without the leading slash. A segment in braces stands for any one segment: `custodian/jobs/{id}`. */
	readonly path: string;
	/** What a user must be allowed to, for a verb that does not say otherwise. */
	readonly access: Access | 'anyone';
	readonly verbs: Readonly<Record<string, Handler | RestrictedHandler>>;
	/** The query parameters it knows; any other is refused. */
	readonly parameters: readonly string[];
}

/** A verb for which more is needed than for its endpoint as a whole. */
interface RestrictedHandler {
	readonly access: Access;
	readonly handler: Handler;
}

/**
 * Answers a request to an endpoint. Denied by default: who may not see the endpoint learns nothing of its verbs,
 * paths and parameters.
 */
export async function respond(endpoint: Endpoint, request: HttpRequest): Promise<HttpResponse> {
	const { verb, path, query, principal } = request;
	if (endpoint.access !== 'anyone' && !permits(principal, endpoint.access)) return denied(principal);
	const handler = handlerOf(endpoint, verb);
	if (!handler) return wrongVerb(endpoint, verb);
	if (typeof handler !== 'function' && !permits(principal, handler.access)) return denied(principal);
	const parts = match(endpoint, path);
	if (!parts) return notFound(path);
	const unknown = [...query.keys()].find((name) => !endpoint.parameters.includes(name));
	if (unknown !== undefined) return unknownParameter(endpoint, unknown);
	return (typeof handler === 'function' ? handler : handler.handler)({ ...request, parts });
}

/** The parts of a path that fits an endpoint's; undefined for any other path. */
export function match(endpoint: Endpoint, path: string): Readonly<Record<string, string>> | undefined {
	const wanted = endpoint.path.split('/');
	const given = path.replace(/^\//, '').replace(/\/$/, '').split('/');
	if (!path.startsWith('/') || wanted.length !== given.length) return undefined;
	const parts: Record<string, string> = {};
	for (const [index, segment] of wanted.entries()) {
		const text = given[index] ?? '';
		const [, name] = /^\{(\w+)\}$/.exec(segment) ?? [];
		const part = name === undefined ? text : decoded(text);
		if (part === undefined || part === '' || (name === undefined && part !== segment)) return undefined;
		if (name !== undefined) parts[name] = part;
	}
	return parts;
}

/** HEAD is GET without a body, which the server leaves out by itself. */
function handlerOf(endpoint: Endpoint, verb: string): Handler | RestrictedHandler | undefined {
	const name = verb === 'HEAD' ? 'GET' : verb;
	return Object.hasOwn(endpoint.verbs, name) ? endpoint.verbs[name] : undefined;
}

/** Undefined for a percent sign that stands for nothing. */
function decoded(text: string): string | undefined {
	try {
		return decodeURIComponent(text);
	} catch {
		return undefined;
	}
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
