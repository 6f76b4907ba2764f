import * as v from 'valibot';
import { CustodianError } from '../errors.ts';

/** Whose run of an occurrence counts. */
export interface Verdict {
	readonly by: string;
	/** The token of the lease under which it ran: tells two attempts of one node apart. */
	readonly token: number;
	/** What the run left, by which it is found again. */
	readonly detail?: string | undefined;
}

/** Decides once, for all nodes that can reach it. A node that cannot reach it gets an error, and has not won. */
export interface Ledger {
	/** The verdict; undefined where there is none yet. */
	verdict(occurrence: string, signal?: AbortSignal): Promise<Verdict | undefined>;
	/** Proposes one's own run, and gives the verdict, which is the first proposal that arrived. It never changes. */
	propose(occurrence: string, proposal: Verdict, signal?: AbortSignal): Promise<Verdict>;
}

/** What the ledger needs of the repository that all nodes of the cluster share. */
export interface SharedObjects {
	/** Rejects with the code `object_exists` where the key is there, however many write it at once. */
	write(key: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<unknown>;
	/** Rejects with the code `object_missing` where it is not. */
	read(key: string, range?: undefined, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

const schema = v.strictObject({
	version: v.literal(1),
	by: v.string(),
	token: v.pipe(v.number(), v.safeInteger()),
	detail: v.optional(v.string()),
});

/** One object per occurrence: whoever creates it has won. */
export function repositoryLedger(objects: SharedObjects, prefix: string): Ledger {
	const verdict = async (occurrence: string, signal?: AbortSignal): Promise<Verdict | undefined> => {
		const key = keyOf(prefix, occurrence);
		try {
			return parseVerdict(key, await readText(objects.read(key, undefined, signal)));
		} catch (error) {
			if (hasCode(error, 'object_missing')) return undefined;
			throw error;
		}
	};
	return {
		verdict,
		async propose(occurrence, proposal, signal) {
			try {
				await objects.write(keyOf(prefix, occurrence), textBytes(JSON.stringify({ version: 1, ...proposal })), signal);
				return proposal;
			} catch (error) {
				if (!hasCode(error, 'object_exists')) throw error;
				// It may be this very proposal, where the answer to an earlier write was lost.
				const existing = await verdict(occurrence, signal);
				if (existing) return existing;
				throw error;
			}
		},
	};
}

function keyOf(prefix: string, occurrence: string): string {
	// A key has no more letters than these, and `!'()*` are what encodeURIComponent leaves besides.
	const name = encodeURIComponent(occurrence).replaceAll(
		/[!'()*]/g,
		(c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`
	);
	return `${prefix}occurrences/${name}/verdict.json`;
}

function parseVerdict(key: string, text: string): Verdict {
	try {
		const { version: _, ...verdict } = v.parse(schema, JSON.parse(text));
		return verdict;
	} catch (cause) {
		throw new CustodianError('verdict_invalid', key, `${key} is no verdict on an occurrence.`, {
			cause,
			hint: 'A later version may have written it. No node runs the occurrence until the object is removed.',
		});
	}
}

function hasCode(error: unknown, code: string): boolean {
	return error instanceof CustodianError && error.code === code;
}

async function* textBytes(text: string): AsyncIterable<Uint8Array> {
	yield new TextEncoder().encode(text);
}

async function readText(bytes: AsyncIterable<Uint8Array>): Promise<string> {
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of bytes) text += decoder.decode(chunk, { stream: true });
	return text + decoder.decode();
}
