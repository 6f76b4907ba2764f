import * as v from 'valibot';
import { failure, type HttpRequest, type HttpResponse } from './endpoint.ts';

/** A body that was understood, or the answer to one that was not. */
export type ReadBody<T> = { readonly value: T } | { readonly refusal: HttpResponse };

/** Reads the body of a request as a schema wants it; nothing counts as an empty object. */
export async function readBody<T>(request: HttpRequest, schema: v.GenericSchema<unknown, T>): Promise<ReadBody<T>> {
	let body: unknown;
	try {
		body = (await request.body()) ?? {};
	} catch {
		const hint = 'Send JSON, with Content-Type: application/json.';
		return { refusal: failure(400, 'malformed_body', 'The body of the request cannot be read.', hint) };
	}
	// valibot takes a list for an object, an empty one for an empty object.
	if (typeof body !== 'object' || Array.isArray(body))
		return { refusal: failure(400, 'invalid_body', 'the body: expected an object.') };
	const result = v.safeParse(schema, body);
	if (result.success) return { value: result.output };
	const [issue] = result.issues;
	const where = v.getDotPath(issue) ?? 'the body';
	const unknown = issue.type === 'strict_object' && issue.expected === 'never';
	const what = unknown ? `${where} is not known.` : `${where}: expected ${issue.message}.`;
	return { refusal: failure(400, 'invalid_body', what) };
}
