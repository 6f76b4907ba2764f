import type { Clock } from '../time.ts';
import type { Sleep } from '../pause.ts';

/** Says which node tries an occurrence, so that the others need not. */
export interface Lease {
	readonly holder: string;
	/** Rises with every taking. */
	readonly token: number;
	/** Rises while the holder lives. */
	readonly beat: number;
}

/**
 * Leases by occurrence, in a table that is replicated. Nodes may see different rows for a while, and of two rows that
 * were written at once one wins everywhere: so a lease saves work, and excludes nobody.
 */
export interface Leases {
	read(occurrence: string): Promise<Lease | undefined>;
	write(occurrence: string, lease: Lease): Promise<void>;
	remove(occurrence: string): Promise<void>;
}

export interface LeasePorts {
	readonly leases: Leases;
	/** Only this clock: no node reads a time that another one wrote. */
	readonly clock: Pick<Clock, 'monotonic'>;
	readonly sleep: Sleep;
}

/** A lease that has not changed for so long, as seen from here, has lost its holder. */
const LAPSE_MS = 30_000;
const BEAT_MS = 5000;
const POLL_MS = 5000;

/** How long a taking waits for a row that was written elsewhere at the same time. */
const SETTLE_MS = 2000;

/** Waits until no other node holds the lease, and takes it, or gives what `find` has found meanwhile. */
export async function takeLease<T>(
	occurrence: string,
	node: string,
	find: () => Promise<T | undefined>,
	{ leases, clock, sleep }: LeasePorts,
	signal: AbortSignal
): Promise<{ readonly lease: Lease } | { readonly found: T }> {
	let seen: Lease | undefined;
	let seenAt = clock.monotonic();
	for (;;) {
		signal.throwIfAborted();
		const found = await find();
		if (found !== undefined) return { found };
		const current = await leases.read(occurrence);
		if (!isSame(current, seen)) seenAt = clock.monotonic();
		seen = current;
		// A lease of this node's own is what an earlier attempt left: no two run at once on one node.
		const isFree = !current || current.holder === node || clock.monotonic() - seenAt >= LAPSE_MS;
		if (!isFree) {
			await sleep(POLL_MS, signal);
			continue;
		}
		const lease: Lease = { holder: node, token: (current?.token ?? 0) + 1, beat: 0 };
		await leases.write(occurrence, lease);
		await sleep(SETTLE_MS, signal);
		if (isSame(await leases.read(occurrence), lease)) return { lease };
	}
}

/** Keeps the lease alive while the work goes on. Undefined where another node took the lease and the work was aborted. */
export async function whileHeld<T>(
	occurrence: string,
	lease: Lease,
	work: (signal: AbortSignal) => Promise<T>,
	ports: LeasePorts,
	signal: AbortSignal
): Promise<T | undefined> {
	const lost = new AbortController();
	const over = new AbortController();
	const beating = keepBeating(occurrence, lease, () => lost.abort(), ports, AbortSignal.any([signal, over.signal]));
	try {
		return await work(AbortSignal.any([signal, lost.signal]));
	} catch (error) {
		if (lost.signal.aborted && !signal.aborted) return undefined;
		throw error;
	} finally {
		over.abort();
		await beating;
	}
}

async function keepBeating(
	occurrence: string,
	lease: Lease,
	onLost: () => void,
	{ leases, sleep }: LeasePorts,
	signal: AbortSignal
): Promise<void> {
	for (let { beat } = lease; ;) {
		await sleep(BEAT_MS, signal);
		if (signal.aborted) return;
		try {
			const current = await leases.read(occurrence);
			if (current && (current.holder !== lease.holder || current.token !== lease.token)) return onLost();
			beat += 1;
			await leases.write(occurrence, { ...lease, beat });
		} catch {
			// The table may answer at the next beat. If it never does, another node takes over, and the ledger decides.
		}
	}
}

function isSame(a: Lease | undefined, b: Lease | undefined): boolean {
	return a?.holder === b?.holder && a?.token === b?.token && a?.beat === b?.beat;
}
