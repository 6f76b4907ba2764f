import { asFields, stringIn, type Fields } from './fields.ts';
import { harperHost } from './host.ts';

/** Runs an operation inside this worker, as Harper itself: whoever calls answers for who may see the result. */
export async function operate(name: string, parameters: Fields = {}): Promise<unknown> {
	return harperHost().server.operation({ operation: name, ...parameters }, {}, false);
}

/**
 * The rows of an answer that holds a search. Whoever asks for an operation with such an answer must read it to its end:
 * an unread search keeps its read transaction, and so the pages of the database, until it is garbage collected.
 */
export async function drain(rows: unknown): Promise<readonly Fields[]> {
	if (Array.isArray(rows)) return rows.map(asFields);
	const list: Fields[] = [];
	if (isAsyncIterable(rows)) for await (const row of rows) list.push(asFields(row));
	return list;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
	return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** A section of `harperdb-config.yaml` as it was when this worker started; empty when it is not there. */
export function configSection(name: string): Fields {
	return asFields(instanceConfig()[name]);
}

export function instanceConfig(): Fields {
	return asFields(harperHost().server.config);
}

/** The name of this node in its cluster. */
export function hostname(): string | undefined {
	return harperHost().server.hostname;
}

/** Hears every message of the type that other threads send to this one, for as long as it lives. */
export function onThreadMessage(type: string, listener: (message: unknown) => void): void {
	harperHost().threads.onMessageByType(type, listener);
}

/** The version of the Harper that runs us; empty where it does not say. */
export async function harperVersion(): Promise<string> {
	return stringIn(asFields(await operate('registration_info')), 'version') ?? '';
}
