import type { ExtractReport } from '../report.ts';
import { grouped } from './amounts.ts';
import { plain } from './table.ts';

/** What was written, and what to do with it. */
export function extractText(report: ExtractReport): string {
	const { id, node, database, takenAt, databaseFile, blobDirectories, blobFiles } = report;
	const blobs = blobDirectories.map(({ path }) => path).join(', ');
	return [
		`Extracted ${id}: ${database} of ${node}, as of ${takenAt}.`,
		`  ${databaseFile}`,
		...(blobFiles > 0 ? [`  ${blobs} (${grouped(blobFiles)} blob files)`] : []),
		...missing(report),
		'',
		'To put it in place of the database:',
		...steps(report).map((step, index) => `  ${index + 1}. ${step}`),
		'',
		'In a cluster the other nodes send what they have and this one lacks, and so undo the recovery: keep it apart, or',
		'put the same state into all of them.',
	]
		.map(plain)
		.join('\n');
}

function steps({ database, databaseFile, blobDirectories }: ExtractReport): readonly string[] {
	return [
		'Stop Harper.',
		`Move <root>/database/${database}.mdb away; keep it until all is well.`,
		`Move ${databaseFile} to <root>/database/${database}.mdb.`,
		...blobDirectories.map(({ index, path }) => {
			const target = index === 0 ? `<root>/blobs/${database}/` : `<storage.blobPaths[${index}]>/${database}/`;
			return `Put all below ${path}/ into ${target}, over what has the same name.`;
		}),
		'Give the files to the user that Harper runs as.',
		'Start Harper.',
	];
}

function missing({ blobsLeftOut, blobsMissing }: ExtractReport): readonly string[] {
	return [
		...(blobsLeftOut > 0 ? [`${grouped(blobsLeftOut)} blob files were left out: reading their records fails.`] : []),
		...(blobsMissing > 0
			? [`${grouped(blobsMissing)} blobs were missing or incomplete in the database itself when it was copied.`]
			: []),
	];
}
