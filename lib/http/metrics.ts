import type { Family } from '../metrics/family.ts';
import { contentTypes } from '../metrics/exposition.ts';
import type { Format } from '../metrics/notation.ts';
import { failure, type Endpoint, type HttpRequest, type HttpResponse } from './endpoint.ts';
import { acceptsGzip, negotiate } from './negotiate.ts';

export interface MetricsPorts {
	readonly scrape: () => Promise<readonly Family[]>;
	readonly render: (families: readonly Family[], format: Format) => Uint8Array;
	readonly gzip: (bytes: Uint8Array) => Promise<Uint8Array>;
}

/** Below this a scrape fits a few packets anyway. */
const COMPRESS_FROM_BYTES = 1400;

/** The exposition for Prometheus. `anonymous` lets anybody scrape. */
export function metricsEndpoint(path: string, anonymous: boolean, ports: MetricsPorts): Endpoint {
	return {
		path,
		access: anonymous ? 'anyone' : 'scrape',
		parameters: [],
		verbs: { GET: (request) => expose(request, ports) },
	};
}

async function expose(request: HttpRequest, { scrape, render, gzip }: MetricsPorts): Promise<HttpResponse> {
	const format = negotiate(request.header('accept'));
	if (format === undefined) return notAcceptable();
	const body = render(await scrape(), format);
	const headers = {
		'Content-Type': contentTypes[format],
		'Vary': 'Accept, Accept-Encoding',
		'Cache-Control': 'no-store',
	};
	if (body.length < COMPRESS_FROM_BYTES || !acceptsGzip(request.header('accept-encoding'))) {
		return { status: 200, headers, body };
	}
	return { status: 200, headers: { ...headers, 'Content-Encoding': 'gzip' }, body: await gzip(body) };
}

function notAcceptable(): HttpResponse {
	const offered = Object.values(contentTypes).join(' or ');
	return failure(406, 'not_acceptable', 'None of the accepted media types is served here.', `Served are ${offered}.`);
}
