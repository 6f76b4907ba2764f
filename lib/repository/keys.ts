import { CustodianError } from '../errors.ts';
import { MAX_SEGMENT_LENGTH } from './object-key.ts';
import { parseSnapshotId } from './snapshot-id.ts';

/** Where what belongs to a node lies, its archive and all of its databases. */
export function nodePrefix(node: string): string {
	return `${encodeSegment(node)}/`;
}

export function databasePrefix(node: string, database: string): string {
	return `${nodePrefix(node)}${encodeSegment(database)}/`;
}

export function snapshotPrefix(node: string, database: string, id: string): string {
	return `${databasePrefix(node, database)}snapshots/${encodeSegment(id)}/`;
}

/** An object of a snapshot, as its key tells it. */
export interface SnapshotKey {
	readonly node: string;
	readonly database: string;
	readonly id: string;
	/** What the keys of all objects of the snapshot begin with. */
	readonly prefix: string;
	/** What the key of this one has behind that. */
	readonly name: string;
}

/** Undefined for the key of anything else. */
export function parseSnapshotKey(key: string): SnapshotKey | undefined {
	const [encodedNode = '', encodedDatabase = '', kind, id = '', ...rest] = key.split('/');
	const node = decodeSegment(encodedNode);
	const database = decodeSegment(encodedDatabase);
	const name = rest.join('/');
	if (node === undefined || database === undefined || kind !== 'snapshots' || name === '') return undefined;
	if (parseSnapshotId(id) === undefined) return undefined;
	return { node, database, id, prefix: snapshotPrefix(node, database, id), name };
}

/** A name as one segment of a key: all but `[A-Za-z0-9._-]`, and a dot in front, as percent signs and UTF-8 in hexadecimal. */
export function encodeSegment(name: string): string {
	const encoded = [...new TextEncoder().encode(name)]
		.map((byte, index) => {
			const character = String.fromCharCode(byte);
			const plain = /[A-Za-z0-9_-]/.test(character) || (character === '.' && index > 0);
			return plain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
		})
		.join('');
	if (encoded === '' || encoded.length > MAX_SEGMENT_LENGTH || !name.isWellFormed()) throw unnameable(name);
	return encoded;
}

/** The name that `encodeSegment` made the segment of; undefined where it made it of none. */
export function decodeSegment(segment: string): string | undefined {
	try {
		const name = decodeURIComponent(segment);
		return encodeSegment(name) === segment ? name : undefined;
	} catch {
		return undefined;
	}
}

function unnameable(name: string): CustodianError {
	return new CustodianError('object_key_invalid', name, `${JSON.stringify(name)} makes no part of a key.`, {
		hint: `It is empty, no text, or longer than ${MAX_SEGMENT_LENGTH} bytes once it is encoded.`,
	});
}
