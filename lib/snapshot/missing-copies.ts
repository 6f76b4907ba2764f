import type { Work } from '../jobs/runner.ts';
import { jobError } from '../jobs/job-error.ts';
import type { JobError } from '../jobs/job.ts';
import { PartialFailure } from '../jobs/runner.ts';
import type { Clock } from '../time.ts';
import { bestCopy, readHoldings, type Holdings, type Place } from './holdings.ts';
import { verifyAt, type TakePorts } from './take-job.ts';
import { planUpkeep, removeSnapshot, type Policies } from './upkeep.ts';

export interface MissingCopy {
	readonly id: string;
	readonly prefix: string;
	readonly database: string;
	/** Names of places. */
	readonly from: string;
	readonly to: string;
	/** What is wrong with the copy that lies there; undefined where there is none. */
	readonly replaces?: string;
}

/**
 * The copies that should be there and are not, or are damaged, the newest snapshot first: a repository was out of reach
 * when its snapshot was taken, or was configured later. They are made of what the first place holds, and never for it:
 * what was deleted there would come back. What a policy would prune at once is not copied.
 */
export function missingCopies(
	places: readonly Place[],
	{ snapshots, unread }: Holdings,
	policies: Policies,
	now: number
): readonly MissingCopy[] {
	const [main, ...others] = places;
	const readable = others.filter(({ name }) => !unread.some(({ place }) => place === name));
	const entries = snapshots.map((holding) => bestCopy(holding).entry);
	const pruned = new Set(
		planUpkeep(entries, policies, now).flatMap(({ action, entry }) => (action === 'prune' ? [entry.id] : []))
	);
	return snapshots.flatMap((holding) => {
		const { id, copies } = holding;
		const { place: source, entry } = bestCopy(holding);
		const isGood = entry.problem === undefined && entry.summary?.kind === 'full';
		if (source.name !== main?.name || !isGood || pruned.has(id)) return [];
		const { prefix, database } = entry;
		return readable.flatMap(({ name }) => {
			const present = copies.find(({ place }) => place.name === name)?.entry;
			const copy = { id, prefix, database, from: source.name, to: name };
			if (present === undefined) return [copy];
			return present.problem === undefined ? [] : [{ ...copy, replaces: present.problem }];
		});
	});
}

interface CopyPorts extends Pick<TakePorts, 'workshop' | 'clock' | 'recordVerification'> {
	readonly places: readonly Place[];
	readonly policies: Policies;
	readonly clock: Clock;
	/** The snapshots of this node, which copies its own alone. */
	readonly nodePrefix: string;
}

/** Makes the copies that are missing, and verifies each. One that fails does not keep the others from being made. */
export function copyWork({ places, policies, nodePrefix, ...ports }: CopyPorts): Work {
	return async (_, onProgress, signal) => {
		const holdings = await readHoldings(places, nodePrefix, signal);
		const copied: MissingCopy[] = [];
		const failed: (MissingCopy & { readonly error: JobError })[] = [];
		for (const copy of missingCopies(places, holdings, policies, ports.clock.now())) {
			const { from, to, prefix, database } = copy;
			const place = (wanted: string) => places.find(({ name }) => name === wanted);
			const [source, target] = [place(from), place(to)];
			if (source === undefined || target === undefined) continue;
			const tell: typeof onProgress = (progress) => onProgress({ ...progress, database });
			const verified = (at: Place) => verifyAt(at, { prefix, depth: 'checksums' }, ports, tell, signal);
			try {
				if (copy.replaces !== undefined) {
					// A damaged copy may hold what its source has lost meanwhile.
					await verified(source);
					await removeCopy(target, copy, signal);
				}
				await ports.workshop.copy({ from, to, prefix }, tell, signal);
				await verified(target);
				copied.push(copy);
			} catch (error) {
				signal.throwIfAborted();
				failed.push({ ...copy, error: jobError(error) });
			}
		}
		const [first] = failed;
		if (first === undefined) return { copied };
		const { code, message, hint } = first.error;
		throw new PartialFailure({ copied, failed }, code, first.id, `${first.id} to ${first.to}: ${message}`, { hint });
	};
}

/** Objects never change, so what is damaged has to go before it is written anew. */
async function removeCopy(place: Place, copy: MissingCopy, signal: AbortSignal): Promise<void> {
	await removeSnapshot(await place.open(signal), copy, signal);
	// It may have been the manifest of another one.
	place.cache.delete(copy.prefix);
}
