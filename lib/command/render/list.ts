import type { ListReport, ShownSnapshot } from '../report.ts';
import { countOrDash, size, sizeOrDash } from './amounts.ts';
import { plain, table } from './table.ts';

export function listText({ snapshots, unread }: ListReport): string {
	const rows = snapshots.map(rowOf);
	return [
		...(rows.length > 0 ? [table(HEADING, rows)] : []),
		// Where nothing could be read nobody knows.
		...(rows.length === 0 && unread.length === 0 ? ['No snapshots.'] : []),
		...unread.map(({ place, reason }) => plain(`The repository ${place} was not read: ${reason}`)),
	].join('\n');
}

const HEADING = ['ID', 'NODE', 'DATABASE', 'TAKEN', 'ROWS', 'SIZE', 'STORED', 'VERIFIED', 'STATE'];

function rowOf(snapshot: ShownSnapshot): readonly (string | number)[] {
	const { id, node, database, takenAt = '-', rows, sizeBytes, storedBytes, verification } = snapshot;
	const verified = verification ? `${verification.at} ${verification.depth}` : 'never';
	return [
		id,
		node,
		database,
		takenAt,
		countOrDash(rows),
		sizeOrDash(sizeBytes),
		size(storedBytes),
		verified,
		stateOf(snapshot),
	];
}

/** One word for what it is worth, and what else is to be known of it. */
export function stateOf({ kind, problem, pinned, keyId }: ShownSnapshot): string {
	const worth = problem !== undefined ? 'damaged' : kind === 'external' ? 'external' : 'good';
	return [worth, ...(keyId === undefined ? [] : ['encrypted']), ...(pinned ? ['pinned'] : [])].join(', ');
}
