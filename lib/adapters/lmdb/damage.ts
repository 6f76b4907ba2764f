import { CustodianError } from '../../errors.ts';

/** The file contradicts itself. `where` names the tree, and the page where one is at fault. */
export function damaged(where: string, what: string, cause?: unknown): CustodianError {
	return new CustodianError('snapshot_damaged', where, `${where}: ${what}.`, {
		cause,
		hint: 'The file cannot be trusted. Take another snapshot, and look at the storage that held this one.',
	});
}
