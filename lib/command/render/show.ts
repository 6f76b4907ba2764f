import type { ShowReport } from '../report.ts';
import { grouped, size } from './amounts.ts';
import { stateOf } from './list.ts';
import { pairs, plain, table } from './table.ts';

export function showText(report: ShowReport): string {
	const { manifest, verification } = report;
	const head = pairs([
		['Snapshot', report.id],
		['State', stateOf(report)],
		['Problem', report.problem],
		['Node', report.node],
		['Database', report.database],
		['Taken', report.takenAt],
		['Schedule', report.schedule],
		['By', report.by],
		['Label', report.label],
		['Key', report.keyId],
		[
			'Versions',
			manifest &&
				Object.entries(manifest.versions)
					.map((pair) => pair.join(' '))
					.join(', '),
		],
		['Verified', verification ? `${verification.at}, ${verification.depth}, ${verification.result}` : 'never'],
		[
			'Repositories',
			report.repositories.map(({ name, problem }) => name + (problem ? ` (${problem})` : '')).join(', '),
		],
		['Stored', size(report.storedBytes)],
		['Audit log', auditText(report)],
		['Blobs', blobsText(report)],
	]);
	return [head, objectsText(report), tablesText(report)].filter((part) => part !== '').join('\n\n');
}

function objectsText({ manifest }: ShowReport): string {
	const objects = manifest?.objects ?? [];
	if (objects.length === 0) return '';
	const rows = objects.map(({ name, plain: file, stored }) => [name, size(file.sizeBytes), size(stored.sizeBytes)]);
	return table(['OBJECT', 'SIZE', 'STORED'], rows);
}

function tablesText({ manifest }: ShowReport): string {
	const tables = manifest?.contents?.tables ?? [];
	if (tables.length === 0) return '';
	const rows = tables.map(({ name, rows: count, tombstones, indexes, contentHash }) => [
		name,
		grouped(count),
		grouped(tombstones),
		indexes.map(({ attribute, state }) => (state === 'differs' ? `${attribute} (differs)` : attribute)).join(' ') ||
			'-',
		contentHash.slice(0, 16),
	]);
	return table(['TABLE', 'ROWS', 'TOMBSTONES', 'INDEXES', 'CONTENT'], rows);
}

function auditText({ manifest }: ShowReport): string | undefined {
	const contents = manifest?.contents;
	if (contents === undefined) return undefined;
	return contents.audit === null ? 'none' : `${grouped(contents.audit.entries)} entries`;
}

function blobsText({ manifest }: ShowReport): string | undefined {
	const blobs = manifest?.contents?.blobs;
	if (blobs === undefined) return undefined;
	const { files, sizeBytes, incomplete, missing } = blobs;
	const flaws = [
		...(incomplete > 0 ? [`${grouped(incomplete)} incomplete`] : []),
		...(missing > 0 ? [`${grouped(missing)} missing in the database`] : []),
	];
	return plain([`${grouped(files)} files, ${size(sizeBytes)}`, ...flaws].join(', '));
}
