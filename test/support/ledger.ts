import { join } from 'node:path';
import type { Harper } from './harper.ts';
import { ask } from './jobs.ts';
import { checkout } from './run.ts';

/** A component with two tables that every transaction keeps equal, in the database `ledger`. */
export const ledger = { name: 'ledger', source: join(checkout, 'test/support/fixtures/ledger') };

export interface LedgerCounts {
	readonly tables: readonly { readonly name: string; readonly rows: number; readonly indexed: number }[];
	readonly auditEntries: number;
}

/** Fills both tables with so many rows of incompressible text. */
export async function fillLedger(harper: Harper, rows: number, bytes = 700): Promise<LedgerCounts> {
	const request = { method: 'POST', body: { rows, bytes }, signal: AbortSignal.timeout(120_000) };
	const { body } = await ask<LedgerCounts>(harper, '/LedgerFill', request);
	return body;
}
