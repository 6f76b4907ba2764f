import { CustodianError } from '../../lib/errors.ts';
import { oncePerCluster } from '../../lib/schedule/decide-once.ts';
import type { Lease, Leases } from '../../lib/schedule/lease.ts';
import { repositoryLedger, type SharedObjects } from '../../lib/schedule/ledger.ts';
import type { Execute } from '../../lib/schedule/runner.ts';
import type { Schedule } from '../../lib/schedule/schedule.ts';
import { MemoryObjects } from './memory-objects.ts';
import { Node, type Mortal } from './schedule-node.ts';
import type { VirtualTime } from './virtual-time.ts';

export type NodeName = 'a' | 'b';

/** How one run goes. */
export interface Plan {
	readonly takesMs: number;
	readonly succeeds: boolean;
}

/** One run that began. */
export interface Ran {
	readonly node: NodeName;
	readonly occurrence: string;
	readonly startedAt: number;
}

/** Two nodes, a table that replicates between them, a repository that both share, and everything that can go wrong. */
export class Cluster {
	readonly time: VirtualTime;
	readonly objects = new MemoryObjects();
	/** What runs have left: by its name, the node that left it. */
	readonly results = new Map<string, NodeName>();
	readonly ran: Ran[] = [];
	readonly nodes: Readonly<Record<NodeName, Node>>;
	/** The nodes do not see each other. */
	partitioned = false;
	/** The nodes that do not see the repository. */
	readonly cut = new Set<NodeName>();
	planOf: () => Plan;
	readonly #rows: Readonly<Record<NodeName, Map<string, Row>>> = { a: new Map(), b: new Map() };
	#undelivered: { readonly to: NodeName; readonly occurrence: string; readonly row: Row }[] = [];
	#results = 0;

	constructor(time: VirtualTime, schedule: Schedule, planOf: () => Plan = () => ({ takesMs: 60_000, succeeds: true })) {
		this.time = time;
		this.planOf = planOf;
		this.nodes = { a: this.#node('a', schedule), b: this.#node('b', schedule) };
	}

	heal(): void {
		this.partitioned = false;
		for (const { to, occurrence, row } of this.#undelivered.splice(0)) this.#receive(to, occurrence, row);
	}

	#node(name: NodeName, schedule: Schedule): Node {
		return new Node(this.time, [schedule], (mortal) =>
			oncePerCluster(name, this.#execute(name, mortal), {
				leases: this.#leases(name, mortal),
				ledger: repositoryLedger(this.#repository(name, mortal), ''),
				clock: this.time,
				sleep: (ms, signal) => mortal(() => this.time.sleep(ms, signal)),
				discard: (_, detail) => mortal(async () => void this.results.delete(detail ?? '')),
				warn: () => {},
			})
		);
	}

	#execute(node: NodeName, mortal: Mortal): Execute {
		return async ({ id }, _, signal) => {
			const { takesMs, succeeds } = this.planOf();
			this.ran.push({ node, occurrence: id, startedAt: this.time.now() });
			await mortal(() => this.time.sleep(takesMs, signal));
			signal.throwIfAborted();
			if (!succeeds) throw new Error('planned');
			const detail = `${id} by ${node} ${++this.#results}`;
			await this.#reach(node, mortal, async () => void this.results.set(detail, node));
			return { kind: 'succeeded', detail };
		};
	}

	#repository(node: NodeName, mortal: Mortal): SharedObjects {
		const { objects } = this;
		const reach = <T>(work: () => Promise<T>) => this.#reach(node, mortal, work);
		return {
			write: (key, bytes) => reach(() => objects.write(key, bytes)),
			async *read(key) {
				yield* await reach(async () => {
					const chunks: Uint8Array[] = [];
					for await (const chunk of objects.read(key)) chunks.push(chunk);
					return chunks;
				});
			},
		};
	}

	/** There and back again: what is cut off in between has happened, and nobody is told. */
	async #reach<T>(node: NodeName, mortal: Mortal, work: () => Promise<T>): Promise<T> {
		await this.#way(node, mortal);
		const result = await work().then(
			(value) => ({ value }),
			(error: unknown) => ({ error })
		);
		await this.#way(node, mortal);
		if ('error' in result) throw result.error;
		return result.value;
	}

	async #way(node: NodeName, mortal: Mortal): Promise<void> {
		await mortal(() => this.time.sleep(40));
		if (this.cut.has(node)) throw new CustodianError('repository_unreachable', node, 'No way.');
	}

	#leases(name: NodeName, mortal: Mortal): Leases {
		return {
			read: (occurrence) => mortal(async () => this.#rows[name].get(occurrence)?.lease),
			write: (occurrence, lease) =>
				mortal(async () => {
					const row = { lease, version: this.nodes[name].now, writer: name };
					this.#receive(name, occurrence, row);
					void this.#replicate(name === 'a' ? 'b' : 'a', occurrence, row);
				}),
			remove: (occurrence) =>
				mortal(async () => {
					const row = { lease: undefined, version: this.nodes[name].now, writer: name };
					this.#receive(name, occurrence, row);
					void this.#replicate(name === 'a' ? 'b' : 'a', occurrence, row);
				}),
		};
	}

	async #replicate(to: NodeName, occurrence: string, row: Row): Promise<void> {
		await this.time.sleep(300);
		if (this.partitioned) this.#undelivered.push({ to, occurrence, row });
		else this.#receive(to, occurrence, row);
	}

	/** The last write wins, by the clock of whoever wrote it. */
	#receive(to: NodeName, occurrence: string, row: Row): void {
		const current = this.#rows[to].get(occurrence);
		const isNewer =
			!current || row.version > current.version || (row.version === current.version && row.writer >= current.writer);
		if (isNewer) this.#rows[to].set(occurrence, row);
	}
}

interface Row {
	/** Undefined where it was removed. */
	readonly lease: Lease | undefined;
	readonly version: number;
	readonly writer: NodeName;
}
