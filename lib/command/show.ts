import { readManifest } from '../snapshot/catalogue.ts';
import { bestCopy, type Place } from '../snapshot/holdings.ts';
import type { Answer } from './answer.ts';
import { findSnapshot } from './places.ts';
import { showText } from './render/show.ts';
import type { ShowReport } from './report.ts';
import { shownSnapshot } from './snapshot.ts';

/** What one snapshot is and holds, as far as its manifest and a look at its objects tell. */
export async function show(id: string, places: readonly Place[], signal: AbortSignal): Promise<Answer> {
	const holding = await findSnapshot(places, id, signal);
	const { place, entry } = bestCopy(holding);
	const manifest = entry.summary && (await readManifest(await place.open(signal), entry.prefix, signal));
	const report: ShowReport = { ...shownSnapshot(holding), ...(manifest ? { manifest } : {}) };
	return { exitCode: report.problem === undefined ? 0 : 1, report, text: showText(report) };
}
