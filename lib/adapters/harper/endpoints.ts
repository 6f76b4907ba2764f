import { CustodianError, messageOf } from '../../errors.ts';
import { principalOf } from '../../http/access.ts';
import { failure, match, respond, type Endpoint, type HttpRequest, type HttpResponse } from '../../http/endpoint.ts';
import { eventStream, socketMessages } from './feeds.ts';
import type { HarperRequest, Host, Incoming, Listener } from './host.ts';

const VERBS = ['get', 'put', 'post', 'patch', 'delete', 'connect', 'query', 'copy', 'move', 'search', 'publish'];

/** The verbs to which Harper hands a body, or a promise of one, before the request. */
const WITH_BODY = new Set(['put', 'post', 'patch']);

/**
 * Makes endpoints reachable through Harper's REST. A name that another component has taken is left to it.
 *
 * Harper checks no permission for such resources, so every verb that it could ever call comes to `respond`, which does.
 */
export function publishResources(host: Host, endpoints: readonly Endpoint[]): void {
	for (const place of new Set(endpoints.map(placeOf))) {
		const group = endpoints.filter((endpoint) => placeOf(endpoint) === place);
		if (!host.server.resources.has(place)) host.server.resources.set(place, resourceOf(host, group));
	}
}

/** Where Harper finds an endpoint: its path up to the first segment that may be anything. */
function placeOf({ path }: Endpoint): string {
	return path.replace(/\/\{.*$/, '');
}

/**
 * Serves endpoints from Harper's HTTP chain, behind all resources: registering a resource would break another
 * component's table or resource of the same name that loads later, this only answers what nobody else does.
 */
export function publishBehind(host: Host, endpoints: readonly Endpoint[]): void {
	host.server.http(listenerOf(host, endpoints), {});
}

/** Serves endpoints on a port of their own. */
export function publishOnPort(host: Host, endpoints: readonly Endpoint[], port: string | number): void {
	host.server.http(listenerOf(host, endpoints), { port });
	// Harper leaves a socket that asks to be upgraded open for ever, unless somebody wants WebSockets on the port.
	host.server.ws((socket) => socket.terminate(), { port });
}

function listenerOf(host: Host, endpoints: readonly Endpoint[]): Listener {
	return (request, next) => {
		const endpoint = request.isWebSocket === true ? undefined : find(endpoints, request);
		return endpoint ? answer(host, endpoint, request, request.method) : next(request);
	};
}

function find(endpoints: readonly Endpoint[], request: HarperRequest): Endpoint | undefined {
	const { pathname } = urlOf(request);
	return endpoints.find(({ path }) => pathname === `/${path}` || pathname === `/${path}/`);
}

/** Endpoints of one place. A path that fits none of them is answered by the first, which says so to who may know. */
function resourceOf(host: Host, endpoints: readonly Endpoint[]): object {
	// Harper looks at the prototype of every resource when it describes the instance at /openapi.
	const resource: Record<string, unknown> = { loadAsInstance: false, prototype: {} };
	for (const verb of VERBS) {
		resource[verb] = (...parameters: readonly unknown[]) => {
			// Bodies are promises that may reject, and nobody awaits them here.
			for (const parameter of parameters) void Promise.resolve(parameter).catch(() => undefined);
			// The request comes last, whatever the verb.
			// oxlint-disable-next-line typescript/no-unsafe-type-assertion
			const request = parameters.at(-1) as HarperRequest;
			const { pathname } = urlOf(request);
			const endpoint = endpoints.find((candidate) => match(candidate, pathname)) ?? endpoints[0];
			if (!endpoint) return undefined;
			const body = WITH_BODY.has(verb) ? parameters.at(-2) : undefined;
			const name = verb === 'get' ? request.method : verb.toUpperCase();
			// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Harper's, or null for a stream of events
			const client = verb === 'connect' ? clientOf(request, parameters.at(-2) as Incoming | null) : undefined;
			return answer(host, endpoint, request, name, { body, client });
		};
	}
	return resource;
}

async function answer(
	host: Host,
	endpoint: Endpoint,
	request: HarperRequest,
	verb: string,
	{ body, client }: { readonly body?: unknown; readonly client?: Client | undefined } = {}
): Promise<object> {
	request.handlerPath ??= endpoint.path;
	const response = await safely(host, endpoint, parse(request, verb, body));
	const { feed } = response;
	if (client?.hasLeft === true) feed?.close();
	if (client) client.onLeave = () => feed?.close();
	if (request.isWebSocket === true) {
		if (feed) return socketMessages(feed);
		throw Object.assign(new Error('Refused'), { statusCode: response.status });
	}
	if (feed)
		return { status: response.status, headers: new Map(Object.entries(response.headers)), body: eventStream(feed) };
	return toHarper(response, (error) => {
		host.logger.error(`harper-custodian: ${verb} /${endpoint.path} broke off: ${messageOf(error)}`);
		// oxlint-disable-next-line no-underscore-dangle -- Harper calls it so
		request._nodeResponse?.destroy();
	});
}

/** What an endpoint throws for whoever can wait. */
const STATUSES: ReadonlyMap<string, number> = new Map([
	['repository_unreachable', 503],
	['queue_full', 429],
	['plan_missing', 410],
	['plan_damaged', 410],
]);

/** Who asked, and whether he is still there: Harper tells that to nobody who began to listen too late. */
interface Client {
	hasLeft: boolean;
	onLeave: () => void;
}

function clientOf(request: HarperRequest, incoming: Incoming | null): Client {
	const { _nodeResponse: response, _nodeRequest: asked } = request;
	const gone = request.isWebSocket === true ? asked?.socket?.destroyed : response?.destroyed;
	const client: Client = { hasLeft: gone === true, onLeave: () => {} };
	const leave = () => {
		client.hasLeft = true;
		client.onLeave();
	};
	// What nobody reads would be kept.
	incoming?.on('data', () => {});
	incoming?.on('close', leave);
	if (incoming) return client;
	response?.on('close', leave);
	return client;
}

async function safely(host: Host, endpoint: Endpoint, request: HttpRequest): Promise<HttpResponse> {
	try {
		return await respond(endpoint, request);
	} catch (error) {
		host.logger.error(`harper-custodian: ${request.verb} /${endpoint.path} failed: ${messageOf(error)}`);
		if (error instanceof CustodianError) {
			return failure(STATUSES.get(error.code) ?? 500, error.code, error.message, error.hint);
		}
		return failure(500, 'internal', 'This request failed inside harper-custodian.', "The reason is in Harper's log.");
	}
}

function parse(request: HarperRequest, verb: string, body: unknown): HttpRequest {
	const { pathname, searchParams } = urlOf(request);
	const headers = request.headers.asObject;
	return {
		verb: verb.toUpperCase(),
		path: pathname,
		query: searchParams,
		header: (name) => [headers[name.toLowerCase()]].flat()[0],
		body: async () => body,
		principal: principalOf(request.user),
	};
}

/** Harper's URLs have no origin, and a client may send any text as one. */
function urlOf(request: HarperRequest): { readonly pathname: string; readonly searchParams: URLSearchParams } {
	const query = request.url.indexOf('?');
	return {
		pathname: query < 0 ? request.url : request.url.slice(0, query),
		searchParams: new URLSearchParams(query < 0 ? '' : request.url.slice(query + 1)),
	};
}

/**
 * Harper sends a response with a body verbatim, and on some statuses sets headers of its own. All it needs of headers is
 * what a map has; of `Headers` every value is checked twice.
 */
function toHarper({ status, headers, body }: HttpResponse, onBroken: (error: unknown) => void): object {
	const isStream = typeof body === 'object' && Symbol.asyncIterator in body;
	return { status, headers: new Map(Object.entries(headers)), body: isStream ? watched(body, onBroken) : body };
}

/** Harper leaves the connection of a stream that broke off open, and the client waiting for the rest. */
async function* watched(
	body: AsyncIterable<Uint8Array>,
	onBroken: (error: unknown) => void
): AsyncIterable<Uint8Array> {
	try {
		yield* body;
	} catch (error) {
		onBroken(error);
		throw error;
	}
}
