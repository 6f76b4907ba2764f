import type { OnProgress } from '../jobs/progress.ts';
import { readHoldings, type Holding, type Place } from '../snapshot/holdings.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import type { Depth } from '../snapshot/verify.ts';
import { exitCodeOf, type Answer, type ExitCode } from './answer.ts';
import { errorReport, findSnapshot, manifestOf, type Copy } from './places.ts';
import { verifyText } from './render/verify.ts';
import type { Verified, VerifyReport } from './report.ts';
import type { VerifyRequest } from './request.ts';

export interface VerifyPorts {
	/** Reads one copy of a snapshot. Rejects where it is not whole, or cannot be read. */
	verify(copy: Copy, manifest: Manifest, depth: Depth, onProgress: OnProgress, signal: AbortSignal): Promise<void>;
	onProgress(subject: string): OnProgress;
}

/** Reads snapshots wherever they lie. One that is damaged does not keep the others from being read. */
export async function verify(
	{ ids, depth }: Pick<VerifyRequest, 'ids' | 'depth'>,
	places: readonly Place[],
	ports: VerifyPorts,
	signal: AbortSignal
): Promise<Answer> {
	const { holdings, verified, unread } = await wanted(ids, places, signal);
	for (const { copies } of holdings) {
		for (const copy of copies) verified.push(await verifyOne(copy, depth, ports, signal));
	}
	const report: VerifyReport = { depth, verified, unread };
	return { exitCode: exitCodeFor(report), report, text: verifyText(report) };
}

async function wanted(ids: VerifyRequest['ids'], places: readonly Place[], signal: AbortSignal) {
	const verified: Verified[] = [];
	if (ids === 'all') {
		const { snapshots, unread } = await readHoldings(places, '', signal);
		signal.throwIfAborted();
		return { holdings: snapshots, verified, unread };
	}
	const holdings: Holding[] = [];
	for (const id of ids) {
		try {
			holdings.push(await findSnapshot(places, id, signal));
		} catch (error) {
			signal.throwIfAborted();
			const report = errorReport(error);
			verified.push({ id, result: report.code === 'snapshot_missing' ? 'missing' : 'unknown', error: report });
		}
	}
	return { holdings, verified, unread: [] };
}

async function verifyOne(copy: Copy, depth: Depth, ports: VerifyPorts, signal: AbortSignal): Promise<Verified> {
	const { id, database } = copy.entry;
	const known = { id, database, repository: copy.place.name };
	try {
		const manifest = await manifestOf(copy, signal);
		if (manifest.kind === 'external') return { ...known, result: 'external' };
		await ports.verify(copy, manifest, depth, ports.onProgress(`${id} of ${database}`), signal);
		return { ...known, result: 'good' };
	} catch (error) {
		signal.throwIfAborted();
		const report = errorReport(error);
		return { ...known, result: exitCodeOf(report.code) === 1 ? 'bad' : 'unknown', error: report };
	}
}

/** Damage that was found counts for more than what could not be found out. */
function exitCodeFor({ verified, unread }: VerifyReport): ExitCode {
	if (verified.some(({ result }) => result === 'bad' || result === 'missing')) return 1;
	return unread.length > 0 || verified.some(({ result }) => result === 'unknown') ? 3 : 0;
}
