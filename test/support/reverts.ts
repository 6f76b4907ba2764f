import { ask } from './jobs.ts';
import type { Credentials, Harper } from './harper.ts';
import { eventually } from './wait.ts';

/** A revert as `/custodian/reverts/{id}` shows it. */
export interface ShownRevert {
	readonly id: string;
	readonly state: string;
	readonly database: string;
	readonly by: string;
	readonly hash?: string;
	readonly job: string;
	readonly plan?: {
		readonly hash: string;
		readonly tookMs: number;
		readonly totals: {
			readonly records: number;
			readonly byDecision: Readonly<Record<'write' | 'delete' | 'leave' | 'impossible', number>>;
			readonly conflicts: { readonly records: number };
		};
	};
	readonly receipt?: {
		readonly by: string;
		readonly reason: string;
		readonly plan: string;
		readonly complete: boolean;
		readonly versions: readonly number[];
		readonly counts: Counts;
		readonly tables: Readonly<Record<string, Counts>>;
		readonly drifted: readonly { readonly table: string; readonly id: unknown; readonly why: string }[];
		readonly impossible: readonly { readonly table: string; readonly id: unknown; readonly why: string }[];
	};
	readonly error?: { readonly code: string; readonly message: string };
}

interface Counts {
	readonly written: number;
	readonly deleted: number;
	readonly left: number;
	readonly drifted: number;
	readonly impossible: number;
}

export interface ShownRecordPlan {
	readonly table: string;
	readonly id: unknown;
	readonly decision: string;
	readonly reason: string;
	readonly attributes: readonly {
		readonly name: string;
		readonly outcome: string;
		readonly base?: unknown;
		readonly bad?: unknown;
		readonly live?: unknown;
	}[];
	readonly conflicts: readonly { readonly attribute?: string; readonly user?: string }[];
}

const IN_BETWEEN = ['planning', 'applying'];

/** Asks for a revert and resolves with it once nothing is done about it any more. */
export async function reverted(harper: Harper, body: object, user?: Credentials): Promise<ShownRevert> {
	const asked = await ask<ShownRevert>(harper, '/custodian/reverts', {
		method: 'POST',
		body: { database: 'market', reason: 'a test', ...body },
		...(user ? { user } : {}),
	});
	if (asked.status !== 202) throw new Error(`It answered ${asked.status}: ${JSON.stringify(asked.body)}`);
	return endedRevert(harper, asked.body.id);
}

export async function endedRevert(harper: Harper, id: string, timeoutMs = 60_000): Promise<ShownRevert> {
	return eventually(
		async () => {
			const { body } = await ask<ShownRevert>(harper, `/custodian/reverts/${id}`);
			return !IN_BETWEEN.includes(body.state) && body;
		},
		{ describe: `revert ${id} ends`, timeoutMs, intervalMs: 50 }
	);
}

/** Applies the plan that was reviewed, and resolves once that has ended. */
export async function applied(harper: Harper, { id, hash }: ShownRevert): Promise<ShownRevert> {
	const answer = await ask(harper, `/custodian/reverts/${id}/apply`, { method: 'POST', body: { plan: hash } });
	if (answer.status !== 202) throw new Error(`It answered ${answer.status}: ${JSON.stringify(answer.body)}`);
	return endedRevert(harper, id);
}

export interface MarketWrite {
	readonly table?: string;
	readonly id: string | number;
	readonly put?: object;
	readonly patch?: object;
	readonly expiresAt?: number;
}

export interface MarketTransaction {
	readonly as: string;
	readonly writes: readonly MarketWrite[];
}

/** Writes to the database of the fixture `market` as anybody, in one transaction. */
export function write(harper: Harper, as: string, ...writes: readonly MarketWrite[]): Promise<void> {
	return writeAll(harper, [{ as, writes }]);
}

/** Writes one transaction after the other. */
export async function writeAll(harper: Harper, transactions: readonly MarketTransaction[]): Promise<void> {
	const body = {
		transactions: transactions.map(({ as, writes }) => ({
			as,
			writes: writes.map((one) => ({ table: 'Article', ...one })),
		})),
	};
	const answer = await ask(harper, '/MarketWrite', { method: 'POST', body });
	if (answer.status !== 200) throw new Error(`It answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

export interface MarketEntry {
	readonly version: number;
	readonly expiresAt?: number;
	readonly value: Readonly<Record<string, unknown>> | null;
}

export async function entry(harper: Harper, id: string | number, table = 'Article'): Promise<MarketEntry | null> {
	const { body } = await ask<MarketEntry | null>(harper, `/MarketEntry?table=${table}&record=${id}`);
	return body;
}
