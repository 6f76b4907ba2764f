import { messageOf } from '../errors.ts';
import { takeLease, whileHeld, type Lease, type LeasePorts } from './lease.ts';
import type { Ledger, Verdict } from './ledger.ts';
import type { Occurrence } from './occurrence.ts';
import type { Outcome } from './progress.ts';
import type { Execute } from './runner.ts';

export interface OncePorts extends LeasePorts {
	readonly ledger: Ledger;
	/** Takes back what a run left that does not count; of one that was aborted there is no detail. What it cannot take back is one more copy, and harms nothing. */
	readonly discard: (occurrence: Occurrence, detail: string | undefined) => Promise<void>;
	readonly warn: (message: string) => void;
}

/**
 * Makes of a run on one node one that counts once in the cluster. The lease lets one node try at a time, as far as the
 * nodes see each other. Which run counts, the ledger decides after the run; docs/decisions/cluster-schedules.md says
 * what that guarantees.
 */
export function oncePerCluster(node: string, execute: Execute, ports: OncePorts): Execute {
	return async (occurrence, attempt, signal) => {
		const { id } = occurrence;
		const find = () => ports.ledger.verdict(id, signal);
		for (;;) {
			const taken = await takeLease(id, node, find, ports, signal);
			if ('found' in taken) return outcomeOf(taken.found, node);
			const { lease } = taken;
			const outcome = await whileHeld(id, lease, (held) => execute(occurrence, attempt, held), ports, signal);
			if (outcome) return count(occurrence, lease, outcome, signal);
			await takeBack(occurrence, undefined, await find());
		}
	};

	async function count(occurrence: Occurrence, lease: Lease, outcome: Outcome, signal: AbortSignal): Promise<Outcome> {
		const detail = outcome.kind === 'succeeded' ? outcome.detail : undefined;
		signal.throwIfAborted();
		const verdict = await ports.ledger.propose(occurrence.id, { by: node, token: lease.token, detail }, signal);
		await forget(occurrence);
		if (verdict.by === node && verdict.token === lease.token) return outcome;
		await takeBack(occurrence, detail, verdict);
		return outcomeOf(verdict, node);
	}

	/** Whoever asks for a decided occurrence finds the verdict before the lease. */
	async function forget({ id }: Occurrence): Promise<void> {
		try {
			await ports.leases.remove(id);
		} catch (error) {
			ports.warn(`The lease of ${id} stays in the table: ${messageOf(error)}`);
		}
	}

	async function takeBack(occurrence: Occurrence, detail?: string, verdict?: Verdict): Promise<void> {
		// What counts may be from an attempt of this node whose proposal arrived late, and this one may have found it done.
		if (verdict?.by === node) return;
		try {
			await ports.discard(occurrence, detail);
		} catch (error) {
			ports.warn(`What ${occurrence.id} left here does not count, and stays: ${messageOf(error)}`);
		}
	}
}

/** This node may have won with an attempt whose end it did not live to record. */
function outcomeOf({ by }: Verdict, node: string): Outcome {
	return by === node ? { kind: 'found' } : { kind: 'elsewhere', by };
}
