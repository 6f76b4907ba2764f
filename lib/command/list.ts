import { databasePrefix, nodePrefix } from '../repository/keys.ts';
import { readHoldings, type Place } from '../snapshot/holdings.ts';
import type { Answer } from './answer.ts';
import { listText } from './render/list.ts';
import type { ListReport } from './report.ts';
import type { ListRequest } from './request.ts';
import { shownSnapshot } from './snapshot.ts';

/** Which snapshots there are. That one is damaged is shown and no failure: whoever asks wants the list. */
export async function list(
	{ node, database }: Pick<ListRequest, 'node' | 'database'>,
	places: readonly Place[],
	signal: AbortSignal
): Promise<Answer> {
	const { snapshots, unread } = await readHoldings(places, prefixOf(node, database), signal);
	signal.throwIfAborted();
	const report: ListReport = {
		snapshots: snapshots
			.map(shownSnapshot)
			.filter((one) => database === undefined || one.database === database)
			.filter((one) => node === undefined || one.node === node),
		complete: unread.length === 0,
		unread,
	};
	return { exitCode: report.complete ? 0 : 3, report, text: listText(report) };
}

/** So that a bucket need not be listed as a whole. */
function prefixOf(node: string | undefined, database: string | undefined): string {
	if (node === undefined) return '';
	return database === undefined ? nodePrefix(node) : databasePrefix(node, database);
}
