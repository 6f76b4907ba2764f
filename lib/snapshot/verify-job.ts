import { CustodianError } from '../errors.ts';
import { jobError } from '../jobs/job-error.ts';
import type { JobError } from '../jobs/job.ts';
import { PartialFailure, type Work } from '../jobs/runner.ts';
import { readHoldings } from './holdings.ts';
import { parseVerifyRequest } from './request.ts';
import { verifyAt, type TakePorts } from './take-job.ts';

interface Read {
	readonly id: string;
	readonly place: string;
	readonly error?: JobError;
}

/** Verifies snapshots wherever they lie. One that is damaged does not keep the others from being read. */
export function verifyWork(ports: Pick<TakePorts, 'workshop' | 'clock' | 'recordVerification' | 'places'>): Work {
	return async (job, onProgress, signal) => {
		const { ids, depth } = parseVerifyRequest(job.request);
		const { snapshots } = await readHoldings(ports.places, '', signal);
		const verified: Read[] = [];
		for (const id of ids) {
			const holding = snapshots.find((candidate) => candidate.id === id);
			if (!holding) verified.push({ id, place: '', error: jobError(missing(id)) });
			for (const { place, entry } of holding?.copies ?? []) {
				const { prefix, database } = entry;
				const tell: typeof onProgress = (progress) => onProgress({ ...progress, database });
				try {
					await verifyAt(place, { prefix, depth }, ports, tell, signal);
					verified.push({ id, place: place.name });
				} catch (error) {
					signal.throwIfAborted();
					verified.push({ id, place: place.name, error: jobError(error) });
				}
			}
		}
		const bad = verified.find(({ error }) => error !== undefined);
		if (bad?.error === undefined) return { verified };
		const { code, message, hint } = bad.error;
		const said = bad.place === '' ? message : `${bad.id} in ${bad.place}: ${message}`;
		throw new PartialFailure({ verified }, code, bad.id, said, { hint });
	};
}

function missing(id: string): CustodianError {
	return new CustodianError('snapshot_missing', id, `There is no snapshot ${id}.`);
}
